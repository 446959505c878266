"""What the state of the ranks is worth where few items are sampled."""

import pytest
import torch

from xgraph.losses import NDCGLoss
from xgraph.relevance import RelevanceLists
from xgraph.sampling import ListSampler


@pytest.mark.slow
def test_tracked_ranks_are_ahead_of_those_of_a_batch():
    generator = torch.Generator().manual_seed(0)
    features, taste = torch.randn(200, 8, generator=generator), torch.randn(20, 8, generator=generator)
    scores = features @ taste.t() + 3 * torch.randn(200, 20, generator=generator)
    target = (scores > scores.quantile(0.9, dim=0)).float()
    lists, found = RelevanceLists.of_matrix(target), {}
    for gamma in (1.0, 0.3):
        weight = torch.zeros(20, 8, requires_grad=True)
        loss_fn, optimizer = NDCGLoss.of(lists, gamma=gamma), torch.optim.SGD([weight], lr=10.0)
        sampler = ListSampler(lists, queries_per_batch=20, relevant=3, irrelevant=4)
        for epoch in range(300):
            for batch in sampler:
                optimizer.param_groups[0]["lr"] = 10 * (1 - epoch / 300)
                logits = (weight[batch.query] * features[batch.item]).sum(1)
                optimizer.zero_grad()
                loss_fn(logits, batch.target, batch.pair, batch.query).backward()
                optimizer.step()
        whole = NDCGLoss(200, 20, relevance=target).eval()
        found[gamma] = -whole((features @ weight.t()).detach(), target).item()
    assert found[0.3] > found[1.0] + 0.01
