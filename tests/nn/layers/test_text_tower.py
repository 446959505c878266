import pytest
import torch

from xgraph.data import Ngrams
from xgraph.nn import TextTower


def test_a_text_has_the_same_vector_in_any_batch() -> None:
    texts = Ngrams(["a steroid", "an alcohol", ""])
    torch.manual_seed(0)
    tower = TextTower(5, hidden_channels=8).eval()
    together = tower(*texts.take(torch.arange(3)))
    for i in range(3):
        torch.testing.assert_close(tower(*texts.take(torch.tensor([i])))[0], together[i])
    mean = tower.embedding.weight[texts.take(torch.tensor([1]))[0]].mean(0)
    torch.testing.assert_close(tower.mlp(mean), together[1])


@pytest.mark.parametrize("wrong", [{"buckets": 1}, {"hidden_channels": 0}, {"dropout": 1.0}, {"out_channels": 0}])
def test_arguments_out_of_range_are_rejected(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        TextTower(**{"out_channels": 4, **wrong})  # type: ignore[arg-type]
