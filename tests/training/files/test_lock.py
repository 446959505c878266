import subprocess
import sys
from pathlib import Path

import pytest

from xgraph.training.files.lock import locked


def test_one_process_at_a_time_and_no_lock_file(tmp_path: Path) -> None:
    with locked(tmp_path):
        with pytest.raises(FileExistsError, match="another run is writing to"), locked(tmp_path):
            pass
        assert list(tmp_path.iterdir()) == []
    with locked(tmp_path):
        pass


def test_the_lock_ends_with_the_process(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from xgraph.training.files.lock import locked\n"
        "lock = locked(Path(sys.argv[1])); lock.__enter__(); print('has it', flush=True); sys.stdin.read(); os._exit(1)"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "has it\n"
        with pytest.raises(FileExistsError), locked(tmp_path):
            pass
        other.communicate("")
    with locked(tmp_path):
        pass


def test_who_holds_the_lock_removes_what_was_left(tmp_path: Path) -> None:
    for name in (".last.ckpt.0123456789ab.part", "notes.part"):
        (tmp_path / name).write_text("x")
    with locked(tmp_path):
        assert [file.name for file in tmp_path.iterdir()] == ["notes.part"]


def test_a_run_over_folds_removes_what_a_killed_one_left(tmp_path: Path) -> None:
    from xgraph.training.config.build import build_config
    from xgraph.training.fit.launch.members import _place_of

    (tmp_path / ".metrics.json.0ac641a215ce.part").touch()
    _place_of(tmp_path, True, build_config({"fold": "all", "dataset": "aicures"}))
    assert [path.name for path in tmp_path.iterdir()] == ["config.toml"]
