"""Options for the tables of feature momentum."""

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
    r"""Options for the tables of feature momentum: how they are updated and where they are stored.

    `FeatureMomentum`, `SAGEConv`, `with_feature_momentum` and `GraphFMOB` accept these options as one object, `table`,
    or individually by name. An option given by name takes precedence.

    Args:
        gamma: Weight γ of the new value, in (0, 1], or a schedule over epochs. With the number 1 no table is created.
        gradient: Gradient with respect to the aggregate. "straight_through" passes it on unchanged; "scaled" multiplies
            it by γ, as differentiating the update equation does.
        dtype: Type of the stored numbers. In bfloat16, relative changes below 2⁻⁹ are lost to rounding, so a table with
            γ of 0.01 or less barely changes.
        storage: Where the table is stored: "device" (the module's device), "pinned" (page-locked host memory), "host"
            (host memory) or "mmap" (a memory-mapped scratch file). With all but "device", only the rows of a batch are
            copied to the device.
        folder: Folder of the scratch file, for storage "mmap"; None means the system's temporary folder.
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
        """Whether γ is 1, so that only the new value counts and no table is needed."""
        return isinstance(self.gamma, int | float) and self.gamma == 1

    def updated(self, options: dict[str, Any]) -> TableOptions:
        """Return a copy with some options changed, each given by its name or with the prefix ``table_``."""
        known = [field.name for field in fields(self)]
        values: dict[str, Any] = {}
        for name, value in options.items():
            own = name.removeprefix("table_")
            if own not in known:
                raise TypeError(f"unknown table option {name!r}; the options are {', '.join(known)}")
            if own in values:
                raise TypeError(f"{name!r} is given twice, with and without 'table_'")
            values[own] = value
        return replace(self, **values)
