"""The settings of constraints on a model, which are penalties beside its loss."""

from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import Field, field_validator, model_validator

from xgraph.schema import Schema

USUAL_RHO = 10.0
USUAL_TOLERANCE = 0.02


class Constraints(Schema):
    """Constraints.

    Args:
        retain: Earlier runs whose tasks may not get worse. The tasks of this run that they have too are retained: on
            the training part their loss may not rise above that of the earlier run, and all other tasks are new. Give
            ``init`` as well to start from the earlier run.
        retain_rho: Weight of the penalty on retained tasks whose loss rises; by default 10.
        fair_tolerance: How far the true-positive and false-positive rates of the groups in ``fair_column`` may differ
            at any threshold; by default 0.02.
        fair_rho: Weight of the penalty on rates that differ by more; by default 10. With 0 the groups are compared in
            the results, and nothing else changes.
    """

    recipe: ClassVar[Mapping[str, object]] = {}

    retain: list[str] | None = None
    retain_rho: Annotated[float, Field(gt=0, le=1e6)] | None = None
    fair_tolerance: Annotated[float, Field(ge=0, le=1)] | None = None
    fair_rho: Annotated[float, Field(ge=0, le=1e6)] | None = None

    @field_validator("retain")
    @classmethod
    def _each_once(cls, runs: list[str] | None) -> list[str] | None:
        if runs is not None and len(set(runs)) < len(runs):
            raise ValueError("expected different runs")
        return runs or None

    @model_validator(mode="after")
    def _with_its_constraint(self) -> "Constraints":
        if self.retain_rho is not None and self.retain is None:
            raise ValueError(f"retain_rho = {self.retain_rho:g}: expected retain with it, the runs to retain")
        return self
