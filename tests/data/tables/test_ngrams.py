import zlib

import pytest
import torch

from xgraph.data import Ngrams


def test_ngrams_are_words_pieces_and_pairs() -> None:
    texts = Ngrams(["An Oxo-steroid."], buckets=1000)
    expected = ["an", "oxo", "steroid", "*ster", "*tero", "*eroi", "*roid", "an oxo", "oxo steroid"]
    assert texts.ids.tolist() == [1 + zlib.crc32(one.encode()) % 999 for one in expected[:2] + expected[2:]]
    assert texts.offsets.tolist() == [0, 9]


def test_any_text_can_be_taken_in_any_order() -> None:
    given = ["a steroid", "", "...", "ein Öl", "分子 は 小さい", "a steroid"]
    texts = Ngrams(given, buckets=50)
    assert len(texts) == 6
    ids, offsets = texts.take(torch.tensor([5, 1, 3]))
    alone = [texts.take(torch.tensor([i]))[0].tolist() for i in range(6)]
    assert alone[0] == alone[5]
    assert alone[1] == alone[2] == [0]
    assert ids.tolist() == alone[5] + alone[1] + alone[3]
    assert offsets.tolist() == [0, len(alone[5]), len(alone[5]) + 1]
    assert int(texts.ids.max()) < 50
    assert texts.take(torch.tensor([], dtype=torch.long))[1].tolist() == []
    with pytest.raises(ValueError, match="buckets must be at least 2, got 1"):
        Ngrams(given, buckets=1)
