import torch

from xgraph.losses.base import Batch
from xgraph.losses.pairs import Anchors, pair_means
from xgraph.losses.surrogates import Logistic


def batch_of(target, scores=None):
    positive, negative = target == 1, target == 0
    scores = torch.zeros(target.shape) if scores is None else scores
    return Batch(scores, positive, negative, positive | negative, None, False)


def test_anchors_are_the_positives_of_tasks_with_both_classes():
    nan = float("nan")
    target = torch.tensor([[1, 1, 0, nan], [0, 1, 0, 1], [1, nan, 0, 0], [nan, 1, 0, nan]])
    anchors = Anchors.of(batch_of(target))
    assert list(zip(anchors.item.tolist(), anchors.task.tolist(), strict=True)) == [(0, 0), (2, 0), (1, 3)]
    assert anchors.weight.tolist() == [0.25, 0.25, 0.5]
    assert anchors.cell.tolist() == [0, 2, 13]
    assert anchors.rows(torch.tensor([7, 5, 9, 1]), 4).tolist() == [28, 36, 23]


def test_one_task_gives_the_same_anchors_as_the_general_path():
    target = torch.tensor([1.0, 0, float("nan"), 1, 0]).view(5, 1)
    one = Anchors.of(batch_of(target))
    several = Anchors.of(batch_of(target.repeat(1, 2)))
    half = len(several.item) // 2
    assert one.task is None
    assert one.item.tolist() == several.item[:half].tolist() == [0, 3]
    assert one.weight.tolist() == (2 * several.weight[:half]).tolist()
    assert one.rows(torch.arange(10, 15), 1).tolist() == [10, 13]


def test_a_batch_of_one_class_has_no_anchors():
    for value in (0.0, 1.0, float("nan")):
        for tasks in (1, 3):
            assert len(Anchors.of(batch_of(torch.full((4, tasks), value))).item) == 0


def test_pair_means_are_the_weighted_sums_and_their_gradient_is_exact():
    torch.manual_seed(0)
    target = (torch.rand(9, 3) < 0.5).double()
    scores = torch.randn(9, 3, dtype=torch.float64, requires_grad=True)
    weights = torch.rand(2, 3, 9, dtype=torch.float64)
    anchors = Anchors.of(batch_of(target, scores))
    out = pair_means(scores, anchors, weights, Logistic())
    rows = [
        [
            sum(weights[k, t, j] * torch.nn.functional.softplus(scores[j, t] - scores[i, t]) for j in range(9))
            for k in range(2)
        ]
        for i, t in zip(anchors.item.tolist(), anchors.task.tolist(), strict=True)
    ]
    expected = torch.stack([torch.stack(row) for row in rows])
    torch.testing.assert_close(out, expected)
    upstream = torch.randn_like(out)
    (a,) = torch.autograd.grad((out * upstream).sum(), scores)
    (b,) = torch.autograd.grad((expected * upstream).sum(), scores)
    torch.testing.assert_close(a, b)
