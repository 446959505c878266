"""Whatever text comes as SMILES: its row has a score or says why not."""

import math
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import xgraph

PIECES = st.sampled_from(
    [*"CNOcn[]()=#%1234@/\\.+-:*$ ", "Cl", "[nH]", "[NH4+]", "[U]", "[C@@H]", "%10", "\x1b[31m", "\0"]
)
SMILES = st.lists(PIECES, max_size=15).map("".join) | st.text(max_size=15)


@given(st.lists(SMILES, min_size=1, max_size=8))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_score_or_an_error(finished: Path, smiles: list[str]) -> None:
    frame = xgraph.predict(finished / "one", smiles)
    assert list(frame["smiles"]) == smiles
    for score, error in zip(frame["amine"], frame["error"], strict=True):
        assert math.isfinite(score) != bool(error)
