import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import xgraph
from xgraph.cli import main
from xgraph.options import OptionError
from xgraph.training.files.checkpoint import read_checkpoint, write_checkpoint

Train = Callable[..., xgraph.Run]


def edit(old: str, new: str) -> None:
    path = Path("run/config.toml")
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("lr = 0.001", "lr = 0.1", r"lr is 0\.1 in the run's config\.toml, but run/last\.ckpt was written with 0\.001"),
        ("hidden_channels = 8", "hidden_channels = 16", "hidden_channels is 16 in the run's"),
        ("seed = 0", "seed = 1", "seed is 1 in the run's"),
        ("margin = ", "margin = 9", "margin is 9"),
    ],
)
def test_settings_that_were_edited_are_refused(train: Train, old: str, new: str, message: str) -> None:
    train(out="run", epochs=2, loss="soap", split="random")
    edit(old, new)
    with pytest.raises(OptionError, match=message):
        xgraph.train(out="run", resume=True, epochs=3)


def test_a_file_of_settings_that_was_cut_off_is_refused(train: Train) -> None:
    train(out="run", epochs=2)
    text = Path("run/config.toml").read_text()
    Path("run/config.toml").write_text(text[: text.index("[batches]")])
    with pytest.raises(
        OptionError, match="batch_size is 64 in the run's config.toml, but run/last.ckpt was written with"
    ):
        xgraph.train(out="run", resume=True, epochs=3)
    Path("run/config.toml").write_text(text[: len(text) // 2] + '"')
    with pytest.raises(OptionError, match="is not valid TOML: .*; delete it to resume with the settings of last.ckpt"):
        xgraph.train(out="run", resume=True, epochs=3)
    Path("run/config.toml").unlink()
    run = xgraph.train(out="run", resume=True, epochs=3)
    assert run.config.batch_size == 16
    assert run.metrics["epochs"] == 3


def test_settings_that_may_change_may_be_edited(train: Train) -> None:
    train(out="run", epochs=2)
    edit("epochs = 2", "epochs = 3")
    edit("threads = 1", "threads = 2")
    assert xgraph.train(out="run", resume=True).metrics["epochs"] == 3


def test_settings_of_folds_and_fitted_models_are_compared_too(train: Train) -> None:
    train(out="run", folds=3, fold="0-1", epochs=2)
    edit("lr = 0.001", "lr = 0.1")
    with pytest.raises(OptionError, match=r"lr is 0\.1 in the run's config\.toml, but run/fold_0/last\.ckpt"):
        xgraph.train(out="run", resume=True, epochs=3)
    shutil.rmtree("run")
    xgraph.train("chains.csv", split="random", model="forest", trees=3, features=["maccs"], out="run")
    edit("trees = 3", "trees = 4")
    with pytest.raises(OptionError, match="trees is 4 in the run's"):
        xgraph.train(out="run", resume=True)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"callbacks": {}}, "has no history of epochs"),
        ({"callbacks": {"Keeper": {"history": [3], "best": None}}}, "has a damaged history of epochs"),
        ({"optimizer_states": []}, "has no state of the optimiser"),
        ({"random_state": {}}, "has no random state"),
        ({"within_epoch": {"steps": -1}}, "has a damaged position within the epoch"),
        ({"within_epoch": 3}, "has a damaged position within the epoch"),
        ({"threads": "many"}, "has a damaged number of threads"),
        ({"global_step": None}, "has a damaged number of steps"),
        ({"sampler": {"epoch": "x"}}, "state of DualSampler is incomplete"),
    ],
)
def test_checkpoints_without_what_training_needs_are_refused(
    train: Train, change: dict[str, Any], message: str
) -> None:
    train(out="run", epochs=2)
    write_checkpoint({**read_checkpoint("run/last.ckpt"), **change}, "run/last.ckpt")
    with pytest.raises(ValueError, match=rf"resume: run/last\.ckpt.* {message}"):
        xgraph.train(out="run", resume=True, epochs=3)
    assert xgraph.predict("run", ["C"])["error"].tolist() == [""]


def test_a_damaged_last_checkpoint_beside_a_whole_best_one_names_the_remedy(train: Train) -> None:
    train(out="run", epochs=3, keep="last")
    whole = Path("run/last.ckpt").read_bytes()
    Path("run/last.ckpt").write_bytes(whole[:-100])
    with pytest.raises(
        ValueError, match=r"last.ckpt is not .* damaged.*`cp run/best.ckpt run/last.ckpt` lets the run .* 3"
    ):
        xgraph.train(out="run", resume=True, epochs=4)
    shutil.copy("run/best.ckpt", "run/last.ckpt")
    assert xgraph.train(out="run", resume=True, epochs=4).metrics["epochs"] == 4


@pytest.mark.skipif(sys.platform == "win32", reason="makes pipes and links")
@pytest.mark.parametrize("name", ["config.toml", "last.ckpt", "best.ckpt", "metrics.csv", "metrics.json"])
@pytest.mark.parametrize("kind", ["pipe", "folder", "loop"])
def test_a_run_with_something_else_in_place_of_a_file_is_refused(tmp_path: Path, name: str, kind: str) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    make: dict[str, Callable[[Path], object]] = {
        "pipe": os.mkfifo,
        "folder": Path.mkdir,
        "loop": lambda path: path.symlink_to(name),
    }
    make[kind](folder / name)
    with pytest.raises(ValueError, match=rf"run: .*{name} (is not a file|cannot be read .*); remove it, then resume"):
        xgraph.train(out=folder, resume=True)
    assert main(["runs", str(tmp_path)]) == 0


def test_a_run_over_seeds_without_its_file_of_settings_says_how_to_go_on(train: Train) -> None:
    whole = train(out="run", epochs=2, seeds=2)
    before = (whole.path / "config.toml").read_text()
    (whole.path / "config.toml").unlink()
    with pytest.raises(
        FileNotFoundError, match=r"has no config.toml, but seed_0 of it has: copy .*split_seed the same"
    ):
        xgraph.train(out="run", resume=True)
    text = (whole.path / "seed_0" / "config.toml").read_text()  # which has the seed and the parts of the first one
    (whole.path / "config.toml").write_text(text.replace("seeds = 1\n", "").replace("[run]\n", "[run]\nseeds = 2\n"))
    again = xgraph.train(out="run", resume=True)
    assert again.metrics["test"] == whole.metrics["test"]
    assert "seeds = 2" in before


def test_a_run_over_folds_without_its_file_of_settings_says_how_to_go_on(csv: Path) -> None:
    whole = xgraph.train(csv, out="run", split="random", model="forest", trees=2, features=["maccs"], folds=3)
    (whole.path / "config.toml").unlink()
    with pytest.raises(FileNotFoundError, match=r"but fold_0 of it has: copy .*set fold = \"all\""):
        xgraph.train(out="run", resume=True)
    text = (whole.path / "fold_0" / "config.toml").read_text()
    (whole.path / "config.toml").write_text(text.replace("fold = 0\n", 'fold = "all"\n'))
    assert xgraph.train(out="run", resume=True).metrics["test"] == whole.metrics["test"]
