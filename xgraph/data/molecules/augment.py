"""Random augmentation of molecular graphs: masking atoms, and removing bonds, atoms and subgraphs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from torch_geometric.data import Batch

MASKED = (118, 4, 11, 11, 9, 5, 5, 0, 0)
"""A masked atom: the last, almost unused category of each OGB feature."""

REACH = 8
"""Maximum distance, in bonds, from the centre of a removed subgraph; atoms further away count as equally far."""


class Augmentation:
    """Random augmentation of a batch of molecular graphs; each graph is changed independently.

    Of a molecule's n atoms or bonds, ratio · n are changed, randomly rounded up or down so that the mean is exact; at
    least one atom remains. The steps are: remove a connected subgraph, remove single atoms with their bonds, remove
    bonds (both directions together), and mask remaining atoms. After You et al., "Graph Contrastive Learning with
    Augmentations", NeurIPS 2020, and Wang et al., "Molecular contrastive learning of representations via graph neural
    networks", Nature Machine Intelligence 2022.

    Args:
        mask_atoms: Fraction of atoms whose features are masked.
        drop_bonds: Fraction of bonds to remove.
        drop_atoms: Fraction of atoms to remove, anywhere in the molecule.
        drop_subgraph: Fraction of atoms to remove around a random atom, in order of distance.

    Raises:
        ValueError: If a fraction is not in [0, 1).

    Example:
        >>> from xgraph.data import MoleculeDataset
        >>> batch = MoleculeDataset.from_smiles(["CCCCCCCCCC", "C"]).batch([0, 1, 0])
        >>> augment = Augmentation(mask_atoms=0, drop_bonds=0, drop_atoms=0.5)
        >>> view = augment(batch, torch.Generator().manual_seed(0))
        >>> view.ptr.diff().tolist()
        [5, 1, 5]
    """

    def __init__(
        self, mask_atoms: float = 0.25, drop_bonds: float = 0.25, drop_atoms: float = 0.0, drop_subgraph: float = 0.0
    ) -> None:
        self.mask_atoms, self.drop_bonds = _share("mask_atoms", mask_atoms), _share("drop_bonds", drop_bonds)
        self.drop_atoms = _share("drop_atoms", drop_atoms)
        self.drop_subgraph = _share("drop_subgraph", drop_subgraph)

    def __call__(self, batch: Batch, generator: torch.Generator) -> Batch:
        """Return an augmented copy of the batch."""
        from torch_geometric.data import Batch as PyGBatch

        x, edges, attr, graph = batch.x, batch.edge_index, batch.edge_attr, batch.batch
        bonds = _bonds(edges)
        size = batch.ptr.diff()
        for share, around in ((self.drop_subgraph, True), (self.drop_atoms, False)):
            if not share:
                continue
            key = self._draw(graph, generator)
            if around:
                key = key + _distance(bonds, graph, key, len(size)).to(key.dtype)
            keep = _lowest(key, graph, size, share, generator, spare=1).logical_not_()
            number = keep.cumsum(0) - 1
            stay = keep[bonds].all(0)
            bonds, attr = number[bonds[:, stay]], attr[stay.repeat_interleave(2)]
            x, graph = x[keep], graph[keep]
            size = torch.zeros_like(size).index_add_(0, graph, torch.ones_like(graph))
        if self.drop_bonds:
            owner = graph[bonds[0]]
            count = torch.zeros_like(size).index_add_(0, owner, torch.ones_like(owner))
            stay = _lowest(self._draw(owner, generator), owner, count, self.drop_bonds, generator).logical_not_()
            bonds, attr = bonds[:, stay], attr[stay.repeat_interleave(2)]
        if self.mask_atoms:
            mask = _lowest(self._draw(graph, generator), graph, size, self.mask_atoms, generator)
            x = torch.where(mask.unsqueeze(1), x.new_tensor(MASKED), x)
        ptr = torch.cat([size.new_zeros(1), size.cumsum(0)])
        edges = torch.stack([bonds, bonds.flip(0)], dim=2).reshape(2, -1)
        view = PyGBatch(x=x, edge_index=edges, edge_attr=attr, batch=graph, ptr=ptr)
        view._num_graphs = len(size)
        return view

    def __repr__(self) -> str:
        shares = ", ".join(f"{name}={value:g}" for name, value in vars(self).items())
        return f"Augmentation({shares})"

    @staticmethod
    def _draw(like: Tensor, generator: torch.Generator) -> Tensor:
        """Draw one uniform number per row, in double precision to avoid ties."""
        return torch.rand(len(like), generator=generator, dtype=torch.float64).to(like.device)


def _share(name: str, value: float) -> float:
    if not 0 <= value < 1:
        raise ValueError(f"{name} must be in [0, 1), got {value}")
    return float(value)


def _bonds(edges: Tensor) -> Tensor:
    """Return both atoms of each bond, ``[2, bonds]``, from edges in both directions."""
    forth, back = edges[:, 0::2], edges[:, 1::2]
    if forth.shape != back.shape or not torch.equal(forth, back.flip(0)):
        raise ValueError("edge_index must list the two directions of each bond next to each other")
    return forth


def _lowest(
    key: Tensor, group: Tensor, size: Tensor, share: float, generator: torch.Generator, spare: int = 0
) -> Tensor:
    """Return which rows have the lowest keys of their group: a fraction of each, leaving at least `spare` rows."""
    chance = torch.rand(len(size), generator=generator, dtype=torch.float64).to(key.device)
    count = torch.minimum((share * size + chance).long(), (size - spare).clamp_min(0))
    order = key.argsort(stable=True)
    order = order[group[order].argsort(stable=True)]
    first = (size.cumsum(0) - size)[group[order]]
    rank = torch.arange(len(key), device=key.device) - first
    return torch.empty_like(key, dtype=torch.bool).index_copy_(0, order, rank < count[group[order]])


def _distance(bonds: Tensor, graph: Tensor, key: Tensor, num_graphs: int) -> Tensor:
    """Return the distance of each atom to its graph's centre, the atom with the lowest key, up to `REACH`."""
    low = torch.full((num_graphs,), torch.inf, dtype=key.dtype, device=key.device)
    low.scatter_reduce_(0, graph, key, "amin")
    distance = torch.where(key == low[graph], 0, REACH)
    source, target = torch.cat([bonds, bonds.flip(0)], dim=1)
    for _ in range(REACH - 1):
        distance = distance.scatter_reduce(0, target, distance[source] + 1, "amin")
    return distance
