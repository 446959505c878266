"""Checkpoints that are damaged anywhere are refused with the name of the file."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xgraph.training.files.checkpoint import read_checkpoint
from xgraph.training.files.saved_model import load_model


@given(st.binary(max_size=200))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "best.ckpt"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"best\.ckpt"):
        read_checkpoint(path)


@given(data=st.data())
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_changed_or_missing_bit(finished: Path, tmp_path: Path, data: st.DataObject) -> None:
    content = (finished / "one" / "best.ckpt").read_bytes()
    path = tmp_path / "best.ckpt"
    at = data.draw(st.integers(0, len(content) - 1))
    bit = data.draw(st.integers(0, 7))
    changed = bytearray(content)
    changed[at] ^= 1 << bit
    path.write_bytes(data.draw(st.sampled_from([bytes(changed), content[:at]])))
    with pytest.raises(ValueError, match=r"best\.ckpt"):
        load_model(read_checkpoint(path))
