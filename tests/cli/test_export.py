import json
from pathlib import Path

import pytest
import torch

from xgraph.cli import main


def test_the_model_of_a_run_is_written_with_how_to_rebuild_it(
    csv: Path, small: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", str(csv), *small, "--out", "run"]) == 0
    capsys.readouterr()
    assert main(["export", "run", "--state-dict", "model.pt"]) == 0
    assert capsys.readouterr().out == "state-dict: model.pt\n"
    about = json.loads(Path("model.pt.json").read_text())
    assert (about["class"], about["arguments"]["hidden_channels"]) == ("xgraph.nn.GINE", 8)
    assert torch.load("model.pt", weights_only=True).keys()
    assert main(["export", "run"]) == 2
    assert "expected --state-dict, --torchscript or --onnx" in capsys.readouterr().err
    assert main(["export", "run", "--onnx", "nowhere/model.onnx"]) == 2
    assert main(["export", "nowhere", "--state-dict", "model.pt"]) == 1
