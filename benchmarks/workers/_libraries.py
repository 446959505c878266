"""Losses of xgraph and LibAUC by our names. Also runs in LibAUC's environment, so each is imported late."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

Call = Callable[[Tensor, Tensor, Tensor], Tensor]
"""(logits [B, T], target [B, T], index [B]) -> scalar."""

COUNTERPARTS = {
    "bce": "CrossEntropyLoss",
    "soap": "AveragePrecisionLoss",
    "auc-pairwise": "PairwiseAUCLoss",
    "auc-margin": "AUCMLoss",
    "sopa": "pAUC_CVaR_Loss",
    "sopa-s": "pAUC_DRO_Loss",
    "sota-s": "tpAUC_KL_Loss",
    "staco": "tpAUC_CVaR_loss",
}
"""LibAUC's class for the same objective. It has none for the robust losses; its focal loss broadcasts to [B, B]."""

MEASURED = [
    *["bce", "focal", "soap", "sopa", "sopa-s", "sota-s", "staco"],
    *["auc-margin", "auc-pairwise", "kl-dro", "group-dro", "ndcg", "listwise", "recall"],
]
"""Our losses for one or several tasks; the remaining one is for mutually exclusive classes."""

GROUPS = 32


def make(library: str, loss: str, items: int, tasks: int) -> tuple[nn.Module, Call]:
    """Return the module that holds the state, and a function that calls it."""
    return {"xgraph": _xgraph, "libauc": _libauc}[library](loss, items, tasks)


def _xgraph(loss: str, items: int, tasks: int) -> tuple[nn.Module, Call]:
    from xgraph.losses import LOSSES

    options = {"groups": torch.arange(items) % GROUPS} if loss == "group-dro" else {}
    if loss in ("ndcg", "listwise", "recall"):  # columns are queries, a tenth of whose items is relevant
        options["relevance"] = (torch.arange(items) % 10 == 0).float()[:, None].repeat(1, tasks)
    module = LOSSES[loss](items, tasks, **options)
    return module, module


def _libauc(loss: str, items: int, tasks: int) -> tuple[nn.Module, Call]:
    """LibAUC's loss on the same raw scores as ours, with squared hinge and margin 1."""
    import libauc.losses.auc as auc
    from libauc.losses import CrossEntropyLoss

    if loss == "bce":  # it flattens its input, so tasks make no difference
        module = CrossEntropyLoss()
        return module, lambda logits, target, index: module(logits, target)
    if tasks > 1:
        several: dict[str, Callable[[], nn.Module]] = {
            "soap": lambda: auc.meanAveragePrecisionLoss(data_len=items, num_labels=tasks),
            "auc-margin": lambda: auc.MultiLabelAUCMLoss(num_labels=tasks),
            "sopa": lambda: auc.MultiLabelpAUCLoss("SOPA", tasks, data_len=items, pos_len=items, beta=0.3),
            "sopa-s": lambda: auc.MultiLabelpAUCLoss("1w", tasks, data_len=items),
            "sota-s": lambda: auc.MultiLabelpAUCLoss("2w", tasks, data_len=items),
        }
        if loss in several:
            module = several[loss]()
            return module, lambda logits, target, index: module(logits, target, index=index)
        # no form for several tasks (STACO fails through the wrapper): one loss per task
        modules, calls = zip(*(_libauc(loss, items, 1) for _ in range(tasks)), strict=True)

        def mean(logits: Tensor, target: Tensor, index: Tensor) -> Tensor:
            columns = zip(calls, logits.split(1, 1), target.split(1, 1), strict=True)
            return sum(call(own, labels, index) for call, own, labels in columns) / tasks

        return nn.ModuleList(modules), mean
    single: dict[str, Callable[[], nn.Module]] = {
        "soap": lambda: auc.AveragePrecisionLoss(data_len=items),
        "auc-pairwise": lambda: auc.PairwiseAUCLoss(surr_loss="squared_hinge"),
        "auc-margin": lambda: auc.AUCMLoss(),
        "sopa": lambda: auc.pAUC_CVaR_Loss(data_len=items, pos_len=items, beta=0.3),
        "sopa-s": lambda: auc.pAUC_DRO_Loss(data_len=items),
        "sota-s": lambda: auc.tpAUC_KL_Loss(data_len=items),
        "staco": lambda: auc.tpAUC_CVaR_loss(data_length=items, threshold=1.0),
    }
    module = single[loss]()
    return module, lambda logits, target, index: module(logits, target, index=index)
