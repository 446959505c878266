"""Molecules for the tests of models: RDKit's own NCI file through ogb's featuriser, and random graphs."""

from functools import cache
from pathlib import Path

import torch
from torch_geometric.data import Batch, Data

from xgraph.nn import ATOM_FEATURE_SIZES, BOND_FEATURE_SIZES


@cache
def real_molecules(count: int = 40) -> tuple[Data, ...]:
    from ogb.utils import smiles2graph
    from rdkit import RDConfig

    lines = (Path(RDConfig.RDDataDir) / "NCI" / "first_5K.smi").read_text().splitlines()[:count]
    graphs = [smiles2graph(line.split()[0]) for line in lines]
    return tuple(
        Data(
            x=torch.from_numpy(g["node_feat"]),
            edge_index=torch.from_numpy(g["edge_index"]),
            edge_attr=torch.from_numpy(g["edge_feat"]),
        )
        for g in graphs
    )


def real_batch(count: int = 40) -> Batch:
    return Batch.from_data_list(list(real_molecules(count)))


def random_molecule(num_atoms: int, num_bonds: int, seed: int = 0) -> Data:
    g = torch.Generator().manual_seed(seed)
    codes = lambda n, sizes: torch.stack(  # noqa: E731
        [torch.randint(size, (n,), generator=g) for size in sizes], dim=1
    )
    ends = torch.randint(num_atoms, (2, num_bonds), generator=g)
    edge_attr = codes(num_bonds, BOND_FEATURE_SIZES)
    return Data(
        x=codes(num_atoms, ATOM_FEATURE_SIZES),
        edge_index=torch.cat([ends, ends.flip(0)], dim=1),
        edge_attr=torch.cat([edge_attr, edge_attr]),
    )
