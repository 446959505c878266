from pathlib import Path

import numpy as np
import pytest
import torch

from xgraph.data import BagDataset, MoleculeDataset, bag_statistics
from xgraph.data.bags import passes


@pytest.mark.parametrize("shape", [(5,), (3, 4, 2)])
def test_statistics_of_each_bag(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, shape: tuple[int, ...]) -> None:
    x = np.random.default_rng(0).normal(1000, 3, (60, *shape)).astype(np.float32)
    ids = np.random.default_rng(1).integers(0, 6, 60)
    ids[:6] = range(6)
    np.save(tmp_path / "x.npy", x)
    chosen = torch.tensor([4, 1, 1, 5])
    for most in (4096, 7, 1):  # whole bags together, bags in chunks, single instances
        monkeypatch.setattr(passes, "INSTANCES", most)
        for instances in (torch.from_numpy(x), tmp_path / "x.npy"):
            data = BagDataset(instances, bag=ids)
            for bags in (None, chosen):
                rows = []
                for bag in range(6) if bags is None else bags.tolist():
                    own = x[ids == bag].reshape(sum(ids == bag), -1).astype(np.float64)
                    rows.append(np.concatenate([own.mean(0), own.max(0), own.min(0), own.std(0)]))
                found = bag_statistics(data, bags)
                assert found.dtype == torch.float32
                np.testing.assert_allclose(found, rows, rtol=1e-6, atol=1e-5)


def test_the_row_of_a_bag_does_not_depend_on_the_others() -> None:
    generator = torch.Generator().manual_seed(0)
    data = BagDataset(torch.randn(90, 3, generator=generator), torch.arange(0, 91, 9))
    whole = bag_statistics(data)
    assert all(torch.equal(whole[bag], bag_statistics(data, torch.tensor([bag]))[0]) for bag in range(10))


def test_extreme_values_constant_features_and_single_instances() -> None:
    x = torch.tensor([[3e38, 0.1], [3e38, 0.1], [-3e38, 0.1], [7.0, -1.0]])
    mean, high, low, std = bag_statistics(BagDataset(x, [0, 3, 4])).view(2, 4, 2).unbind(1)
    assert torch.equal(high, torch.tensor([[3e38, 0.1], [7.0, -1.0]]))
    assert torch.equal(low, torch.tensor([[-3e38, 0.1], [7.0, -1.0]]))
    assert mean.isfinite().all()
    assert std[:, 1].tolist() == [0, 0]
    torch.testing.assert_close(std[0, 0], torch.tensor(8**0.5 * 1e38), rtol=1e-6, atol=0)


def test_no_bags_and_graphs() -> None:
    data = BagDataset(torch.ones(2, 3), [0, 1, 2])
    assert bag_statistics(data, torch.empty(0, dtype=torch.long)).shape == (0, 12)
    with pytest.raises(ValueError, match="instances of bags are graphs, which have no statistics"):
        bag_statistics(BagDataset(MoleculeDataset.from_smiles(["C"]), [0, 1]))


def test_progress() -> None:
    done: list[tuple[int, int, str]] = []
    bag_statistics(BagDataset(torch.ones(2, 3), [0, 1, 2]), progress=lambda *report: done.append(report))
    assert done == [(2, 2, "describing bags")]
