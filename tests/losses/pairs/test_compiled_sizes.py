import pytest
import torch

from xgraph.losses import LOSSES


@pytest.mark.slow
@pytest.mark.parametrize("name", ["soap", "sopa", "sopa-s", "sota-s", "staco", "auc-pairwise"])
def test_a_compiled_loss_is_not_compiled_for_each_number_of_positives(name: str) -> None:
    from torch._dynamo.utils import counters

    torch._dynamo.reset()
    counters.clear()
    loss_fn, plain = LOSSES[name](1000), LOSSES[name](1000)
    compiled = torch.compile(loss_fn, backend="eager")
    graphs = []
    for positives in range(3, 8):
        generator = torch.Generator().manual_seed(positives)
        target = (torch.arange(64) < positives).float()
        index = torch.randperm(1000, generator=generator)[:64]
        logits = torch.randn(64, generator=generator)
        torch.testing.assert_close(compiled(logits, target, index), plain(logits, target, index))
        graphs.append(counters["stats"]["unique_graphs"])
    assert graphs[-1] == graphs[1]  # the second size makes the sizes symbols
