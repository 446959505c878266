"""Runs on bags, end to end."""

import csv as csv_module
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from bag_tables import table

import xgraph
from xgraph.data import BagDataset, instance_statistics, read_bags
from xgraph.data.bags import conformer_sets, passes
from xgraph.nn import MODELS
from xgraph.options import OptionError
from xgraph.training.config.build import build_config
from xgraph.training.files.checkpoint import HEADER, read_checkpoint
from xgraph.training.files.saved_model import load_model
from xgraph.training.fit.engine import prepare
from xgraph.training.fit.loading import load_data
from xgraph.training.fit.seeding import own_random_streams
from xgraph.training.fit.task import Task
from xgraph.training.fit.train import Interrupted
from xgraph.training.scoring.bag_scores import explain_bags, score_bags
from xgraph.training.scoring.metrics import METRICS, score_all
from xgraph.training.sources import make_source
from xgraph.training.sources.bags import BagSource

Train = Callable[..., xgraph.Run]
BAG_MODELS = [name for name, model in MODELS.items() if model.kind == "bag"]  # type: ignore[attr-defined]
SMALL: dict[str, Any] = {
    "bag_column": "patient",
    "target_columns": ["ill"],
    "epochs": 3,
    "pretrain_epochs": 1,
    "batch_size": 12,
    "hidden_channels": 8,
    "num_layers": 1,
    "threads": 1,
    "device": "cpu",
}


@pytest.fixture(autouse=True)
def bags(tmp_path: Path) -> Path:
    path = tmp_path / "patients.csv"
    table().to_csv(path, index=False)
    return path


@pytest.fixture
def train(bags: Path) -> Train:
    def run(**settings: Any) -> xgraph.Run:
        return xgraph.train(bags, **{**SMALL, **settings})

    return run


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return [{k: v for k, v in row.items() if k != "seconds"} for row in csv_module.DictReader(file)]


def task_of(path: Path, **settings: Any) -> Task:
    config = build_config({"dataset": str(path), **SMALL, **settings})
    with own_random_streams(config.seed, 1):
        return prepare(config, load_data(config, progress=False))


@pytest.mark.parametrize(
    ("model", "instances"), [*((model, 2) for model in BAG_MODELS), ("attention", None), ("mean", None)]
)
def test_fills_the_run_directory_and_learns(train: Train, model: str, instances: int | None) -> None:
    run = train(model=model, instances=instances, out="run", epochs=13, lr=0.05, hidden_channels=16)
    assert {file.name for file in run.path.iterdir()} == {
        "config.toml", "metrics.csv", "metrics.json", "predictions.csv", "best.ckpt", "last.ckpt", "env.json",
    }  # fmt: skip
    assert list(run.metrics["test"]) == list(METRICS)
    assert xgraph.evaluate("run", "train")["roc_auc"] > (0.7 if model == "mean" else 0.85)
    state = read_checkpoint("run/last.ckpt")
    header = state[HEADER]
    arguments = {"instance_shape": [4]} if instances is None else {"instance_shape": [4], "num_bags": 60}
    assert (header["kind"], header["model_arguments"], header["num_items"]) == ("bag", arguments, 60)
    assert header["feature_names"] == ["f0", "f1", "f2", "f3"]
    tables = {name for name in state["state_dict"] if name.startswith("model.pool.track.")}
    assert bool(tables) == (instances is not None and model != "max")
    assert not any("track" in name for name in run.model.state_dict())
    assert xgraph.evaluate("run") == pytest.approx(run.metrics["test"])
    rows = [row for row in rows_of(run.path / "predictions.csv") if row["split"] == "test"]
    assert list(rows[0]) == ["split", "bag", "ill", "ill_score"]
    y, scores = (np.array([[float(row[name])] for row in rows]) for name in ("ill", "ill_score"))
    assert score_all(y, scores) == pytest.approx(run.metrics["test"])


def test_defaults_depend_on_the_data() -> None:
    named, own = build_config({"dataset": "musk2"}), build_config({"dataset": "x.csv", "bag_column": "b"})
    for config in (named, own):
        assert (config.model, config.loss, config.batch_size, config.lr) == ("attention", "bce", 16, 0.001)
        assert (config.groups, config.instances, config.pretrain_epochs) == ("label", None, 0)
        assert build_config({}, config.to_dict()) == config
    assert build_config({"dataset": "x.csv"}).model == "gine"
    other = build_config({"model": "smoothed-max", "tau": 0.5, "instances": "4", "gamma": 0.3}, named.to_dict())
    assert (other.model_options["tau"], other.model_options["gamma"], other.instances) == (0.5, 0.3, 4)
    assert build_config({"dataset": "musk1", "fold": "0-9"}).fold == list(range(10))
    assert build_config({"dataset": "musk1", "fold": "3"}).fold == 3


def test_gamma_belongs_to_the_model_only_if_it_keeps_states() -> None:
    def gammas(**settings: Any) -> tuple[float, float]:
        config = build_config({"dataset": "musk1", "loss": "soap", **settings})
        return config.model_options["gamma"], config.loss_options["gamma"]

    assert gammas(gamma=0.3) == (0.9, 0.3)
    assert gammas(gamma=0.3, instances=4) == (0.3, 0.1)
    assert gammas(gamma=0.3, loss_gamma=0.5, instances=4) == (0.3, 0.5)
    for given in ({"loss": "bce", "gamma": 0.3}, {"model_gamma": 0.3}):
        with pytest.raises(OptionError, match="gamma: has an effect only if `instances` is set"):
            gammas(**given)
    with pytest.raises(OptionError, match="gamma: loss 'bce' and model 'max' have no such option"):
        gammas(loss="bce", model="max", gamma=0.3)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"model": "gine"}, "model 'gine' is for molecules; for bags, choose from attention, gated-attention"),
        ({"dataset": "nci-pains", "model": "mean"}, "model 'mean' is for bags; for molecules, choose from gine, "),
        (
            {"dataset": "nci-pains", "instances": 4},
            "instances = 4: this setting is for bags, but the data set holds molecules",
        ),
        ({"dataset": "cora", "instances": 4}, "instances = 4: this setting is for bags, but the data set holds nodes"),
        ({"dataset": "x.csv", "feature_columns": "a"}, "this setting is for .*bags, but the data set holds molecules"),
        ({"instances": 0}, "instances = 0: expected 1 or more"),
        ({"instances": "some"}, "instances = 'some': expected an integer"),
        ({"loss": "ce"}, "loss 'ce' is for mutually exclusive classes"),
        ({"metric": "accuracy"}, "metric = .accuracy.: the labels are 0 and 1"),
        ({"groups": "scaffold"}, "groups = 'scaffold': expected 'label' for bags"),
        ({"num_neighbors": "3"}, "num_neighbors = .*: this setting is for nodes, but the data set holds bags"),
        ({"storage": "host"}, "storage = 'host': this setting is for nodes, but the data set holds bags"),
        ({"bag_column": "b"}, "bag_column = 'b': this setting is for CSV files, but 'musk1' is a registered data set"),
        ({"smiles_column": "s"}, "smiles_column = 's': this setting is for CSV files"),
        (
            {"dataset": "x.csv", "bag_column": "b", "standardize": True},
            "give smiles_column if the instances are molecules",
        ),
        (
            {"dataset": "x.csv", "bag_column": "b", "smiles_column": "s", "feature_columns": "f,g"},
            "feature_columns = f,g: with smiles_column the instances are molecules",
        ),
        ({"fold": "3-1"}, "fold = '3-1': expected an integer or all"),
        ({"fold": "0,0"}, r"fold = \[0, 0\]: expected distinct fold numbers, or all"),
        ({"fold": "0,all"}, r"fold = \[0, 'all'\]: expected distinct fold numbers, or all"),
        ({"encoder": "gcn"}, "model 'attention': encoder = 'gcn': expected mlp, cnn, gine or none"),
        ({"tau": 0.1}, "tau: .* have no such option; it is an option of model 'smoothed-max'"),
    ],
)
def test_settings_that_do_not_apply_to_bags_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        build_config({"dataset": "musk1", **settings})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"encoder": "cnn"}, "encoder must be mlp if instances are feature rows, got 'cnn'"),
        ({"heads": 2}, "heads must divide the number of pooled columns, 1"),
        ({"instances": 2, "gamma": 2.0}, "gamma"),
        ({"batch_size": 1, "loss": "auc-margin"}, "batch_size = 1: expected 2 or more"),
        ({"model": "smoothed-max", "tau": -1}, "tau"),
        ({"num_layers": 0}, "num_layers"),
    ],
)
def test_options_out_of_range_are_refused(train: Train, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        train(out="run", **settings)
    assert not Path("run").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.assign(ill=(np.arange(len(t)) % 2)), "labels differ within bag 'p"),
        (lambda t: t.assign(f1=t.f1.where(t.index != 4)), "'f1' is not in data row 4 .bag 'p"),
        (lambda t: t.assign(f1=t.f1.astype(object).where(t.index != 4, "wide")), "'f1' contains 'wide' in data row 4"),
        (lambda t: t.assign(patient=t.patient.where(t.index != 7)), "'patient' has no bag in 1 rows; .* data row 7"),
        (lambda t: t.drop(columns="patient"), "bag column 'patient' does not exist"),
        (lambda t: t.drop(columns="ill"), "label column 'ill' does not exist"),
        (lambda t: t[["patient", "ill"]], "no feature columns"),
        (lambda t: t.assign(ill=1), "no task of 'patients' has both labels"),
    ],
)
def test_unusable_tables_are_refused(train: Train, bags: Path, change: Callable[..., Any], message: str) -> None:
    change(table()).to_csv(bags, index=False)
    with pytest.raises(ValueError, match=message):
        train(out="run")
    assert not Path("run").exists()


def test_columns_that_are_not_features(train: Train, bags: Path) -> None:
    table().assign(note="text").to_csv(bags, index=False)
    run = train(out="run", feature_columns=["f2", "f0"], epochs=2)
    assert read_checkpoint("run/best.ckpt")[HEADER]["feature_names"] == ["f2", "f0"]
    assert run.config.feature_columns == ["f2", "f0"]
    assert xgraph.train(config="run/config.toml", out="again").metrics == run.metrics


def test_instances_are_sampled_anew_each_time(bags: Path) -> None:
    task = task_of(bags, instances=2)
    data = task.source.data
    epochs = []
    for epoch in (0, 1):
        sampler = task.samplers["pretrain"]
        sampler.set_epoch(epoch)
        drawn: dict[int, list[int]] = {}
        for batch in task.source.loader(task.train_positions, sampler, epoch, torch.device("cpu")):
            assert batch.batch.bincount().tolist() == data.sizes[batch.idx].clamp(max=2).tolist()
            assert torch.equal(batch.y, data.y[batch.idx])
            for place, position in enumerate(batch.idx.tolist()):
                drawn[position] = batch.instance[batch.batch == place].tolist()
        assert sorted(drawn) == sorted(task.train_positions.tolist())
        epochs.append(drawn)
    assert any(epochs[0][bag] != epochs[1][bag] for bag in epochs[0])
    assert task.model.num_bags == 60
    other: Any = task_of(bags, instances=2, seed=5).train_dataloader()
    assert other.instance_sampler.seed == 5
    whole = task_of(bags, instances=7)  # no bag has more
    assert whole.model.num_bags is None
    first = next(iter(whole.train_dataloader()))
    assert first.batch.bincount().tolist() == data.sizes[first.idx].tolist()


def test_features_are_standardised_by_the_training_bags_only(bags: Path) -> None:
    task = task_of(bags)
    data = task.source.data
    x = np.concatenate([data[int(i)].x.numpy() for i in task.train_positions])
    scale: Any = task.model.scale
    np.testing.assert_allclose(scale.mean.numpy(), x.mean(0), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(scale.std.numpy(), x.std(0), rtol=1e-4)
    everything = instance_statistics(data)
    assert not torch.allclose(everything[0], scale.mean)
    assert task_of(bags, standardize_features=False).model.scale is None


def test_features_in_other_units_give_the_same_run(train: Train, bags: Path) -> None:
    one = train(out="one")
    table(scale=1000.0, shift=5000.0).to_csv(bags, index=False)
    other = train(out="other")
    scores = [[float(row["ill_score"]) for row in rows_of(run.path / "predictions.csv")] for run in (one, other)]
    assert scores[0] == pytest.approx(scores[1], abs=1e-3)
    plain = train(out="plain", standardize_features=False)
    unscaled = [float(row["ill_score"]) for row in rows_of(plain.path / "predictions.csv")]
    assert unscaled != pytest.approx(scores[0], abs=1e-2)


def test_a_new_head_resets_the_states_of_bags(bags: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, float, torch.Tensor, torch.Tensor]] = []
    step = Task.training_step

    def spy(self: Task, batch: Any, batch_idx: int) -> torch.Tensor:
        if batch_idx == 0:
            model: Any = self.model
            known = float(model.pool.track.seen.float().mean())
            seen.append((self.stage, known, model.head.weight.clone(), model.pool.content.weight.clone()))
        return step(self, batch, batch_idx)

    monkeypatch.setattr(Task, "training_step", spy)
    xgraph.train(bags, **{**SMALL, "instances": 2, "pretrain_epochs": 2, "epochs": 4, "lr": 1e-30}, out="run")
    assert [stage for stage, *_ in seen] == ["pretrain", "pretrain", "main", "main"]
    shares = [known for _, known, *_ in seen]
    assert shares[0] == 0
    assert shares[1] > 0.5
    assert shares[2] == 0, "the scores of the old head are forgotten"
    assert shares[3] > 0.3
    heads, attentions = ([entry[place] for entry in seen] for place in (2, 3))
    assert torch.equal(heads[0], heads[1])
    assert not torch.equal(heads[1], heads[2])
    assert torch.equal(attentions[0], attentions[3]), "what weighs the instances stays"


def test_gamma_of_the_states_falls_over_both_stages(bags: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[float] = []
    step = Task.training_step

    def record(self: Task, batch: Any, batch_idx: int) -> torch.Tensor:
        loss = step(self, batch, batch_idx)
        if batch_idx == 0:
            model: Any = self.model
            seen.append(model.pool.track.gamma)
        return loss

    monkeypatch.setattr(Task, "training_step", record)
    settings = {"instances": 2, "gamma": 0.2, "gamma_schedule": "cosine", "pretrain_epochs": 2, "epochs": 5}
    xgraph.train(bags, **{**SMALL, **settings}, out="run")
    expected = [0.5 * (1 + np.cos(np.pi * epoch / 5)) * 0.8 + 0.2 for epoch in range(5)]
    assert seen == pytest.approx(expected)


def assert_same(a: Any, b: Any, where: str = "") -> None:
    if isinstance(a, torch.Tensor):
        assert torch.equal(a, b), where
    elif isinstance(a, dict):
        assert a.keys() == b.keys(), where
        for key in a.keys() - {"seconds", "global_step"}:
            assert_same(a[key], b[key], f"{where}.{key}")
    elif isinstance(a, list | tuple):
        for i, (x, y) in enumerate(zip(a, b, strict=True)):
            assert_same(x, y, f"{where}[{i}]")
    else:
        assert a == b or (a != a and b != b), f"{where}: {a} != {b}"


@pytest.mark.parametrize(
    ("epoch", "settings"),
    [
        (0, {"model": "attention", "gamma_schedule": "cosine"}),
        (2, {"model": "smoothed-max", "dropout": 0.3}),
        (1, {"model": "attention", "ema_decay": 0.9}),
        (1, {"model": "mean", "loss": "soap"}),
        (
            2,
            {
                "model": "gated-attention",
                "schedule": "compositional",
                "loss": "soap",
                "pretrain_epochs": 0,
                "epochs": 3,
            },
        ),
    ],
)
def test_a_resumed_run_equals_an_uninterrupted_one(train: Train, epoch: int, settings: dict[str, Any]) -> None:
    settings = {"instances": 2, **settings}
    whole = train(out="whole", **settings)
    step = Task.training_step

    def stop(self: Task, batch: Any, batch_idx: int) -> torch.Tensor:
        if self.current_epoch == epoch and batch_idx == 1:
            raise KeyboardInterrupt
        return step(self, batch, batch_idx)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Task, "training_step", stop)
        with pytest.raises(Interrupted):
            train(out="parts", **settings)
    parts = xgraph.train(out="parts", resume=True)
    assert parts.metrics == whole.metrics
    assert rows_of(parts.path / "metrics.csv") == rows_of(whole.path / "metrics.csv")
    assert (parts.path / "predictions.csv").read_text() == (whole.path / "predictions.csv").read_text()
    for file in ("best.ckpt", "last.ckpt"):
        assert_same(*(read_checkpoint(run.path / file) for run in (whole, parts)))
    track = read_checkpoint("whole/last.ckpt")["state_dict"]["model.pool.track.seen"]
    assert track.any(), "the comparison covers the states"


@pytest.mark.parametrize("model", BAG_MODELS)
def test_scores_do_not_depend_on_the_chunk_size(bags: Path, model: str, monkeypatch: Any) -> None:
    torch.manual_seed(0)
    data = read_bags(bags, bag_column="patient", target_columns=["ill"])
    net: Any = MODELS[model](3, instance_shape=(4,), hidden_channels=8).eval()
    positions = torch.tensor([5, 3, 3, 59, 0, 11])
    expected = [net(data.batch([int(i)]))[0].tolist() for i in positions]
    whole = explain_bags(net, data, positions)
    for most in (4096, 5, 1):
        monkeypatch.setattr(passes, "INSTANCES", most)
        np.testing.assert_allclose(score_bags(net, data, positions), expected, rtol=1e-4, atol=1e-5)
        result = explain_bags(net, data, positions)
        for a, b in zip(result, whole, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
        assert result.bag.tolist() == np.repeat(np.arange(6), data.sizes[positions]).tolist()
        for place, position in enumerate(positions.tolist()):
            mine = result.bag == place
            assert result.instance[mine].tolist() == data[position].instance.tolist()
            np.testing.assert_allclose(result.weights[mine].sum(0), 1, rtol=1e-5)
            np.testing.assert_allclose(result.scores[mine], net.instance_scores(data[position]).detach(), atol=1e-5)
            if model in ("attention", "gated-attention", "mean"):
                pooled = (result.weights[mine] * result.scores[mine]).sum(0)
                np.testing.assert_allclose(pooled, expected[place], rtol=1e-4, atol=1e-5)
    assert score_bags(net, data, torch.empty(0, dtype=torch.long)).shape == (0, 3)


@pytest.mark.parametrize("score", [score_bags, explain_bags])
def test_large_bags_are_encoded_in_chunks(bags: Path, score: Any, monkeypatch: Any) -> None:
    data = read_bags(bags, bag_column="patient", target_columns=["ill"])
    net: Any = MODELS["attention"](1, instance_shape=(4,), hidden_channels=8)
    encoded: list[int] = []
    net.encoder.register_forward_hook(lambda module, given, out: encoded.append(len(given[0])))
    monkeypatch.setattr(passes, "INSTANCES", 5)
    assert data.sizes.max() == 7
    score(net, data, torch.arange(60))
    assert max(encoded) == 5
    assert sum(encoded) == data.num_instances
    assert len(encoded) < int(data.sizes.div(5).ceil().sum()), "small bags are encoded together"


def test_the_fingerprint_covers_all_contents_of_bags(bags: Path) -> None:
    def fingerprint(**changed: Any) -> str:
        whole = table().assign(**changed)
        whole.to_csv(bags, index=False)
        return task_of(bags).source.fingerprint()

    t = table()
    seen = {
        fingerprint(),
        fingerprint(f3=t.f3.where(t.index != 17, 0.5)),
        fingerprint(ill=1 - t.ill),
        fingerprint(patient=t.patient.replace("p7", "q7")),
    }
    assert len(seen) == 4
    assert fingerprint() in seen


def test_bags_of_images(monkeypatch: pytest.MonkeyPatch) -> None:
    g = torch.Generator().manual_seed(0)
    sizes = torch.randint(1, 5, (40,), generator=g)
    ptr = torch.cat([torch.zeros(1, dtype=torch.long), sizes.cumsum(0)])
    images = torch.rand(int(ptr[-1]), 1, 6, 6, generator=g)
    parts = torch.arange(40).split([20, 10, 10])
    splits = dict(zip(("train", "valid", "test"), parts, strict=True))
    data = BagDataset(images, ptr, (torch.arange(40) % 2), name="digits-bags", task_names=["nine"], splits=splits)
    monkeypatch.setattr("xgraph.data.load", lambda *_, **__: data)
    small = {"epochs": 1, "pretrain_epochs": 0, "hidden_channels": 4, "num_layers": 1, "threads": 1}
    widths = {}
    for encoder in (None, "cnn", "mlp"):
        run = xgraph.train("digits-bags", out=f"{encoder}", encoder=encoder, instances=2, **small)
        widths[encoder] = run.model.encoder.in_channels
        assert xgraph.evaluate(run.path) == pytest.approx(run.metrics["test"])
        assert run.model.scale.mean.shape == (1,)
    assert widths == {None: 1, "cnn": 1, "mlp": 36}
    with pytest.raises(OptionError, match="encoder must be cnn or mlp if instances are images, got 'gine'"):
        xgraph.train("digits-bags", out="gine", encoder="gine", **small)


def test_bags_of_molecules(tmp_path: Path) -> None:
    rows = [f"{'C' * (n + 1)}{end},m{n // 2},{int(n // 2 % 2)}" for n in range(40) for end in ("O", "N")]
    path = tmp_path / "mixtures.csv"
    path.write_text("smiles,mixture,toxic\n" + "\n".join([*rows, "C1CC,m3,1"]))
    settings = {**SMALL, "bag_column": "mixture", "target_columns": ["toxic"], "smiles_column": "smiles"}
    with pytest.warns(
        UserWarning, match="left out 1 row.* of 'mixtures' that could not be read; the first is row 80, 'C1CC'"
    ):
        run = xgraph.train(path, **settings, instances=2, out="run")
    assert type(run.model.encoder).__name__ == "GINE"
    with pytest.warns(UserWarning, match="left out 1 row"):
        assert xgraph.evaluate("run") == pytest.approx(run.metrics["test"])
    new = tmp_path / "new.csv"
    new.write_text("mixture,smiles\na,CCO\nb,oops\na,CCCN\nc,CC\nc,\n")
    frame = xgraph.predict("run", new, instances_out="w.csv")
    assert list(frame["bag"]) == ["a", "b", "c"]
    assert list(frame["toxic"].notna()) == [True, False, True]
    assert frame["error"][1].startswith("none of its molecules can be read: ")
    weights = rows_of(Path("w.csv"))
    assert [(row["bag"], row["row"], row["weight"] != "", row["error"] != "") for row in weights] == [
        ("a", "0", True, False),
        ("b", "1", False, True),
        ("a", "2", True, False),
        ("c", "3", True, False),
        ("c", "4", False, True),
    ]
    assert float(weights[0]["weight"]) + float(weights[2]["weight"]) == pytest.approx(1)
    assert float(weights[3]["weight"]) == pytest.approx(1)


@pytest.mark.filterwarnings("ignore:left out .* of .* that could not be read")
def test_bags_of_conformers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import gzip

    path = tmp_path / "pki.csv.gz"
    chains = [f"CHEMBL1800,{'C' * i}{end},X{i},{6.0 + (end == 'N')}\n" for i in range(1, 15) for end in "ON"]
    path.write_bytes(gzip.compress(("dataset,smiles,chembl_id,pki\n" + "".join(chains)).encode()))
    monkeypatch.setattr(conformer_sets, "obtain", lambda *_, **__: path)
    settings = {"target_columns": ["CHEMBL1800"], "epochs": 1, "pretrain_epochs": 0, "split": "stratified"}
    run = xgraph.train("chembl-conformers", **settings, instances=3, hidden_channels=4, threads=1, out="run")
    own = xgraph.predict("run")
    assert len(own) == 28
    frame = xgraph.predict("run", ["CCO", "", "C1CC", "CCCCCN"], instances_out="w.csv")
    assert list(frame.columns) == ["smiles", "CHEMBL1800", "error"]
    assert list(frame["smiles"]) == ["CCO", "", "C1CC", "CCCCCN"]
    assert list(frame["CHEMBL1800"].notna()) == [True, False, False, True]
    assert frame["error"][1] == "empty: no SMILES in this row"
    assert frame["error"][2] != ""
    score = dict(zip(own["bag"], own["CHEMBL1800"], strict=True))
    assert [frame["CHEMBL1800"][0], frame["CHEMBL1800"][3]] == pytest.approx([score["CCO"], score["CCCCCN"]], abs=1e-5)
    assert [row["row"] for row in rows_of(Path("w.csv"))] == ["0"] * 10 + ["3"] * 10
    nothing = xgraph.predict("run", ["C1CC", ""])
    assert nothing["CHEMBL1800"].isna().all()
    assert (nothing["error"] != "").all()
    Path("new.csv").write_text("id,smiles\n1,CCO\n")
    assert xgraph.predict("run", "new.csv")["CHEMBL1800"][0] == pytest.approx(frame["CHEMBL1800"][0], abs=1e-5)
    assert run.metrics["dataset"] == "chembl-conformers-CHEMBL1800"


@pytest.fixture
def folds(monkeypatch: pytest.MonkeyPatch, bags: Path) -> None:
    def load(name: str, *, fold: int | None = None, **_: Any) -> BagDataset:
        data = read_bags(bags, bag_column="patient", target_columns=["ill"], name=name, metric="roc_auc")
        order = torch.randperm(60, generator=torch.Generator().manual_seed(fold or 0))
        data.splits = dict(zip(("train", "valid", "test"), order.split([36, 12, 12]), strict=True))
        data.feature_names = []
        return data

    monkeypatch.setattr("xgraph.data.load", load)


def test_a_run_over_some_folds(folds: None) -> None:
    settings = {name: value for name, value in SMALL.items() if not name.endswith("columns") and name != "bag_column"}
    run = xgraph.train("musk1", **settings, fold="3-4", out="run")
    assert [fold.path.name for fold in run.folds] == ["fold_3", "fold_4"]
    assert run.config.fold == [3, 4]
    values = [fold.metrics["test"]["roc_auc"] for fold in run.folds]
    assert run.metrics["test"]["mean"]["roc_auc"] == pytest.approx(np.mean(values))
    assert xgraph.evaluate("run")["roc_auc"] == pytest.approx(np.mean(values))
    own = xgraph.predict("run")
    parts = [xgraph.predict(f"run/fold_{fold}")["ill"] for fold in (3, 4)]
    assert list(own["ill"]) == pytest.approx(list((parts[0] + parts[1]) / 2))
    with pytest.raises(OptionError, match="fold = 49,50: 'musk1' has folds 0 to 49, got 50"):
        xgraph.train("musk1", **settings, fold="49-50")


def test_init_to_and_from_runs_with_states(train: Train, bags: Path) -> None:
    train(out="plain", epochs=2)
    sampled = train(out="sampled", init="plain", instances=2, epochs=1, pretrain_epochs=0, lr=1e-30)
    for name, weight in load_model(read_checkpoint("plain/best.ckpt")).state_dict().items():
        assert torch.equal(weight, sampled.model.state_dict()[name]), name
    task = task_of(bags, init="sampled")
    assert task.model.pool.track is None
    assert torch.equal(task.model.scale.mean, sampled.model.scale.mean)  # type: ignore[union-attr]
    with pytest.raises(ValueError, match="init: the model in .* differs"):
        train(out="other", init="plain", model="mean")


def test_sources_of_unsupported_data_are_refused(bags: Path) -> None:
    data = read_bags(bags, bag_column="patient", target_columns=["ill"])
    config = build_config({"dataset": str(bags), **SMALL})
    source = make_source(data, config)
    assert isinstance(source, BagSource)
    assert source.group_keys("label").tolist() == [int(y) for y in data.y[:, 0]]
    assert source.place(0) == (data.bag_names[0],)
    assert source.several_classes is False


@pytest.mark.parametrize("loss", ["group-dro", "kl-dro", "sopa"])
@pytest.mark.filterwarnings("ignore:groups:UserWarning")
def test_bags_train_with_every_loss(train: Train, loss: str) -> None:
    run = train(loss=loss, instances=2, out="run", epochs=2, batch_size=16)
    assert run.metrics["epochs"] == 2


def test_a_loaded_model_needs_no_data(train: Train, bags: Path) -> None:
    run = train(out="run", instances=2)
    bags.unlink()
    Path("new.csv").write_text(table(5, seed=1).drop(columns="ill").to_csv(index=False))
    assert len(xgraph.predict(run.path, "new.csv")) == 5
    assert "xgraph" in sys.modules
