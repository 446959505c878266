import pytest
import torch
from torch_geometric.data import Batch

from xgraph.data import Augmentation, MoleculeDataset
from xgraph.data.molecules.augment import MASKED

SMILES = ["CC(=O)Oc1ccccc1C(=O)O", "C", "CCO", "c1ccc2ccccc2c1", "C" * 40, "[Na+].[Cl-]"]
SIZES = [13, 1, 3, 10, 40, 2]
NONE = {"mask_atoms": 0.0, "drop_bonds": 0.0, "drop_atoms": 0.0, "drop_subgraph": 0.0}


@pytest.fixture(scope="module")
def batch() -> Batch:
    return MoleculeDataset.from_smiles(SMILES).batch(range(len(SMILES)))


def views(batch: Batch, count: int = 200, **shares: float) -> list[Batch]:
    augment, generator = Augmentation(**{**NONE, **shares}), torch.Generator().manual_seed(0)
    return [augment(batch, generator) for _ in range(count)]


def edges(batch: Batch) -> list[tuple[int, ...]]:
    """Both ends and the features of each edge."""
    return [tuple(row) for row in torch.cat([batch.edge_index.t(), batch.edge_attr], dim=1).tolist()]


def check(view: Batch) -> None:
    """What every batch of molecules is."""
    assert view.ptr[0] == 0
    assert view.ptr[-1] == len(view.x) == len(view.batch)
    assert torch.equal(view.batch, torch.repeat_interleave(torch.arange(len(SMILES)), view.ptr.diff()))
    assert view.num_graphs == len(SMILES)
    assert bool((view.ptr.diff() >= 1).all())
    assert view.edge_index.shape == (2, len(view.edge_attr))
    assert torch.equal(view.edge_index[:, 0::2], view.edge_index[:, 1::2].flip(0))
    assert torch.equal(view.edge_attr[0::2], view.edge_attr[1::2])
    assert torch.equal(view.batch[view.edge_index[0]], view.batch[view.edge_index[1]])


def test_zero_fractions_change_nothing(batch: Batch) -> None:
    (view,) = views(batch, 1)
    check(view)
    for name in ("x", "edge_index", "edge_attr", "batch", "ptr"):
        assert torch.equal(view[name], batch[name])
    assert set(view.keys()) == {"x", "edge_index", "edge_attr", "batch", "ptr"}


def test_batch_is_not_modified(batch: Batch) -> None:
    before = {name: batch[name].clone() for name in ("x", "edge_index", "edge_attr", "batch", "ptr")}
    views(batch, 5, mask_atoms=0.5, drop_bonds=0.5, drop_atoms=0.3, drop_subgraph=0.3)
    assert all(torch.equal(batch[name], value) for name, value in before.items())


def test_masking_changes_only_whole_atoms(batch: Batch) -> None:
    counts = []
    for view in views(batch, mask_atoms=0.3):
        check(view)
        assert torch.equal(view.edge_index, batch.edge_index)
        masked = (view.x == torch.tensor(MASKED)).all(1)
        assert torch.equal(view.x[~masked], batch.x[~masked])
        counts.append(torch.zeros(len(SMILES)).index_add_(0, view.batch, masked.float()))
    share = torch.stack(counts)
    sizes = torch.tensor(SIZES).float()
    assert bool(((share - 0.3 * sizes).abs() < 1).all()), "the number is rounded up or down, no more"
    torch.testing.assert_close(share.mean(0), 0.3 * sizes, atol=0.15, rtol=0)


def test_a_masked_atom_is_in_the_models_vocabulary() -> None:
    from xgraph.nn import ATOM_FEATURE_SIZES, MultiHot

    assert MultiHot(ATOM_FEATURE_SIZES)(torch.tensor([MASKED])).sum() == 9


def test_bonds_are_removed_in_both_directions(batch: Batch) -> None:
    bonds = batch.edge_index.size(1) // 2
    per_graph = torch.bincount(batch.batch[batch.edge_index[0, ::2]], minlength=len(SMILES)).float()
    counts = []
    before = {
        tuple(edge) + tuple(a) for edge, a in zip(batch.edge_index.t().tolist(), batch.edge_attr.tolist(), strict=True)
    }
    for view in views(batch, drop_bonds=0.4):
        check(view)
        assert torch.equal(view.x, batch.x)
        now = edges(view)
        assert set(now) <= before
        assert len(set(now)) == len(now)
        counts.append(per_graph - torch.bincount(view.batch[view.edge_index[0, ::2]], minlength=len(SMILES)))
    gone = torch.stack(counts)
    assert bool(((gone - 0.4 * per_graph).abs() < 1).all())
    torch.testing.assert_close(gone.mean(0), 0.4 * per_graph, atol=0.15, rtol=0)
    assert bonds == int(per_graph.sum())


@pytest.mark.parametrize("name", ["drop_atoms", "drop_subgraph"])
def test_atoms_are_removed_with_their_bonds(batch: Batch, name: str) -> None:
    tagged = batch.clone()
    tagged.x = torch.arange(len(batch.x)).unsqueeze(1).repeat(1, 9)  # atoms that can be told apart
    bond = {tuple(e): tuple(a) for e, a in zip(batch.edge_index.t().tolist(), batch.edge_attr.tolist(), strict=True)}
    counts = []
    for view in views(tagged, **{name: 0.5}):
        check(view)
        kept = view.x[:, 0]
        assert bool((kept.diff() > 0).all()), "the order of the atoms stays"
        ends = kept[view.edge_index].t().tolist()
        left = set(kept.tolist())
        assert {tuple(e) for e in ends} == {e for e in bond if e[0] in left and e[1] in left}
        assert all(bond[tuple(e)] == tuple(a) for e, a in zip(ends, view.edge_attr.tolist(), strict=True))
        counts.append(view.ptr.diff())
    sizes = torch.stack(counts).float()
    assert sizes[:, 1].eq(1).all(), "one atom stays in any case"
    torch.testing.assert_close(sizes.mean(0)[[0, 2, 3, 4]], torch.tensor([6.5, 1.5, 5.0, 20.0]), atol=0.15, rtol=0)


def test_removed_subgraph_is_connected(batch: Batch) -> None:
    chain = MoleculeDataset.from_smiles(["C" * 12]).batch([0])
    chain.x = torch.arange(12).unsqueeze(1).repeat(1, 9)

    def runs(name: str) -> int:
        """Views of a chain in which the atoms that are gone are one stretch."""
        augment, generator = Augmentation(**{**NONE, name: 0.5}), torch.Generator().manual_seed(1)
        count = 0
        for _ in range(50):
            gone = sorted(set(range(12)) - set(augment(chain, generator).x[:, 0].tolist()))
            count += gone[-1] - gone[0] + 1 == len(gone) == 6
        return count

    assert runs("drop_subgraph") == 50
    assert runs("drop_atoms") < 10


def test_every_atom_is_equally_likely(batch: Batch) -> None:
    ring = MoleculeDataset.from_smiles(["C1CCCCCCCCC1"]).batch([0])
    ring.x = torch.arange(10).unsqueeze(1).repeat(1, 9)
    for name in ("drop_atoms", "drop_subgraph"):
        augment, generator = Augmentation(**{**NONE, name: 0.3}), torch.Generator().manual_seed(2)
        stay = sum(torch.bincount(augment(ring, generator).x[:, 0], minlength=10) for _ in range(500)) / 500
        torch.testing.assert_close(stay, torch.full((10,), 0.7), atol=0.08, rtol=0)


def test_result_depends_only_on_the_generator(batch: Batch) -> None:
    augment = Augmentation(0.3, 0.3, 0.2, 0.2)
    torch.manual_seed(0)
    one = augment(batch, torch.Generator().manual_seed(5))
    torch.manual_seed(1)
    two, three = (augment(batch, torch.Generator().manual_seed(seed)) for seed in (5, 6))
    assert all(torch.equal(one[name], two[name]) for name in ("x", "edge_index", "edge_attr", "ptr"))
    assert not (one.x.shape == three.x.shape and torch.equal(one.x, three.x))


def test_models_accept_augmented_batches(batch: Batch) -> None:
    from xgraph.nn import MODELS

    (view,) = views(batch, 1, mask_atoms=0.3, drop_bonds=0.9, drop_atoms=0.3, drop_subgraph=0.3)
    for name in ("gine", "d-mpnn", "ml-mpnn"):  # by edges, by directed edges, by rings
        assert MODELS[name](3, hidden_channels=8)(view).shape == (len(SMILES), 3)


def test_directions_of_a_bond_must_be_adjacent(batch: Batch) -> None:
    wrong = batch.clone()
    wrong.edge_index = batch.edge_index.flip(1)[:, torch.randperm(batch.edge_index.size(1))]
    with pytest.raises(ValueError, match="two directions of each bond next to each other"):
        Augmentation()(wrong, torch.Generator())


@pytest.mark.parametrize("name", list(NONE))
@pytest.mark.parametrize("share", [-0.1, 1.0, float("nan")])
def test_fractions_out_of_range_are_rejected(name: str, share: float) -> None:
    with pytest.raises(ValueError, match=rf"{name} must be in \[0, 1\)"):
        Augmentation(**{name: share})


def test_repr() -> None:
    assert repr(Augmentation(drop_atoms=0.1)).startswith(
        "Augmentation(mask_atoms=0.25, drop_bonds=0.25, drop_atoms=0.1"
    )
