"""Helpers to build, call and compare losses in tests."""

import inspect
from functools import partial

import torch

from xgraph.losses import LOSSES, SogCLRLoss, TwoTowerLoss
from xgraph.losses.contrastive.base import ContrastiveLoss

NAN = float("nan")
VARIANTS = {
    "ndcg-practical": ("ndcg", {"k": 5}),
    "ndcg-full": ("ndcg", {"k": 5, "top": "full"}),
    "ndcg-ranks": ("ndcg", {"k": 5, "top": "ranks", "kappa": 0.2}),  # at 2, ranks of random scores have no gradient
    "recall-threshold": ("recall", {"k": 5, "by": "threshold"}),
}
"""Losses of ranked lists with a choice that changes how they are computed."""
LISTS = ["listwise", "ndcg", "recall", *VARIANTS]
BY_THRESHOLD = {"ndcg-practical", "ndcg-full", "recall-threshold"}
BY_TASK = sorted({*LOSSES, *VARIANTS} - {"ce", "scent"})  # the columns of these are classes, not tasks
NUMBERS = {"mse", "mae", "huber"}
"""Their targets are numbers; labels 0 and 1 are two of them."""
STATELESS = {"bce", "focal"} | NUMBERS
STATEFUL = sorted(set(BY_TASK) - STATELESS)
POINTWISE = STATELESS | {"kl-dro", "group-dro", "cvar-dro"}
PAIRS = sorted(set(BY_TASK) - POINTWISE - set(LISTS))
SORTED = ["auc-pairwise", "soap", "sopa", "staco"]
"""Their pairs can be reduced by sorting."""
CONTRASTIVE = {
    "sogclr": SogCLRLoss,
    "isogclr": partial(SogCLRLoss, temperature="individual"),
    "two-tower": partial(TwoTowerLoss, temperature="individual"),
}
"""Losses of vectors instead of logits and labels."""
BY_ITEM = {"soap", "sopa", "sopa-s", "sota-s", "staco", "group-dro", *CONTRASTIVE, *LISTS}
BY_ITEM -= {"listwise", "recall-threshold"}
SLOW = {"sopa", "staco", "auc-margin", "group-dro", "cvar-dro", *BY_THRESHOLD}  # their duals need several steps


def options_of(name):
    name = VARIANTS.get(name, (name,))[0]
    return {} if name in CONTRASTIVE else inspect.signature(LOSSES[name].__init__).parameters


def build(name, num_items=50, num_tasks=1, **options):
    """The loss, with its required arguments."""
    if name in CONTRASTIVE:
        return CONTRASTIVE[name](num_items, **options)
    if name in VARIANTS:
        name, own = VARIANTS[name]
        options = own | options
    if name in LISTS:  # two of five items are relevant to each query
        relevance = (torch.arange(max(num_items, 1)) % 5 < 2).float()[:, None].repeat(1, max(num_tasks, 1))
        options = {"relevance": relevance} | options
    if "groups" in options_of(name):
        options = {"groups": torch.arange(max(num_items, 0)) % 5} | options
    return LOSSES[name](num_items, num_tasks, **options)


def call(loss_fn, logits, target, index=None):
    """The loss of a batch; contrastive losses use the logits and the reordered logits as two views."""
    if isinstance(loss_fn, ContrastiveLoss):
        return loss_fn(logits, logits.flip(1), index)
    return loss_fn(logits, target, index)


def data(batch=12, tasks=1, seed=0, missing=0.0, dtype=torch.float32, duplicates=False):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(batch, tasks, generator=generator, dtype=dtype)
    target = (torch.rand(batch, tasks, generator=generator) < 0.4).to(dtype)
    target[0], target[1] = 1, 0
    target[torch.rand(batch, tasks, generator=generator) < missing] = NAN
    index = torch.randperm(50, generator=generator)[:batch]
    if duplicates:
        index = index[torch.randint(batch // 2, (batch,), generator=generator)]
    return logits.requires_grad_(), target, index


def tables(loss_fn):
    return {name: value.clone() for name, value in loss_fn.state_dict().items()}


def unchanged(before, loss_fn):
    after = tables(loss_fn)
    return before.keys() == after.keys() and all(torch.equal(before[k], after[k]) for k in before)


def trained(name, tasks=1, **options):
    """A loss with a history, so that an unintended write is noticed."""
    loss_fn = build(name, num_tasks=tasks, **options)
    for seed in range(3):
        call(loss_fn, *data(tasks=tasks, seed=seed + len(options)))
    return loss_fn


def same_gradients(losses, logits, **tolerances):
    torch.testing.assert_close(*(torch.autograd.grad(loss, logits)[0] for loss in losses), **tolerances)
