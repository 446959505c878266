import json
import sys
from pathlib import Path

import torch

from xgraph import __version__
from xgraph.training.files.environment import write_environment


def test_versions_machine_and_command_are_recorded(tmp_path: Path) -> None:
    write_environment(tmp_path, "cpu")
    values = json.loads((tmp_path / "env.json").read_text())
    assert values["versions"]["xgraph"] == __version__
    assert torch.__version__.startswith(values["versions"]["torch"].split("+")[0])
    assert values["machine"]["device"] == "cpu"
    assert values["machine"]["threads"] == torch.get_num_threads()
    assert values["command"] == sys.argv
    assert values["commit"] is None or len(values["commit"]) == 40
