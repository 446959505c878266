"""Recipes that pretrain encoders, from the file to the members that start from them."""

import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from xgraph.options import OptionError
from xgraph.recipes.reproduce import reproduce
from xgraph.recipes.schema.read import read_recipe
from xgraph.recipes.schema.written import to_toml
from xgraph.training.files.checkpoint import read_checkpoint
from xgraph.training.files.saved_model import model_weights
from xgraph.training.fit.task import Task
from xgraph.training.fit.train import Interrupted
from xgraph.training.pretraining import pretrain

Make = Callable[..., Path]


def pretrained(**of_encoder: Any) -> dict[str, Any]:
    """Two members on chains: one that starts from the encoder, and one that starts from that member."""
    small = {"hidden_channels": 8, "num_layers": 2}
    return {
        "title": "Pretrained",
        "about": "Chains.",
        "settings": {"dataset": "chains.csv", "split": "random", "epochs": 1, "pretrain_epochs": 0, **small},
        "pretraining": [
            {"name": "encoder", "datasets": ["chains.csv"], "epochs": 2, "batch_size": 16, **small, **of_encoder}
        ],
        "member": [
            {"name": "first", "model": "gine", "loss": "bce", "init": "encoder", "seeds": [0, 1]},
            {"name": "then", "model": "gine", "loss": "soap", "init": "first", "seeds": [0, 1]},
            {"name": "alone", "model": "gine", "loss": "bce"},
        ],
        "quick": {"share_of_epochs": 0.5, "seeds": [0]},
    }


def test_members_start_from_the_encoder(recipe: Make, chains: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    starts: dict[str, dict[str, torch.Tensor]] = {}
    begin = Task.on_train_epoch_start

    def look(self: Task) -> None:
        if self.current_epoch == 0 and self.config.init is not None:
            starts.setdefault(self.config.init, {n: w.clone() for n, w in self.model.state_dict().items()})
        begin(self)

    monkeypatch.setattr(Task, "on_train_epoch_start", look)
    report = reproduce(recipe(pretrained()), out="out", threads=1)
    encoder = Path("out/encoder").resolve()
    assert set(starts) == {str(encoder), *(str(encoder.parent / f"first/seed_{seed}") for seed in (0, 1))}
    weights = model_weights(read_checkpoint(encoder / "best.ckpt"))
    same = {name for name, weight in starts[str(encoder)].items() if torch.equal(weight, weights[name])}
    assert {name for name in weights if not name.startswith("head.")} <= same
    times = json.loads(Path("out/times.json").read_text())
    assert next(iter(times)) == "encoder"
    assert report.values["wall_seconds"] >= times["encoder"] > 0

    before = {path: path.stat().st_mtime_ns for path in Path("out").rglob("*.ckpt")}
    reproduce(recipe(pretrained()), out="out", threads=1)
    assert {path: path.stat().st_mtime_ns for path in Path("out").rglob("*.ckpt")} == before, "what is finished stays"
    values = pretrained()
    values["member"].append({"name": "later", "model": "gine", "loss": "focal", "init": "encoder"})
    reproduce(recipe(values), out="out", threads=1)
    assert Path("out/later/seed_0/metrics.json").exists()


def test_an_encoder_equals_that_of_the_pretrain_command(recipe: Make, chains: Path) -> None:
    values = pretrained(objective="contrastive", tau=0.3)
    reproduce(recipe(values), out="out", threads=1)
    table = {name: value for name, value in values["pretraining"][0].items() if name != "name"}
    pretrain(out="own", threads=1, **table)
    one, two = (model_weights(read_checkpoint(Path(run) / "last.ckpt")) for run in ("out/encoder", "own"))
    assert one.keys() == two.keys()
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_interrupted_pretraining_resumes(recipe: Make, chains: Path) -> None:
    reproduce(recipe(pretrained()), out="whole", threads=1)
    step = Task.training_step

    def stop(self: Task, batch: Any, batch_idx: int) -> torch.Tensor:
        if self.current_epoch == 1:
            raise KeyboardInterrupt
        return step(self, batch, batch_idx)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Task, "training_step", stop)
        with pytest.raises(Interrupted) as stopped:
            reproduce(recipe(pretrained()), out="parts", threads=1)
    assert stopped.value.path == Path("parts")
    assert not Path("parts/first").exists()
    whole, parts = (reproduce(recipe(pretrained()), out=out, threads=1).values["rows"] for out in ("whole", "parts"))
    assert [row["parts"] for row in whole] == [row["parts"] for row in parts]


def test_pretraining_is_shortened_in_a_reduced_run(recipe: Make, chains: Path) -> None:
    parsed = read_recipe(recipe(pretrained()), quick=True)
    assert [one.config.epochs for one in parsed.pretrainings] == [1]
    values = pretrained()
    values["quick"]["leave_out"] = ["first", "then"]
    assert read_recipe(recipe(values), quick=True).pretrainings == []


def test_a_recipe_is_written_with_its_encoders(recipe: Make, chains: Path) -> None:
    parsed = read_recipe(recipe(pretrained()))
    values = tomllib.loads(to_toml(parsed))
    assert values["pretraining"][0]["datasets"] == [str(chains)]
    again = read_recipe(recipe(values, "again.toml"))
    assert again.pretrainings == parsed.pretrainings


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "first"}, r"\[\[pretraining\]\] 'first': this name is taken by a member"),
        ({"name": "../up"}, r"name = '../up': expected letters, digits"),
        ({"datasets": ["chain.csv"]}, r"\[\[pretraining\]\] 1 \('encoder'\): datasets: no data set 'chain.csv'"),
        ({"datasets": []}, r"datasets = \[\]: expected different values, at least one"),
        ({"exclude": [3]}, r"exclude\[0\] = 3: expected a string"),
        ({"exclude": ["aicure:test"]}, r"exclude: no data set 'aicure:test'"),
        ({"epoch": 3}, r"unknown option 'epoch'.*'epochs'"),
        ({"epochs": 0}, r"epochs = 0: expected 1 or more"),
        ({"out": "there"}, r"out = 'there': all runs of a recipe share this setting"),
        ({"model": "attention"}, r"model 'attention' has no molecular encoder"),
        ({"hidden_channels": 16}, r"init: 'encoder' and 'first' must have the same hidden_channels, got 16 and 8"),
        ({"model": "mpnn"}, r"init: 'encoder' and 'first' must have the same model, got 'mpnn' and 'gine'"),
        ({"name": "unused"}, r"init: no member or run 'encoder'.*; expected one of first, then, alone, unused"),
    ],
)
def test_contradicting_encoders_and_members_are_refused(
    change: dict[str, Any], message: str, recipe: Make, chains: Path
) -> None:
    with pytest.raises(OptionError, match=message):
        read_recipe(recipe(pretrained(**change)))


def test_an_unused_encoder_is_refused(recipe: Make, chains: Path) -> None:
    values = pretrained()
    values["pretraining"].append({**values["pretraining"][0], "name": "second"})
    with pytest.raises(OptionError, match=r"'second': expected a member with init = 'second'"):
        read_recipe(recipe(values))
    values["pretraining"][1]["name"] = "Encoder"
    with pytest.raises(OptionError, match="this name is taken by an earlier encoder"):
        read_recipe(recipe(values))


def test_a_directory_with_another_encoder_is_refused(recipe: Make, chains: Path) -> None:
    values = pretrained()
    values["member"] = values["member"][:1]
    reproduce(recipe(values), out="out", threads=1)
    values["pretraining"][0]["lr"] = 0.1
    with pytest.raises(OptionError, match=r"out: out holds another recipe: the settings of encoder 'encoder' differ"):
        reproduce(recipe(values), out="out", threads=1)
    Path("out/recipe.toml").write_text(to_toml(read_recipe(recipe(values))))
    with pytest.raises(OptionError, match=r"encoder: resume: lr is 0.001 in .* and cannot become 0.1"):
        reproduce(recipe(values), out="out", threads=1)


def test_a_damaged_encoder_is_named(recipe: Make, chains: Path) -> None:
    values = pretrained()
    values["member"] = values["member"][:1]
    reproduce(recipe(values), out="out", threads=1)
    Path("out/encoder/metrics.json").write_text("{")
    with pytest.raises(ValueError, match=r"encoder: run: .*metrics.json is damaged"):
        reproduce(recipe(values), out="out", threads=1)
    values["pretraining"][0]["epochs"] = 1
    Path("out/encoder/metrics.json").write_text("{}")
    Path("out/recipe.toml").write_text(to_toml(read_recipe(recipe(values))))
    with pytest.raises(OptionError, match=r"encoder: epochs = 1: .* has already done 2"):
        reproduce(recipe(values), out="out", threads=1)
