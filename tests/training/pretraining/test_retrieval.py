import pytest
import torch

from xgraph.training.pretraining import retrieval as module
from xgraph.training.pretraining.retrieval import ranks, retrieval


def test_ranks_by_sorting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ROWS", 7)
    one, two = torch.randn(2, 20, 4, generator=torch.Generator().manual_seed(0))
    scores = torch.nn.functional.normalize(one) @ torch.nn.functional.normalize(two).t()
    order = scores.argsort(1, descending=True).tolist()
    expected = [float(order[i].index(i) + 1) for i in range(20)]
    assert ranks(one, two).tolist() == expected
    found = retrieval(one, two, "text")
    assert found["text_mrr"] == pytest.approx(sum(1 / rank for rank in expected) / 20)
    assert found["text_recall@5"] == pytest.approx(sum(rank <= 5 for rank in expected) / 20)
    assert found["text_median_rank"] == pytest.approx(sorted(expected)[9] / 2 + sorted(expected)[10] / 2)


def test_ties_share_the_mean_rank() -> None:
    same = torch.ones(9, 3)
    assert ranks(same, same).tolist() == [5.0] * 9
    assert retrieval(same, same, "x")["x_recall@1"] == 0.0
