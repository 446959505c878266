import torch

from xgraph.losses.batch import Batch
from xgraph.losses.pairs.anchors import Anchors, Opponents


def batch_of(target, scores=None):
    positive, negative = target == 1, target == 0
    scores = torch.zeros(target.shape) if scores is None else scores
    return Batch(scores, positive, negative)


def test_anchors_are_the_positives_of_tasks_with_both_classes():
    nan = float("nan")
    target = torch.tensor([[1, 1, 0, nan], [0, 1, 0, 1], [1, nan, 0, 0], [nan, 1, 0, nan]])
    anchors = Anchors.from_batch(batch_of(target))
    assert list(zip(anchors.item.tolist(), anchors.task.tolist(), strict=True)) == [(0, 0), (2, 0), (1, 3)]
    assert anchors.weight.tolist() == [0.25, 0.25, 0.5]
    assert anchors.cell.tolist() == [0, 2, 13]
    assert anchors.rows(torch.tensor([7, 5, 9, 1]), 4).tolist() == [28, 36, 23]


def test_single_task_path_gives_the_same_anchors():
    target = torch.tensor([1.0, 0, float("nan"), 1, 0]).view(5, 1)
    one = Anchors.from_batch(batch_of(target))
    several = Anchors.from_batch(batch_of(target.repeat(1, 2)))
    half = len(several.item) // 2
    assert one.task is None
    assert one.item.tolist() == several.item[:half].tolist() == [0, 3]
    assert one.weight is None
    assert several.weight.tolist() == [1 / 4] * 4
    assert one.mean(torch.tensor([1.0, 3.0])).item() == several.mean(torch.tensor([1.0, 3.0, 1.0, 3.0])).item() == 2
    assert one.rows(torch.arange(10, 15), 1).tolist() == [10, 13]


def test_batch_of_one_class_has_no_anchors():
    for value in (0.0, 1.0, float("nan")):
        for tasks in (1, 3):
            assert len(Anchors.from_batch(batch_of(torch.full((4, tasks), value))).item) == 0


def test_opponents_are_the_negatives_with_equal_shares():
    nan = float("nan")
    one = Opponents.negatives(batch_of(torch.tensor([[1.0], [0], [nan], [0]])))
    assert one.item.tolist() == [1, 3]
    assert one.share is None
    several = Opponents.negatives(batch_of(torch.tensor([[1.0, 1], [0, 0], [nan, nan], [0, nan]])))
    assert several.item is None
    assert several.share.tolist() == [[0, 0.5, 0, 0.5], [0, 1, 0, 0]]


def test_means_and_log_means_per_task():
    target = torch.tensor([[1.0, 0, 0], [1, 0, 1], [0, 0, 1], [1, 0, 1]])
    tasks = Anchors.from_batch(batch_of(target)).by_task()
    assert tasks.task.tolist() == [0, 2]
    values = torch.tensor([0.0, 1.0, 5.0, 1000.0, 1001.0, 999.0], requires_grad=True)
    assert tasks.mean(values).tolist() == [2.0, 1000.0]
    expected = torch.stack([values[:3].logsumexp(0), values[3:].logsumexp(0)]) - torch.tensor(3.0).log()
    torch.testing.assert_close(tasks.log_mean_exp(values), expected)
    grads = [torch.autograd.grad(out.sum(), values)[0] for out in (tasks.log_mean_exp(values), expected)]
    torch.testing.assert_close(*grads)
    single = Anchors.from_batch(batch_of(target[:, :1])).by_task()
    assert single.task.tolist() == [0]
    torch.testing.assert_close(single.log_mean_exp(values[:3]), expected[:1])
