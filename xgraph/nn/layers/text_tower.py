"""A small encoder of texts: the mean of the embeddings of their hashed n-grams."""

from __future__ import annotations

from torch import Tensor, nn

from xgraph.checks import integer, number


class TextTower(nn.Module):
    """Encodes texts, given as bags of hashed n-grams (:class:`xgraph.data.Ngrams`), as vectors.

    The mean of the n-grams' embeddings is normalised and passes through a hidden layer. It knows no order of words
    beyond pairs, and nothing that is not in its training texts; it needs no download.

    Args:
        out_channels: Length of the vectors.
        buckets: Number of different n-grams: that of the :class:`xgraph.data.Ngrams`.
        hidden_channels: Length of the embeddings, and width of the hidden layer.
        dropout: Share of the hidden layers' inputs that is set to 0 in training.

    Raises:
        ValueError: If an argument is out of range.

    Example:
        >>> import torch
        >>> from xgraph.data import Ngrams
        >>> texts = Ngrams(["a steroid", "an alcohol"])
        >>> TextTower(16)(*texts.take(torch.arange(2))).shape
        torch.Size([2, 16])
    """

    def __init__(
        self, out_channels: int, *, buckets: int = 2**14, hidden_channels: int = 128, dropout: float = 0.2
    ) -> None:
        super().__init__()
        integer("out_channels", out_channels)
        integer("buckets", buckets, 2)
        width = integer("hidden_channels", hidden_channels)
        number("dropout", dropout, 0, 1, "[)")
        self.embedding = nn.EmbeddingBag(buckets, width, mode="mean")
        self.mlp = nn.Sequential(
            nn.LayerNorm(width),
            nn.Dropout(dropout),
            nn.Linear(width, width),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(width, out_channels),
        )

    def forward(self, ids: Tensor, offsets: Tensor) -> Tensor:
        """Encode texts.

        Args:
            ids: The n-grams of all texts, one text after another.
            offsets: ``[B]``, where each text begins.

        Returns:
            ``[B, out_channels]``.
        """
        out: Tensor = self.mlp(self.embedding(ids, offsets))
        return out
