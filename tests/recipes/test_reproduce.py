"""Recipes through the real command: full, interrupted, resumed, reduced and refused."""

import json
import multiprocessing
import os
import shutil
import signal
import sys
import time
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score
from tiny import tiny

import xgraph
from xgraph.cli import main
from xgraph.recipes.reproduce import reproduce
from xgraph.recipes.run import tasks
from xgraph.training.fit.task import Task
from xgraph.training.fit.train import Interrupted

Make = Callable[..., Path]
Capture = pytest.CaptureFixture[str]
RUNS = [f"{name}/seed_{seed}" for name in ("att", "smx") for seed in (0, 1)]


def numbers(out: Path) -> dict[str, Any]:
    """The contents of the report without times and paths."""
    values = json.loads((out / "report.json").read_text())
    return {name: values[name] for name in ("rows", "compared", "published", "quick", "metrics")}


@contextmanager
def stopped(fit: int, epoch: int, error: BaseException) -> Iterator[list[Task]]:
    """Stop training in an epoch (from 0) of one of the fits (from 1), and list all fits that began."""
    step, seen = Task.training_step, []

    def stop(self: Task, batch: Any, batch_idx: int) -> Any:
        if self not in seen:
            seen.append(self)
        if len(seen) == fit and self.current_epoch == epoch:
            raise error
        return step(self, batch, batch_idx)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Task, "training_step", stop)
        yield seen


def written(out: Path) -> dict[str, int]:
    return {name: (out / name / "metrics.json").stat().st_mtime_ns for name in RUNS if (out / name).is_dir()}


def test_a_recipe_runs_and_a_second_call_keeps_its_runs(recipe: Make, capsys: Capture) -> None:
    argv = ["reproduce", str(recipe()), "--out", "out", "--threads", "1", "--jobs", "1"]
    assert main(argv) == 0
    captured = capsys.readouterr()
    assert [line for line in captured.err.splitlines() if line.startswith("run=")] == [
        f"run={i}/4 {name}" for i, name in enumerate(RUNS, 1)
    ]
    assert "att, seeds averaged" in captured.out
    assert "both, one seed each" in captured.out
    assert captured.out.splitlines()[-1] == "report: out/report.md"
    assert "Reduced run" not in captured.out
    out = Path("out")
    names = {"recipe.toml", "report.md", "report.json", "times.json", "att", "smx"}
    assert {path.name for path in out.iterdir()} == names
    assert json.loads((out / "times.json").read_text()).keys() == {*RUNS, "(elapsed)"}

    # An ordinary run directory for each seed.
    run = xgraph.training.Run.open("out/smx/seed_1")
    assert (run.config.seed, run.config.instances, run.config.threads) == (1, 2, 1)
    assert xgraph.evaluate(run.path) == pytest.approx(run.metrics["test"])

    first, times, table = numbers(out), written(out), captured.out
    with stopped(0, 0, ValueError()) as fits:
        assert main(argv) == 0
    assert fits == []
    assert (numbers(out), written(out)) == (first, times)
    assert capsys.readouterr().out == table


def test_the_contents_of_the_report(recipe: Make) -> None:
    report = reproduce(recipe(), out="out")
    values = json.loads(Path("out/report.json").read_text())
    rows = {row["name"]: row for row in values["rows"]}
    frames = [pd.read_csv(f"out/att/seed_{seed}/predictions.csv") for seed in (0, 1)]
    y = frames[0].query("split == 'test'")["ill"]
    mean = sum(frame.query("split == 'test'")["ill_score"] for frame in frames)
    single = [xgraph.training.Run.open(f"out/att/seed_{seed}").metrics["test"]["roc_auc"] for seed in (0, 1)]
    assert rows["att"]["all_seeds"]["test"]["mean"]["roc_auc"] == pytest.approx(roc_auc_score(y, mean))
    assert rows["att"]["single_seeds"]["test"]["mean"]["roc_auc"] == pytest.approx(np.mean(single))
    assert rows["att"]["single_seeds"]["test"]["std"]["roc_auc"] == pytest.approx(np.std(single, ddof=1))
    assert rows["att"]["members"] == {"att": [0, 1]}
    assert rows["att"]["settings"]["lr"] == 0.01
    assert rows["both"]["kind"] == "ensemble"
    assert "pauc_mcclish_fpr0.2" in rows["both"]["all_seeds"]["test"]["mean"]
    assert values["compared"][0]["pairs"] == 2
    assert values["quick"] is False
    assert values["wall_seconds"] == pytest.approx(sum(values["wall_seconds_by_run"].values()))
    (machine,) = values["environments"]
    assert sorted(machine["runs"]) == RUNS
    assert machine["versions"]["xgraph"] == xgraph.__version__
    text = Path("out/report.md").read_text()
    for expected in (
        "# Tiny",
        "| published: theirs (a paper) |",
        "ten folds",
        "**both**: mean rank of att, smx",
        "Total wall time",
    ):
        assert expected in text
    assert "Reduced run" not in text
    assert report.path == Path("out")
    assert tomllib.loads(Path("out/recipe.toml").read_text())["member"][0]["name"] == "att"


def test_an_interrupted_recipe_resumes(recipe: Make, capsys: Capture) -> None:
    argv = ["reproduce", str(recipe()), "--out", "my out", "--threads", "1", "--jobs", "1"]
    out = Path("my out")
    before: dict[str, int] = {}
    # In the first run, and in an epoch of each of the others: fits are counted from the one that resumes.
    for finished, (fit, epoch) in enumerate([(1, 0), (2, 1), (2, 0), (2, 2)]):
        with stopped(fit, epoch, KeyboardInterrupt()):
            assert main(argv) == 130
        err = capsys.readouterr().err
        assert f"interrupted: `xgraph reproduce {recipe()} --out 'my out' --threads 1 --jobs 1` resumes" in err
        assert "Traceback" not in err
        assert not (out / "report.md").exists()
        now = {name: (out / name / "metrics.json") for name in RUNS}
        times = {name: path.stat().st_mtime_ns for name, path in now.items() if path.exists()}
        assert list(times) == RUNS[:finished]
        assert times.items() >= before.items()
        before = times
    with stopped(0, 0, ValueError()) as fits:
        assert main(argv) == 0
    assert len(fits) == 1
    assert written(out).items() >= before.items()
    reproduce(recipe(), out="whole", threads=1)
    assert numbers(out) == numbers(Path("whole"))


def test_an_interrupt_between_runs(recipe: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("xgraph.recipes.reproduce.choose_device", lambda device: device)
        patch.setattr("xgraph.recipes.reproduce.fetch_all", stop)
        with pytest.raises(Interrupted) as raised:
            reproduce(recipe(), out="out")
    assert raised.value.path == Path("out")
    assert main(["reproduce", str(recipe()), "--out", "out", "--jobs", "1"]) == 0


def test_a_failed_run_is_named_and_the_others_go_on(recipe: Make, capsys: Capture) -> None:
    argv = ["reproduce", str(recipe()), "--out", "out", "--jobs", "1"]
    with stopped(3, 0, ValueError("diverged")):
        assert main(argv) == 1
    captured = capsys.readouterr()
    assert captured.err.splitlines()[-1] == "error: smx/seed_0: diverged"
    assert "report: out/report.md" in captured.out
    values = json.loads(Path("out/report.json").read_text())
    assert values["failed"] == [{"name": "smx/seed_0", "error": "diverged"}]
    assert "- smx/seed_0: diverged" in Path("out/report.md").read_text()
    assert {row["name"]: row["members"] for row in values["rows"]} == {
        "att": {"att": [0, 1]},
        "smx": {"smx": [1]},
        "both": {"att": [0, 1], "smx": [1]},
    }
    assert values["compared"] == [], "pairs need the same seeds"
    assert main(argv) == 0
    values = json.loads(Path("out/report.json").read_text())
    assert (values["failed"], len(values["compared"])) == ([], 2)


def test_a_member_without_any_run_is_left_out(recipe: Make, chains: Path, capsys: Capture) -> None:
    values = {"title": "a", "about": "b", "settings": {"dataset": "chains.csv", "trees": 5, "split": "random"}}
    nothing = {"name": "nothing", "model": "forest", "features": ["rdkit"]}
    values["member"] = [{"name": "forest", "model": "forest", "features": ["maccs"]}, nothing]
    values["member"] += [{"name": "svm", "model": "svm", "features": ["rdkit"]}]
    values["ensemble"] = [{"name": "all", "members": ["forest", "nothing", "svm"], "combine": "rank"}]
    values["choice"] = [{"name": "best", "candidates": ["nothing", "svm"]}]
    values["compare"] = [{"one": "forest", "other": "nothing"}, {"one": "forest", "other": "all"}]
    train = tasks.Runner.train

    def fail(self: tasks.Runner, member: Any, seed: int) -> None:
        if member.name == "nothing":
            raise ValueError("only one class")
        train(self, member, seed)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tasks.Runner, "train", fail)
        report = reproduce(recipe(values), out="out")
    assert report.failed == {"nothing/seed_0": "only one class"}
    rows = {row["name"]: row for row in report.values["rows"]}
    assert list(rows) == ["forest", "svm", "all", "best"]
    assert rows["all"]["members"] == {"forest": [0], "svm": [0]}
    assert rows["best"]["chosen"][0]["note"] == "there is only one candidate"
    assert [(one["one"], one["other"]) for one in report.values["compared"]] == [("forest", "all")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tasks.Runner, "train", lambda *_: 1 / 0)
        with pytest.raises(RuntimeError, match="all runs failed; forest/seed_0: division by zero"):
            reproduce(recipe(values), out="other")
        assert main(["reproduce", str(recipe(values)), "--out", "third"]) == 1
        assert capsys.readouterr().err.splitlines()[-1].startswith("error: all runs failed; forest/seed_0: ")


@pytest.mark.skipif(sys.platform != "linux", reason="other systems start processes afresh, which takes seconds")
def test_runs_in_several_processes_are_the_same(recipe: Make, capsys: Capture) -> None:
    values = tiny()
    values["member"].append({"name": "then", "seeds": [0, 1], "loss": "soap", "init": "att", "pretrain_epochs": 0})
    reproduce(recipe(values), out="one", threads=1)
    assert main(["reproduce", str(recipe(values)), "--out", "two", "--jobs", "2"]) == 0
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("run=")]
    assert [line.split()[0] for line in lines] == [f"run={i}/6" for i in range(1, 7)]
    assert numbers(Path("one")) == numbers(Path("two"))
    times = json.loads(Path("two/times.json").read_text())
    assert len(times) == 7
    (Path("two/smx/seed_1/metrics.json")).unlink()
    before = (Path("two/att/seed_0/metrics.json")).stat().st_mtime_ns
    reproduce(recipe(values), out="two", jobs=2)
    assert (Path("two/att/seed_0/metrics.json")).stat().st_mtime_ns == before
    assert numbers(Path("one")) == numbers(Path("two"))


@pytest.mark.skipif(sys.platform != "linux", reason="other systems start processes afresh, which takes seconds")
def test_what_starts_from_a_failed_run_in_other_processes(recipe: Make) -> None:
    values = tiny()
    values["member"].append({"name": "then", "seeds": [0, 1], "loss": "soap", "init": "att", "pretrain_epochs": 0})
    train = tasks.Runner.train

    def fail(self: tasks.Runner, member: Any, seed: int) -> None:
        if (member.name, seed) == ("att", 1):
            raise ValueError("diverged")
        train(self, member, seed)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tasks.Runner, "train", fail)
        report = reproduce(recipe(values), out="out", jobs=2)
    expected = {"att/seed_1": "diverged", "then/seed_1": "it starts from att/seed_1, which failed"}
    assert report.failed == expected


@pytest.mark.skipif(sys.platform != "linux", reason="other systems start processes afresh, which takes seconds")
def test_several_processes_are_interrupted(recipe: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """The signal goes to the parent alone; the runs of its processes stop after their step and can be resumed."""
    parent, step, tidied = os.getpid(), Task.training_step, Path("tidied").resolve()
    tidied.mkdir()

    def slow(self: Task, batch: Any, batch_idx: int) -> Any:
        if self.current_epoch == 1:
            try:
                os.kill(parent, signal.SIGINT)
                time.sleep(3)
            finally:
                (tidied / str(os.getpid())).touch()
        return step(self, batch, batch_idx)

    with monkeypatch.context() as patch:
        patch.setattr(Task, "training_step", slow)
        began = time.monotonic()
        assert main(["reproduce", str(recipe()), "--out", "out", "--jobs", "2"]) == 130
        assert time.monotonic() - began < 25
    assert list(tidied.iterdir())
    assert not multiprocessing.active_children()
    assert json.loads(Path("out/times.json").read_text())["(elapsed)"] > 0
    reproduce(recipe(), out="out", threads=1)
    reproduce(recipe(), out="whole", threads=1)
    assert numbers(Path("out")) == numbers(Path("whole"))


def test_a_reduced_run(recipe: Make, capsys: Capture) -> None:
    argv = ["reproduce", str(recipe()), "--quick"]
    assert main(argv) == 0
    out = Path("runs/tiny-quick")
    assert capsys.readouterr().out.startswith("Reduced run: this is not the full protocol")
    assert numbers(out)["quick"] is True
    assert Path(out, "report.md").read_text().splitlines()[2].startswith("> **Reduced run: this is not the full")
    assert [path.name for path in out.glob("*/seed_*")] == ["seed_3"]
    for words, was, now in ((["--quick"], "a full run", "a reduced run"), ([], "a reduced run", "a full run")):
        other = "full" if words else str(out)
        if words:
            reproduce(recipe(), out="full")
        capsys.readouterr()
        assert main(["reproduce", str(recipe()), *words, "--out", other]) == 2
        err = capsys.readouterr().err
        assert f"holds {was}" in err
        assert f"but this is {now}" in err
    # The recipe that it wrote remains a reduced one.
    assert main(["reproduce", str(out / "recipe.toml"), "--out", str(out)]) == 0
    assert numbers(out)["quick"] is True


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"settings": {"epochs": 4}}, "member 'att' on "),
        ({"settings": {"epochs": 4}}, " has epochs = 3 there and 4 here; choose another --out"),
        ({"member": {"loss": "soap"}}, " has loss = 'bce' there and 'soap' here"),
        ({"member": {"seeds": [1, 2]}}, " has seeds = [0] there and [1, 2] here"),
        ({"member": {"name": "other"}}, "holds another recipe: member 'att' on "),
    ],
)
def test_a_directory_with_another_recipe_is_refused(
    change: dict[str, Any], message: str, recipe: Make, capsys: Capture
) -> None:
    values = {name: tiny()[name] for name in ("title", "about", "settings")}
    values["settings"].pop("tau")
    values["member"] = [{"name": "att", "loss": "bce", "pretrain_epochs": 0}]
    with stopped(1, 0, KeyboardInterrupt()), pytest.raises(Interrupted):
        reproduce(recipe(values), out="out")
    values["settings"] |= change.get("settings", {})
    values["member"][0] |= change.get("member", {})
    assert main(["reproduce", str(recipe(values)), "--out", "out"]) == 2
    assert message in capsys.readouterr().err


def test_members_and_seeds_can_be_added(recipe: Make) -> None:
    values = tiny()
    del values["ensemble"], values["compare"], values["quick"]
    short = {**values, "member": [{**values["member"][1], "seeds": [1]}]}
    short["settings"] = {**values["settings"]}
    reproduce(recipe(short), out="out")
    before = written(Path("out"))
    with stopped(0, 0, ValueError()) as fits:
        reproduce(recipe(values), out="out")
    assert len(fits) == 3
    assert written(Path("out"))["smx/seed_1"] == before["smx/seed_1"]


def test_a_finished_run_with_other_settings_is_refused(recipe: Make, capsys: Capture) -> None:
    reproduce(recipe(), out="out")
    file = Path("out/smx/seed_1/config.toml")
    file.write_text(file.read_text().replace("instances = 2", "instances = 3"))
    capsys.readouterr()
    assert main(["reproduce", str(recipe()), "--out", "out"]) == 2
    assert "out/smx/seed_1 was trained with instances = 3, but the recipe has 2" in capsys.readouterr().err


def test_missing_times_and_environments_are_tolerated(recipe: Make) -> None:
    reproduce(recipe(), out="out")
    Path("out/times.json").write_text("{")
    Path("out/att/seed_0/env.json").unlink()
    values = reproduce(recipe(), out="out").values
    assert values["wall_seconds"] == 0
    assert [entry["runs"] for entry in values["environments"]] == [RUNS[:1], RUNS[1:]]
    assert "commit unknown" in Path("out/report.md").read_text()


def test_occupied_directories_are_refused(recipe: Make, capsys: Capture) -> None:
    Path("file").write_text("")
    Path("full").mkdir()
    Path("full/file").write_text("")
    for place, message in (("file", "file is a file"), ("full", "full is not empty and has no recipe.toml")):
        assert main(["reproduce", str(recipe()), "--out", place]) == 1
        assert message in capsys.readouterr().err
    Path("broken").mkdir()
    Path("broken/recipe.toml").write_text("title = 3")
    assert main(["reproduce", str(recipe()), "--out", "broken"]) == 2
    assert "broken/recipe.toml: title = 3" in capsys.readouterr().err


def test_only_one_process_can_run_in_a_directory(recipe: Make, capsys: Capture) -> None:
    import fcntl

    Path("out").mkdir()
    folder = os.open("out", os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)
    try:
        assert main(["reproduce", str(recipe()), "--out", "out"]) == 1
        assert "another run is writing to out" in capsys.readouterr().err
    finally:
        os.close(folder)


def test_a_recipe_over_folds(recipe: Make) -> None:
    values = tiny()
    values["settings"] |= {"folds": 3, "fold": "0-1"}
    del values["quick"]
    with stopped(4, 1, KeyboardInterrupt()), pytest.raises(Interrupted):
        reproduce(recipe(values), out="out", threads=1)
    assert Path("out/att/seed_1/fold_0/metrics.json").exists()
    assert not Path("out/att/seed_1/fold_1/metrics.json").exists()
    with stopped(0, 0, ValueError()) as fits:
        reproduce(recipe(values), out="out", threads=1)
    assert len(fits) == 8 - 3
    rows = {row["name"]: row for row in numbers(Path("out"))["rows"]}
    assert [part["part"] for part in rows["both"]["parts"]] == [0, 1]
    frames = [pd.read_csv(f"out/smx/seed_{seed}/fold_1/predictions.csv").query("split == 'test'") for seed in (0, 1)]
    expected = roc_auc_score(frames[0]["ill"], frames[0]["ill_score"] + frames[1]["ill_score"])
    assert rows["smx"]["parts"][1]["test"]["roc_auc"] == pytest.approx(expected)
    reproduce(recipe(values), out="whole", threads=1)
    assert numbers(Path("out")) == numbers(Path("whole"))
    assert "by fold" in Path("out/report.md").read_text()


def test_networks_and_forests_on_random_splits(recipe: Make, chains: Path) -> None:
    settings = {"dataset": "chains.csv", "split": "random", "epochs": 1, "pretrain_epochs": 0, "loss": "bce"}
    settings |= {"hidden_channels": 4, "num_layers": 1, "batch_size": 16, "trees": 5}
    values = {"title": "a", "about": "b", "settings": settings}
    values["member"] = [
        {"name": "net", "model": "gine", "seeds": [0, 1]},
        {"name": "forest", "model": "forest", "features": ["maccs"], "seeds": [0, 1]},
    ]
    values["ensemble"] = [{"name": "both", "members": ["net", "forest"], "combine": "rank"}]
    values["compare"] = [{"one": "forest", "other": "net"}]
    report = reproduce(recipe(values), out="out")
    assert [row["name"] for row in report.values["rows"]] == ["net", "forest", "both"]
    assert report.values["compared"][0]["pairs"] == 2
    assert report.tables[0].note.startswith("Mean ± standard deviation over 2 seeds, each with its own split")


def test_a_recipe_on_several_data_sets(recipe: Make, bags: Path) -> None:
    shutil.copy(bags, bags.with_name("more.csv"))
    values = tiny()
    values["settings"]["dataset"] = ["bags.csv", "more.csv"]
    values["member"] = [{**values["member"][0], "seeds": [0]}]
    for name in ("ensemble", "compare", "published", "quick"):
        del values[name]
    values["settings"].pop("tau")
    report = reproduce(recipe(values), out="out")
    assert sorted(str(path.parent) for path in Path("out").glob("**/metrics.json")) == [
        "out/att/bags/seed_0",
        "out/att/more/seed_0",
    ]
    assert [table.heading for table in report.tables] == ["bags: test", "more: test"]
    values["settings"]["dataset"] = "bags.csv"
    with pytest.raises(ValueError, match=r"member 'att' on .*more.csv' is missing in this one"):
        reproduce(recipe(values), out="out")


def test_a_choice_by_inner_folds(recipe: Make, chains: Path) -> None:
    settings = {"dataset": "chains.csv", "split": "random", "folds": 3, "fold": "0-1", "train_on": "train+valid"}
    values = {"title": "a", "about": "b", "metrics": ["ap", "roc_auc"], "settings": {**settings, "trees": 5}}
    values["member"] = [
        {"name": "forest", "model": "forest", "features": ["maccs"]},
        {"name": "svm", "model": "svm", "features": ["rdkit"]},
    ]
    values["choice"] = [{"name": "entry", "candidates": ["forest", "svm"], "how": "greedy", "start": "all", "inner": 3}]
    report = reproduce(recipe(values), out="out")
    table = pd.read_csv("out/forest/seed_0/fold_1/inner_3.csv")
    own = {**settings, "model": "forest", "features": ["maccs"], "trees": 5, "fold": 1, "train_on": "train"}
    run = xgraph.train("chains.csv", out="inner", inner="1/3", **{k: v for k, v in own.items() if k != "dataset"})
    expected = pd.read_csv(run.path / "predictions.csv").query("split == 'valid'")
    assert table[table["inner"] == 1]["amine_score"].tolist() == expected["amine_score"].tolist()
    test = pd.read_csv("out/forest/seed_0/fold_1/predictions.csv").query("split == 'test'")
    assert not set(table["row"]) & set(test["row"])
    assert len(set(table["row"])) == len(table) == 60 - len(test)
    row = report.values["rows"][-1]
    assert (row["name"], row["kind"]) == ("entry", "choice")
    assert [one["part"] for one in row["chosen"] if one["seed"] is None or one["seed"] == 0] == [0, 1]
    assert set(row["chosen"][0]["scores"]) == {"forest", "svm"}
    assert "- **entry**: greedy mean rank of forest, svm, starting from all" in Path("out/report.md").read_text()

    before = {path: path.stat().st_mtime_ns for path in Path("out").rglob("*_3.csv")}
    Path("out/svm/seed_0/fold_0/inner_3.csv").unlink()
    again = reproduce(recipe(values), out="out")
    after = {path: path.stat().st_mtime_ns for path in Path("out").rglob("*_3.csv")}
    assert len(before) == len(after) == 4
    assert {path.parts[1:4] for path in after if after[path] != before[path]} == {("svm", "seed_0", "fold_0")}
    assert again.values["rows"] == report.values["rows"]


def test_members_are_repeated_on_partitions(recipe: Make, chains: Path) -> None:
    """The folds are those that `xgraph train` draws, and the pooled items are ranked within them."""
    values = {"title": "a", "about": "b", "metrics": ["ap", "roc_auc"]}
    values["settings"] = {"dataset": "chains.csv", "split": "random", "trees": 5}
    values["member"] = [{"name": "forest", "model": "forest", "features": ["maccs"]}]
    values["member"] += [{"name": "svm", "model": "svm", "features": ["rdkit"]}]
    values["choice"] = [{"name": "entry", "candidates": ["forest", "svm"], "how": "greedy"}]
    values["partitions"] = {"rows": ["entry", "svm"], "number": 2, "folds": 3, "split": "random"}
    report = reproduce(recipe(values), out="out")
    entry, svm = report.values["partitions"]
    assert (entry["name"], entry["partitions"], len(entry["chosen"][1])) == ("entry", 2, 3)
    own = {"split": "random", "folds": 3, "partition": 1, "model": "svm", "features": ["rdkit"], "fold": "all"}
    run = xgraph.train("chains.csv", out="svm", **own)
    frames = [pd.read_csv(f"out/partition_1/svm/seed_0/fold_{fold}/predictions.csv") for fold in range(3)]
    for fold, frame in enumerate(frames):
        assert frame.equals(pd.read_csv(f"svm/fold_{fold}/predictions.csv"))
    other = pd.read_csv("out/partition_0/svm/seed_0/fold_0/predictions.csv")
    assert set(other.query("split == 'test'")["row"]) != set(frames[0].query("split == 'test'")["row"])
    assert svm["mean_over_folds"]["ap"]["each"][1] == pytest.approx(run.metrics["test"]["ap"])
    tests = [frame.query("split == 'test'") for frame in frames]
    y = np.concatenate([one["amine"] for one in tests])
    ranks = np.concatenate([(one["amine_score"].rank() - 1) / (len(one) - 1) for one in tests])
    assert sorted(row for one in tests for row in one["row"]) == list(range(60))
    assert svm["pooled"]["roc_auc"]["each"][1] == pytest.approx(roc_auc_score(y, ranks))
    each = svm["pooled"]["roc_auc"]["each"]
    assert svm["pooled"]["roc_auc"]["std"] == pytest.approx(np.std(each, ddof=1))
    grid = next(table for table in report.tables if "random partitions" in table.heading)
    assert grid.heading == "chains: 2 random partitions, test"
    assert [row[:2] for row in grid.rows] == [["", "partitions"], ["entry", "2"], ["svm", "2"]]
    before = {path: path.stat().st_mtime_ns for path in Path("out").rglob("metrics.json")}
    reproduce(recipe(tomllib.loads(Path("out/recipe.toml").read_text()), "again.toml"), out="out")
    assert {path: path.stat().st_mtime_ns for path in Path("out").rglob("metrics.json")} == before
