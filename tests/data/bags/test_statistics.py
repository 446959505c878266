from pathlib import Path

import numpy as np
import pytest
import torch

from xgraph.data import BagDataset, MoleculeDataset, instance_statistics


@pytest.mark.parametrize("shape", [(5,), (3, 4, 2)])
def test_statistics(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, shape: tuple[int, ...]) -> None:
    monkeypatch.setattr("xgraph.data.bags.statistics._CHUNK", 7)  # cuts through bags
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(60, *shape, generator=generator, dtype=torch.float64) * 3 + 1000
    x[:, 1] = 4
    ids = torch.randint(0, 6, (60,), generator=generator)
    np.save(tmp_path / "x.npy", x.numpy())
    for instances in (x, tmp_path / "x.npy"):
        data = BagDataset(instances, bag=ids, y=torch.arange(6) % 2)
        for bags in (None, torch.tensor([4, 1])):
            chosen = x[torch.isin(ids, torch.arange(6) if bags is None else bags)].transpose(0, 1).flatten(1)
            mean, std = instance_statistics(data, bags)
            torch.testing.assert_close(mean, chosen.mean(1).float())
            want = chosen.std(1, correction=0).float()
            want[1] = 1
            torch.testing.assert_close(std, want, rtol=1e-4, atol=0)


def test_statistics_without_bags_are_an_error() -> None:
    with pytest.raises(ValueError, match="positions is empty"):
        instance_statistics(BagDataset(torch.ones(2, 1), [0, 1, 2], [0, 1]), torch.empty(0, dtype=torch.long))
    with pytest.raises(ValueError, match="instances of bags are graphs"):
        instance_statistics(BagDataset(MoleculeDataset.from_smiles(["C"]), [0, 1], [1]))


def test_constant_feature_has_standard_deviation_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """To the last bit: a deviation of 1e-17, from rounding, would blow up the first number that differs."""
    monkeypatch.setattr("xgraph.data.bags.statistics._CHUNK", 7)
    x = torch.tensor([0.1, 1 / 3, 1e30, -7e-20]).expand(1000, 4)
    mean, std = instance_statistics(BagDataset(x, torch.arange(0, 1001, 10), torch.arange(100) % 2))
    assert torch.equal(mean, x[0])
    assert std.tolist() == [1, 1, 1, 1]


def test_repeated_bag_counts_twice() -> None:
    data = BagDataset(torch.tensor([[0.0], [3.0]]), [0, 1, 2], [0, 1])
    assert instance_statistics(data, torch.tensor([0, 1, 1]))[0].tolist() == [2.0]
