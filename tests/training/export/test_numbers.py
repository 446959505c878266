import json
from pathlib import Path

import pytest
import torch

import xgraph
from xgraph.training.export.run import export_run


@pytest.mark.slow
def test_a_model_of_numbers_gives_the_units_of_the_target_elsewhere(tmp_path: Path) -> None:
    rows = [f"{'C' * n}{end},{500 + n}" for n in range(1, 12) for end in "OCN"]
    (tmp_path / "lengths.csv").write_text("smiles,length\n" + "\n".join(rows))
    settings = {"split": "random", "device": "cpu", "threads": 1, "baseline": False}
    options = {"epochs": 1, "hidden_channels": 4, "num_layers": 1, "out": tmp_path / "run"}
    run = xgraph.train(tmp_path / "lengths.csv", **settings, **options)  # type: ignore[arg-type]
    about = json.loads(export_run(run.path, tmp_path / "weights.pt", "state-dict").read_text())
    assert about["before_loading"] == "call predict_numbers() on the model"
    assert about["scores"] == "the outputs, in the units of the targets"
    model = getattr(xgraph.nn, about["class"].rpartition(".")[2])(**about["arguments"])
    model.predict_numbers()
    model.load_state_dict(torch.load(tmp_path / "weights.pt", weights_only=True))
    assert model.target_scale.mean[0] > 500
    about = json.loads(
        export_run(run.path, tmp_path / "model.pt", "torchscript").read_text()
    )  # compared with the model
    assert about["outputs"] == ["numbers"]
