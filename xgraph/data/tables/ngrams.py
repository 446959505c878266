"""Texts as hashed n-grams: numbers for a small text encoder, without a vocabulary that has to be fetched."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from xgraph.checks import integer

_WORD = re.compile(r"[^\W_]+")
_PIECE = 4


class Ngrams:
    """Texts as bags of hashed n-grams: words, pairs of neighbouring words, and pieces of four letters of long words.

    Each n-gram is a number below ``buckets`` (its CRC-32), so that any text in any language can be read, and the same
    text always gives the same numbers. Upper and lower case, and punctuation, do not matter.

    Args:
        texts: The texts.
        buckets: How many numbers there are. Number 0 stands for a text without words.

    Attributes:
        ids: The n-grams of all texts, int64.
        offsets: Where each text begins in ``ids``, and its length at the end, int64. Shape ``[n + 1]``.

    Raises:
        ValueError: If ``buckets`` is below 2.

    Example:
        >>> texts = Ngrams(["A steroid ester.", "a STEROID", ""], buckets=1000)
        >>> len(texts), texts.offsets.tolist()
        (3, [0, 11, 18, 19])
        >>> ids, offsets = texts.take(torch.tensor([2, 1]))  # the input of xgraph.nn.TextTower
        >>> offsets.tolist(), ids[0].item()
        ([0, 1], 0)
    """

    def __init__(self, texts: Sequence[str], buckets: int = 2**14) -> None:
        self.buckets = integer("buckets", buckets, 2)
        numbers = [list(self._numbers(text)) or [0] for text in texts]
        sizes = np.fromiter(map(len, numbers), dtype=np.int64, count=len(numbers))
        self.offsets = torch.from_numpy(np.concatenate([[0], sizes.cumsum()]).astype(np.int64))
        self.ids = torch.tensor([number for own in numbers for number in own], dtype=torch.int64)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def take(self, index: Tensor) -> tuple[Tensor, Tensor]:
        """Return the n-grams of some texts one after another, and where each text begins.

        Args:
            index: ``[B]`` numbers of texts.

        Returns:
            ``ids``, int64, and ``offsets``, ``[B]``, on the CPU.
        """
        index = index.cpu()
        begin, size = self.offsets[index], self.offsets[index + 1] - self.offsets[index]
        start = size.cumsum(0) - size
        shift = torch.repeat_interleave(begin - start, size)
        return self.ids[shift + torch.arange(len(shift))], start

    def _numbers(self, text: str) -> Iterator[int]:
        words = _WORD.findall(text.lower())
        for word in words:
            yield self._hash(word)
            if len(word) > _PIECE:
                for begin in range(len(word) - _PIECE + 1):
                    yield self._hash(f"*{word[begin : begin + _PIECE]}")
        for one, two in pairwise(words):
            yield self._hash(f"{one} {two}")

    def _hash(self, ngram: str) -> int:
        return 1 + zlib.crc32(ngram.encode()) % (self.buckets - 1)
