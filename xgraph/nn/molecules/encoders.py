"""Embeddings of categorical atom and bond features."""

from collections.abc import Sequence
from itertools import accumulate

import torch
from torch import Tensor, nn

# Vocabulary sizes of the Open Graph Benchmark's molecule features.
# Atom: atomic number, chirality, degree, formal charge, hydrogens, radical electrons, hybridisation,
# aromatic, in a ring. Bond: type, stereo, conjugated.
ATOM_FEATURE_SIZES = (119, 5, 12, 12, 10, 6, 6, 2, 2)
BOND_FEATURE_SIZES = (5, 6, 2)


class MultiHot(nn.Module):
    """Encodes categorical features as rows of zeros and ones, with one column per category.

    The sum of the features' embeddings is then a product of these rows with one matrix. This is faster than separate
    look-ups, whose gradients must be scattered, and all layers that embed the same features can share the rows.

    Args:
        sizes: Number of categories of each feature.
        name: Name of the features in error messages.

    Raises:
        TypeError: If the codes are not integers.
        ValueError: If the number of features is wrong, or a code is out of its vocabulary. On the CPU the range is
            checked immediately. On a GPU a wrong code raises a device-side assertion, which avoids a synchronisation.
            Under `torch.compile` the range is not checked.

    Example:
        >>> MultiHot((2, 3))(torch.tensor([[1, 0], [0, 2]]))
        tensor([[0., 1., 1., 0., 0.],
                [1., 0., 0., 0., 1.]])
    """

    first: Tensor
    sizes: Tensor

    def __init__(self, sizes: Sequence[int], name: str = "features") -> None:
        super().__init__()
        self.name = name
        self.num_categories = sum(sizes)
        self.register_buffer("sizes", torch.tensor(sizes), persistent=False)
        first = torch.tensor([0, *accumulate(sizes)][:-1])
        self.register_buffer("first", first, persistent=False)

    def forward(self, codes: Tensor, dtype: torch.dtype | None = None) -> Tensor:
        """Return the encoded rows, ``[N, sum(sizes)]``.

        Args:
            codes: Category of each feature, from 0, in any integer type. Shape ``[N, F]``.
            dtype: Type of the result; by default torch's default type.
        """
        if codes.dtype.is_floating_point or codes.dtype.is_complex or codes.dtype == torch.bool:
            raise TypeError(f"{self.name} must hold integer categories, got {codes.dtype}")
        if codes.dim() != 2 or codes.size(1) != len(self.sizes):
            raise ValueError(f"{self.name} must have shape [N, {len(self.sizes)}], got {list(codes.shape)}")
        codes = codes.long()
        if not torch.compiler.is_compiling():
            self._check_range(codes)
        rows = torch.zeros(codes.size(0), self.num_categories, dtype=dtype, device=codes.device)
        return rows.scatter_(1, codes + self.first, 1.0)

    def extra_repr(self) -> str:
        """Show the vocabulary sizes."""
        return f"{self.sizes.tolist()}"

    def _check_range(self, codes: Tensor) -> None:
        valid = (codes >= 0) & (codes < self.sizes)
        if codes.device.type != "cpu":
            torch._assert_async(valid.all(), f"{self.name} holds a category outside its vocabulary")
        elif not valid.all():
            row, feature = (int(i) for i in torch.nonzero(~valid)[0])
            raise ValueError(
                f"{self.name}[{row}, {feature}] is {int(codes[row, feature])}, "
                f"but this feature must be between 0 and {int(self.sizes[feature]) - 1}"
            )


class CategoricalEmbedding(nn.Module):
    """Sum of one learned embedding per categorical feature: ``sum_f table_f[code_f]``.

    Args:
        sizes: Number of categories of each feature.
        channels: Size of the vectors.

    Example:
        >>> embed = CategoricalEmbedding((2, 3), channels=4)
        >>> rows = MultiHot((2, 3))(torch.tensor([[1, 2]]))
        >>> torch.equal(embed(rows)[0], embed.weight[1] + embed.weight[4])
        True
    """

    def __init__(self, sizes: Sequence[int], channels: int) -> None:
        super().__init__()
        self.sizes = list(sizes)
        self.weight = nn.Parameter(torch.empty(sum(sizes), channels))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Reinitialise every feature's table with the Glorot uniform distribution."""
        with torch.no_grad():
            for table in torch.split(self.weight, self.sizes):
                nn.init.xavier_uniform_(table)

    def forward(self, rows: Tensor) -> Tensor:
        """Return vectors ``[N, channels]`` for rows from a `MultiHot` with the same sizes."""
        return rows @ self.weight

    def extra_repr(self) -> str:
        """Show the sizes and channels."""
        return f"{self.sizes}, channels={self.weight.size(1)}"
