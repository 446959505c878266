import csv as csv_module
import json
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

import xgraph
from xgraph.options import OptionError
from xgraph.training.files.callback import CheckpointCallback
from xgraph.training.files.checkpoint import read_checkpoint
from xgraph.training.fit.train import Interrupted

SMALL: dict[str, Any] = {"epochs": 2, "batch_size": 16, "hidden_channels": 8, "num_layers": 2, "threads": 1}
BOTH = pytest.mark.parametrize("objective", ["multitask", "contrastive"])


@pytest.fixture
def tables(csv: Path) -> list[str]:
    other = csv.with_name("halides.csv")
    rows = [f"{'C' * n}{end},{int(end == 'F')},{n % 2}\n" for n in range(1, 21) for end in ("F", "Cl", "O")]
    other.write_text("smiles,fluoride,odd\n" + "".join(rows))
    return [str(csv), str(other)]


def history(path: Path) -> list[dict[str, str]]:
    with (path / "metrics.csv").open() as file:
        return [{k: v for k, v in row.items() if k != "seconds"} for row in csv_module.DictReader(file)]


@BOTH
def test_fills_the_run_directory(tables: list[str], objective: str) -> None:
    run = xgraph.pretrain(tables, objective=objective, out="run", **SMALL)
    names = {file.name for file in run.path.iterdir()}
    assert names == {"config.toml", "metrics.csv", "metrics.json", "best.ckpt", "last.ckpt", "env.json"}
    assert json.loads((run.path / "metrics.json").read_text()) == run.metrics
    config = tomllib.loads((run.path / "config.toml").read_text())
    assert config["datasets"] == tables
    assert config["objective"] == objective
    rows = history(run.path)
    assert [row["epoch"] for row in rows] == ["1", "2"]
    metric = "roc_auc" if objective == "multitask" else "loss"
    assert float(rows[-1][f"valid_{metric}"]) == run.metrics["valid"][metric]
    assert run.metrics["joined"] == {"given": 120, "excluded": 0, "repeated": 20, "conflicts": 0}
    assert run.metrics["molecules"] == 100
    assert run.metrics["tasks"] == (3 if objective == "multitask" else 0)
    assert read_checkpoint(run.path / "best.ckpt")["epochs_done"] == 2, "the last epoch is kept"
    assert xgraph.Run.open("run") == run


def test_pretraining_learns(tables: list[str]) -> None:
    settings = {**SMALL, "epochs": 15, "lr": 0.01, "dropout": 0.0, "valid_share": 0.2}
    run = xgraph.pretrain(tables[0], out="one", **settings)
    assert run.metrics["valid"]["roc_auc"] > 0.9
    run = xgraph.pretrain(tables, objective="contrastive", mask_atoms=0.1, drop_bonds=0.0, out="two", **settings)
    losses = [float(row["valid_loss"]) for row in history(run.path)]
    assert losses[-1] < losses[0] - 0.02
    assert run.metrics["valid"]["top1"] > 2 / 16


@BOTH
@pytest.mark.filterwarnings("ignore:init")
def test_a_run_starts_from_the_encoder(tables: list[str], train: Any, objective: str) -> None:
    run = xgraph.pretrain(tables, objective=objective, out="pretrained", **SMALL)
    before = run.model.state_dict()
    # A tiny learning rate leaves the weights unchanged.
    later = train(init="pretrained", out="run", pretrain_epochs=0, epochs=1, lr=1e-30)
    after = later.model.state_dict()
    weights = [name for name, _ in later.model.named_parameters()]
    for name in weights:
        if not name.startswith("head."):
            assert torch.equal(before[name], after[name]), name
    assert not torch.equal(before["head.mlp.0.weight"], after["head.mlp.0.weight"])
    with pytest.raises(ValueError, match="differs from this run's"):
        train(init="pretrained", out="other", num_layers=3)


@contextmanager
def stopping(after: int) -> Iterator[None]:
    """Stop training after an epoch (counted from 0) has been saved."""
    own = CheckpointCallback.on_train_epoch_end

    def stop(self: CheckpointCallback, trainer: Any, pl_module: Any) -> None:
        own(self, trainer, pl_module)
        if trainer.current_epoch == after:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CheckpointCallback, "on_train_epoch_end", stop)
        yield


def assert_same(one: Any, other: Any) -> None:
    """Compare two runs bit by bit, except for times."""
    if isinstance(one, torch.Tensor):
        assert torch.equal(one, other)
    elif isinstance(one, dict):
        assert one.keys() == other.keys()
        for name in one:
            if name not in ("seconds", "global_step"):
                assert_same(one[name], other[name])
    elif isinstance(one, list | tuple):
        for a, b in zip(one, other, strict=True):
            assert_same(a, b)
    else:
        assert one == other or (one != one and other != other)


@pytest.mark.parametrize(
    "settings",
    [
        {"objective": "multitask", "balance": "datasets"},
        {"objective": "contrastive", "drop_atoms": 0.1, "drop_subgraph": 0.2, "gamma_schedule": "cosine"},
        {"objective": "contrastive", "temperature": "individual"},
        {"objective": "contrastive", "temperature": "predicted", "rho": 0.5},
    ],
    ids=lambda settings: f"{settings['objective']} {settings.get('temperature', '')}",
)
def test_resuming_is_exact(tables: list[str], settings: dict[str, Any]) -> None:
    settings = {**SMALL, **settings, "epochs": 3}
    whole = xgraph.pretrain(tables, out="whole", **settings)
    with stopping(after=0), pytest.raises(Interrupted, match="parts"):
        xgraph.pretrain(tables, out="parts", **settings)
    parts = xgraph.pretrain(out="parts", resume=True)
    assert parts.metrics == whole.metrics
    assert history(parts.path) == history(whole.path)
    for name in ("best.ckpt", "last.ckpt"):
        assert_same(read_checkpoint(parts.path / name), read_checkpoint(whole.path / name))
    assert "contrast.track.value" in read_checkpoint(parts.path / "last.ckpt")["state_dict"] or "balance" in settings


@BOTH
def test_the_configuration_repeats_the_run(tables: list[str], objective: str) -> None:
    one = xgraph.pretrain(tables, objective=objective, out="one", seed=3, **SMALL)
    two = xgraph.pretrain(config="one/config.toml", out="two")
    assert two.metrics == one.metrics
    assert_same(one.model.state_dict(), two.model.state_dict())
    assert (one.path / "config.toml").read_text() == (two.path / "config.toml").read_text()
    other = xgraph.pretrain(config="one/config.toml", out="three", seed=4)
    assert not torch.equal(other.model.state_dict()["head.mlp.0.weight"], one.model.state_dict()["head.mlp.0.weight"])


def test_settings_cannot_change_when_resuming(tables: list[str]) -> None:
    xgraph.pretrain(tables, out="run", **SMALL)
    for settings, text in [
        (
            {"seed": 1},
            "resume: seed is 0 in run and cannot become 1; only checkpoint_every, device, epochs, logger, "
            "threads can change",
        ),
        ({"hidden_channels": 16}, "hidden_channels is 8 in run and cannot become 16"),
        ({"objective": "contrastive"}, "objective is 'multitask' in run"),
        ({"datasets": tables[:1]}, "datasets is"),
    ]:
        with pytest.raises(OptionError, match=text):
            xgraph.pretrain(out="run", resume=True, **settings)
    assert xgraph.pretrain([Path(t).name for t in tables], out="run", resume=True, epochs=3).metrics["epochs"] == 3
    with pytest.raises(OptionError, match=r"epochs = 1: run has already done 3"):
        xgraph.pretrain(out="run", resume=True, epochs=1)
    Path(tables[0]).write_text("smiles,amine\n" + "".join(f"{'C' * n},{n % 2}\n" for n in range(1, 30)))
    with pytest.raises(ValueError, match="resume: .* was written with"):
        xgraph.pretrain(out="run", resume=True, epochs=4)


def test_excluded_molecules_are_not_trained_on(tables: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    from xgraph.data import MoleculeDataset

    Path("out.csv").write_text("smiles\n" + "".join(f"{'C' * n}O\n" for n in range(1, 31)))
    seen: set[str] = set()
    own = MoleculeDataset.batch

    def watched(self: MoleculeDataset, positions: Any) -> Any:
        seen.update(self.smiles[i] for i in torch.as_tensor(positions).tolist())
        return own(self, positions)

    monkeypatch.setattr(MoleculeDataset, "batch", watched)
    run = xgraph.pretrain(tables, exclude=[Path("out.csv")], out="run", **SMALL)
    assert run.metrics["joined"]["excluded"] == 40
    assert len(seen) == 80
    assert not any(text.endswith("O") for text in seen)


def test_encoders_without_labels_cannot_score(tables: list[str]) -> None:
    xgraph.pretrain(tables, objective="contrastive", out="one", **SMALL)
    with pytest.raises(ValueError, match="was pretrained without labels and cannot score"):
        xgraph.predict("one", ["CCO"])
    xgraph.pretrain(tables, out="two", **SMALL)
    frame = xgraph.predict("two", ["CCO"])
    assert list(frame.columns) == ["smiles", "chains/amine", "halides/fluoride", "halides/odd", "error"]
    for run in ("one", "two"):
        with pytest.raises(ValueError, match=f"run: {run} is a pretrained encoder"):
            xgraph.evaluate(run)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("smiles,a\n" + "".join(f"{'C' * n},1\n" for n in range(1, 30)), "no task of 'given' has both labels, 0 and 1"),
        ("smiles,a\n" + "".join(f"{'C' * n},0.5\n" for n in range(1, 30)), "have no column with labels 0 and 1"),
    ],
)
@pytest.mark.filterwarnings("ignore:.*has no label column found")
def test_data_without_both_labels_are_refused(csv: Path, text: str, error: str) -> None:
    Path("given.csv").write_text(text)
    with pytest.raises(ValueError, match=error):
        xgraph.pretrain("given.csv", out="run", **SMALL)
    assert not Path("run").exists()
    assert xgraph.pretrain("given.csv", objective="contrastive", out="run", **SMALL).metrics["molecules"] == 29


def test_invalid_calls_are_refused(tables: list[str]) -> None:
    with pytest.raises(TypeError, match="datasets: expected names or paths, got 5"):
        xgraph.pretrain(5)  # type: ignore[arg-type]
    with pytest.raises(OptionError, match=r"datasets = \[\]: expected one or more data sets"):
        xgraph.pretrain()
    with pytest.raises(OptionError, match="resume: give the directory of the run"):
        xgraph.pretrain(tables, resume=True)
    with pytest.raises(FileNotFoundError, match="resume: nowhere is not a run directory"):
        xgraph.pretrain(tables, resume=True, out="nowhere")
    Path("full").mkdir()
    Path("full/file").touch()
    with pytest.raises(FileExistsError, match="full is not empty"):
        xgraph.pretrain(tables, out="full")


def test_the_default_directory(tables: list[str]) -> None:
    first, second = (xgraph.pretrain(",".join(tables), **{**SMALL, "epochs": 1}).path for _ in range(2))
    assert (str(first), str(second)) == ("runs/pretrain-multitask-gine-s0", "runs/pretrain-multitask-gine-s0-2")


@pytest.mark.parametrize("model", ["molecule-gcn", "ecc", "mpnn", "ml-mpnn", "d-mpnn", "deeper-gcn"])
def test_every_molecular_model_can_be_pretrained(csv: Path, model: str) -> None:
    settings = {"epochs": 1, "batch_size": 32, "hidden_channels": 8, "threads": 1, "drop_subgraph": 0.2}
    run = xgraph.pretrain(csv, objective="contrastive", model=model, out="run", **settings)
    assert torch.isfinite(torch.tensor(run.metrics["valid"]["loss"]))


def test_a_run_without_its_file_of_settings_resumes_from_those_of_its_checkpoint(tables: list[str]) -> None:
    run = xgraph.pretrain(tables, out="run", **SMALL)
    before = (run.path / "config.toml").read_bytes()
    (run.path / "config.toml").unlink()
    xgraph.pretrain(out="run", resume=True)
    assert (run.path / "config.toml").read_bytes() == before
    with pytest.raises(FileNotFoundError, match="nowhere is not a run directory"):
        xgraph.pretrain(out="nowhere", resume=True)
