import torch

from xgraph.data.bags.passes import grouped


def test_small_bags_are_read_together() -> None:
    sizes = torch.tensor([3, 3, 4, 1, 20, 1])
    assert list(grouped(sizes, 6)) == [[0, 1], [2, 3], [4], [5]]
    assert list(grouped(torch.empty(0), 6)) == []
