"""The record of examples that models of tables are fitted to."""

import torch

from xgraph.nn.tables.examples import Examples, task_seed

NAN = float("nan")


def test_each_task_that_can_be_learned_has_its_labelled_items_and_its_own_seed():
    y = torch.tensor([[1, NAN, 0], [0, 1, NAN], [NAN, 1, 1], [1, NAN, 0]])
    weight = torch.tensor([1.0, 2.0, 3.0, 0.5])
    seen = []
    examples = Examples(
        torch.zeros(4, 2), y, weight, torch.tensor([True, False, True]), 7, 1, lambda *step: seen.append(step)
    )
    first, last = examples.tasks()
    assert (first.task, last.task) == (0, 2)
    assert first.items.tolist() == [0, 1, 3]
    assert first.y.tolist() == [1, 0, 1]
    assert first.weight.tolist() == [1.0, 2.0, 0.5]
    assert last.items.tolist() == [0, 2, 3]
    assert (first.seed, last.seed) == (task_seed(7, 0), task_seed(7, 2))
    assert first.seed != last.seed
    assert seen == [(1, 3, "fitting"), (2, 3, "fitting"), (3, 3, "fitting")]
    few = last.take(torch.tensor([0, 2]))
    assert (few.items.tolist(), few.y.tolist(), few.weight.tolist()) == ([0, 3], [0, 0], [1.0, 0.5])
    (alone,) = Examples(torch.zeros(4, 2), y[:, :1], None, torch.tensor([True]), 0, 1).tasks()
    assert alone.weight is None
    assert alone.take(torch.tensor([1])).weight is None
