"""On suitable data, each loss beats cross-entropy in its own metric: 20 seeds, paired, one-sided, p < .01."""

import functools

import pytest
import torch

from tests.losses import toys
from tests.losses.cases import build

PARTIAL = functools.partial(toys.areas, max_fpr=0.1)
IMPOSTORS = (toys.impostors, 400, 2000, (10, 54))
TWO_KINDS = (toys.two_kinds, 400, 2000, None)
STRAYS = (toys.strays, 400, 1000, None)
RARE = (toys.rare, 400, 4000, (2, 38))
CASES = [
    ("soap", {"gamma": 0.5}, (toys.hopeless, 400, 2000, None), [toys.precision]),
    ("sopa", {"max_fpr": 0.1}, IMPOSTORS, [PARTIAL]),
    ("sopa", {"max_fpr": 0.1, "activation": "sigmoid"}, IMPOSTORS, [PARTIAL]),
    ("sopa-s", {"gamma": 0.5}, IMPOSTORS, [PARTIAL]),
    ("sota-s", {"gamma": 0.5}, TWO_KINDS, [toys.two_way_areas]),
    ("staco", {}, TWO_KINDS, [toys.two_way_areas]),
    ("auc-margin", {"activation": "sigmoid"}, STRAYS, [toys.areas]),
    ("auc-pairwise", {"activation": "sigmoid"}, STRAYS, [toys.areas]),
    ("auc-pairwise", {"surrogate": "sigmoid"}, STRAYS, [toys.areas]),
    ("kl-dro", {"temperature": 0.5}, RARE, [toys.recall, toys.worst_class]),
    ("kl-dro", {"temperature": 0.5, "learnable": True}, RARE, [toys.recall, toys.worst_class]),
]


@functools.cache
def sets(draw, train, test):
    generator = torch.Generator().manual_seed(0)
    return draw(train, generator), draw(test, generator)


def weights(loss_fn, draw, train, test, picks):
    return toys.fitted(loss_fn, *sets(draw, train, test)[0], picks=picks)


@functools.cache
def cross_entropy(*toy):
    return weights(build("bce", 500, toys.SEEDS), *toy)


@pytest.mark.parametrize(("name", "options", "toy", "metrics"), CASES)
def test_loss_improves_its_own_metric(name, options, toy, metrics):
    ours, theirs = weights(build(name, 500, toys.SEEDS, **options), *toy), cross_entropy(*toy)
    new = sets(*toy[:3])[1]
    for metric in metrics:
        assert toys.student_t(metric(ours, *new) - metric(theirs, *new)) > toys.SIGNIFICANT
