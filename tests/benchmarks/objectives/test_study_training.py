"""Training of several tasks side by side gives what each gives alone."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from benchmarks.objectives.arms import ARMS
from benchmarks.objectives.replicas import Replicas
from benchmarks.objectives.train import CHECKS, endless, make_loss, run_arms
from xgraph.nn import MLP

LABELS = torch.tensor([1.0] * 10 + [0.0] * 150)
SIZE, COUNT, STEPS = 6, 3, 12


def models(seed):
    torch.manual_seed(seed)
    return [MLP(1, SIZE, hidden_channels=8, dropout=0.0) for _ in range(COUNT)]


@pytest.mark.parametrize(
    "name", ["bce", "bce-weighted", "focal", "soap-finetune", "sota-s-finetune", "auc-margin-new-head"]
)
def test_replicas_train_like_networks_of_their_own(name):
    """The reference: the library's network with the loss of a single task, one task after another."""
    arm, x = ARMS[name], torch.randn(COUNT, len(LABELS), SIZE, generator=torch.Generator().manual_seed(1))
    together = Replicas(models(0)).train()
    loss = make_loss(arm, LABELS, COUNT)
    optimizer = torch.optim.Adam(together.parameters(), lr=0.01)
    for rows, _ in zip(endless(arm, LABELS, 3), range(STEPS), strict=False):
        value = COUNT * loss(together(x[:, rows]), LABELS[rows, None].expand(-1, COUNT), torch.from_numpy(rows))
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
    found = together.eval()(x)
    for k, model in enumerate(models(0)):
        loss = make_loss(arm, LABELS, 1)
        optimizer = torch.optim.Adam(model.train().parameters(), lr=0.01)
        for rows, _ in zip(endless(arm, LABELS, 3), range(STEPS), strict=False):
            value = loss(model(SimpleNamespace(features=x[k, rows])), LABELS[rows, None], torch.from_numpy(rows))
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
        alone = model.eval()(SimpleNamespace(features=x[k]))
        # pair losses leave the output's bias to rounding errors, which Adam enlarges
        column = found[:, k : k + 1]
        torch.testing.assert_close(column - column.mean(), alone - alone.mean(), rtol=1e-3, atol=1e-3)


class Separable:
    """Two tasks whose actives have a higher first feature."""

    count = 2

    def __init__(self):
        rng = torch.Generator().manual_seed(0)
        self.labels = {part: LABELS.numpy() for part in ("train", "valid", "test")}
        self.x = torch.randn(2, len(LABELS), SIZE, generator=rng)
        self.x[:, :, 0] += 3 * LABELS

    def model(self):
        return Replicas(models(torch.initial_seed())[:2])

    def batch(self, rows):
        return self.x[:, rows]

    def score(self, model, part):
        with torch.inference_mode():
            return model.eval()(self.x).double().numpy()


def test_each_task_gets_scores_from_its_best_check_and_two_stages_share_the_first():
    rates = {"bce": 0.01, "soap-finetune": 0.3, "soap-new-head": 1.0}
    done = run_arms(Separable(), list(rates), rates, 64, seed=0)
    assert list(done) == ["bce", "soap-finetune", "soap-new-head", "first-stage"]
    for tasks in done.values():
        assert len(tasks) == 2
        assert all(1 <= task["check"] <= CHECKS for task in tasks)
    assert all(task["ap"] > 0.4 for task in done["bce"])
    assert all(task["ap"] == pytest.approx(task["valid"], abs=1e-4) for task in done["bce"])  # the same molecules
    assert len(np.unique([task["ap"] for tasks in done.values() for task in tasks])) > 4
