"""Where and how the tables of feature momentum keep their rows."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal

import torch

from xgraph.estimators import GammaSchedule
from xgraph.storage import Storage, check_folder, check_storage

Gradient = Literal["straight_through", "scaled"]


@dataclass(frozen=True)
class TableOptions:
    r"""How a table of feature momentum moves, and where it lies: the same for all layers of a model.

    Whatever makes tables (`FeatureMomentum`, `SAGEConv`, `with_feature_momentum`, `GraphFMOB`) takes these as one
    object, `table`, or by name; what is given by name wins.

    Args:
        gamma: Weight γ of the new value, in (0, 1], or a schedule of it over epochs. The number 1: no table.
        gradient: "straight_through": that of the aggregate, as if it were not scaled by γ; "scaled": the one that
            passes through :math:`γ \hat A_v` when the equation is differentiated as written.
        dtype: In what the table is stored. With bfloat16, changes below 2⁻⁹ of a number are lost in rounding, so that
            γ of .01 and less barely moves it.
        storage: Where the table lies: "device" (the module's), "pinned" (page-locked host memory), "host" (any host
            memory) or "mmap" (a scratch file). Of all but the first only the rows of a batch are copied to the device.
        folder: Where the scratch file lies; None: the system's folder for such.
        in_checkpoint: Whether the table is part of the ``state_dict``.

    Raises:
        ValueError: If `storage` is unknown, or `folder` is given without ``storage="mmap"``.

    Example:
        >>> from xgraph.nn import SAGEConv
        >>> conv = SAGEConv(8, 16, num_nodes=100, table=TableOptions(gamma=0.5, in_checkpoint=False))
        >>> "momentum.table.value" in conv.state_dict()
        False
    """

    gamma: float | GammaSchedule = 0.1
    gradient: Gradient = "straight_through"
    dtype: torch.dtype = torch.float32
    storage: Storage = "device"
    folder: str | Path | None = None
    in_checkpoint: bool = True

    def __post_init__(self) -> None:
        check_folder(self.folder, check_storage(self.storage))

    @property
    def plain(self) -> bool:
        """Whether γ is 1: the new value alone counts, and no table is needed."""
        return isinstance(self.gamma, int | float) and self.gamma == 1

    def updated(self, options: dict[str, Any]) -> TableOptions:
        """These options with some of them changed; each by its name, or as a layer calls it, `table_dtype`."""
        known = [field.name for field in fields(self)]
        values: dict[str, Any] = {}
        for name, value in options.items():
            own = name.removeprefix("table_")
            if own not in known:
                raise TypeError(f"unknown option {name!r} of a table; there are {', '.join(known)}")
            if own in values:
                raise TypeError(f"{name!r} is given twice, with and without 'table_'")
            values[own] = value
        return replace(self, **values)
