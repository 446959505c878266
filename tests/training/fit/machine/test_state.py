"""The state of a loss is refused before it is allocated if it does not fit into memory."""

import pytest

from xgraph.losses import LOSSES
from xgraph.options import OptionError
from xgraph.training.fit.machine import state


@pytest.mark.parametrize("loss", ["bce", "soap", "sopa-s", "sota-s", "staco", "kl-dro"])
def test_the_size_is_that_of_the_tables(loss: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def size(items: int) -> int:
        return sum(buffer.numel() * buffer.element_size() for buffer in LOSSES[loss](items, 7).buffers())

    needed = size(1000) - size(0 + 1) + size(1)
    each = state._bytes_per_item(loss, 7, {})
    assert 1000 * each == pytest.approx(needed, abs=500)
    monkeypatch.setattr(state, "free_memory", lambda _: 1000 * each)
    state.check_state(loss, 1000, 7, {})
    if each:
        with pytest.raises(ValueError, match=f"loss = '{loss}': it keeps numbers for each of 2,000 items and 7 tasks"):
            state.check_state(loss, 2000, 7, {})


def test_an_invalid_option_is_named_as_such() -> None:
    with pytest.raises(OptionError, match="gamma"):
        state.check_state("soap", 10, 1, {"gamma": 2.0})
