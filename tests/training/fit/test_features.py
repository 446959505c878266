import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import tomli_w
import torch
from rdkit.Chem import Descriptors
from torch import nn
from torch_geometric.data import Batch

import xgraph
from xgraph.data import MoleculeDataset, describe, descriptor_names, load
from xgraph.data.molecules import items as dataset_module
from xgraph.data.molecules.features.describe import Describing, Refused, described
from xgraph.data.molecules.features.kinds import KINDS
from xgraph.nn import MoleculeModel
from xgraph.options import OptionError
from xgraph.training.config.build import build_config, registry
from xgraph.training.config.data import Features
from xgraph.training.config.traits import DatasetTraits
from xgraph.training.files.checkpoint import HEADER, read_checkpoint, write_checkpoint
from xgraph.training.fit.engine import prepare
from xgraph.training.fit.loading import load_data
from xgraph.training.fit.task import Task
from xgraph.training.sources import make_source

Train = Callable[..., xgraph.Run]
FEW = ["MolWt", "TPSA", "NumHDonors"]
NEW = ["CCO", "not a molecule", "CCCCN", ""]


@pytest.fixture
def few_descriptors(monkeypatch: pytest.MonkeyPatch) -> Callable[[list[str]], None]:
    """Restrict RDKit to a few descriptors, which is quick and imitates another version."""
    all_of_them = dict(Descriptors.descList)

    def only(names: list[str]) -> None:
        monkeypatch.setattr(Descriptors, "descList", [(name, all_of_them[name]) for name in names])

    only(FEW)
    return only


def weights(run: xgraph.Run) -> dict[str, torch.Tensor]:
    return dict(run.model.state_dict())


def test_the_settings_list_all_kinds_of_features() -> None:
    assert get_args(Features) == tuple(KINDS)


def test_features_are_parsed() -> None:
    config = build_config({"features": "rdkit,morgan"})
    assert config.features == ["rdkit", "morgan"]
    assert build_config({}, tomllib.loads(tomli_w.dumps(config.to_dict()))) == config
    assert build_config({"features": "none"}, config.to_dict()).features is None
    assert "features" not in build_config({}).to_dict()
    assert build_config({"features": ["maccs"]}).features == ["maccs"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"features": "rdkit,ecfp"},
            r"features = 'ecfp': expected rdkit, morgan, maccs, torsion or minimol, or several separated by commas",
        ),
        ({"features": "maccs,rdkit,maccs"}, r"features = \['maccs', 'rdkit', 'maccs'\]: expected distinct kinds"),
        ({"features": ""}, "features = ''"),
        (
            {"features": "maccs", "dataset": "cora"},
            r"features = \['maccs'\]: this setting is for molecules, but the data set holds nodes",
        ),
        (
            {"features": "maccs", "dataset": "digits-bags"},
            r"this setting is for molecules, but the data set holds bags",
        ),
        ({"features": "maccs", "dataset": "x.csv", "bag_column": "b", "smiles_column": "s"}, "the data set holds bags"),
    ],
)
def test_invalid_features_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        build_config(settings)


class GraphAlone(MoleculeModel):
    """A model without extra features."""

    takes_features = False


def test_models_without_features_refuse_them() -> None:
    models, losses = {"alone": GraphAlone, **registry("model")}, registry("loss")
    values = {"dataset": "nci-pains", "loss": "soap", "groups": "scaffold"}
    with pytest.raises(OptionError, match="model 'alone' does not take extra features; models that do: gine, mol"):
        DatasetTraits().check({**values, "model": "alone", "features": ["maccs"]}, models, losses)
    for model, features in (("alone", None), ("alone", []), ("gine", ["maccs"])):
        DatasetTraits().check({**values, "model": model, "features": features}, models, losses)


def test_every_model_of_molecules_takes_features() -> None:
    for name, model in registry("model").items():
        if getattr(model, "kind", "graph") == "graph":
            assert build_config({"model": name, "features": "maccs"}).features == ["maccs"]


def test_the_model_gets_the_statistics_of_the_training_molecules(csv: Path) -> None:
    config = build_config({"dataset": str(csv), "split": "random", "features": "morgan,maccs"})
    source = load_data(config, False)
    assert source.model_arguments == {"num_features": 2048 + 167}
    assert source.feature_names == descriptor_names(["morgan", "maccs"])
    task = Task(config, source)
    train = describe([source.data.smiles[i] for i in source.splits["train"]], ["morgan", "maccs"]).double().numpy()
    std = train.std(0)
    np.testing.assert_allclose(task.model.scale.mean, train.mean(0), rtol=1e-6)
    np.testing.assert_allclose(task.model.scale.std, np.where(np.ptp(train, axis=0) > 0, std, 1), rtol=1e-6)
    every = source.data.features.double().numpy()
    assert not np.allclose(every.mean(0), train.mean(0), rtol=1e-3)
    batch = next(iter(task.train_dataloader()))
    assert torch.equal(batch.features, source.data.features[batch.idx])


@pytest.mark.parametrize("features", [None, []])
def test_without_features_the_model_is_unchanged(csv: Path, features: list[str] | None) -> None:
    source = load_data(build_config({"dataset": str(csv), "split": "random", "features": features}), False)
    assert (source.model_arguments, source.feature_names, source.data.features) == ({}, [], None)
    assert source.featurizer == MoleculeDataset.from_smiles(["C"]).featurizer
    assert "features" not in source.data.batch([0])


def test_features_from_training_to_prediction(train: Train, few_descriptors: Any) -> None:
    run = train(out="run", features="rdkit,maccs")
    header = read_checkpoint(run.path / "best.ckpt")[HEADER]
    assert header["model_arguments"] == {"num_features": 170}
    assert header["feature_names"] == [*FEW, *(f"maccs_{i}" for i in range(167))]
    assert header["featurizer"].endswith("+rdkit/1+maccs/1")
    assert tomllib.loads((run.path / "config.toml").read_text())["data"]["features"] == ["rdkit", "maccs"]
    assert xgraph.evaluate(run.path) == run.metrics["test"]

    frame = xgraph.predict(run.path, NEW)
    assert list(frame.columns) == ["smiles", "amine", "error"]
    assert [bool(error) for error in frame["error"]] == [False, True, False, True]
    assert list(frame["amine"].isna()) == [False, True, False, True]
    data = MoleculeDataset.from_smiles(["CCO", "CCCCN"]).with_features(["rdkit", "maccs"])
    with torch.no_grad():
        model = run.model
        logits = model(Batch.from_data_list([data[0], data[1]]))[:, 0].double()
        others = model(Batch.from_data_list([data[0], data[1]]).update({"features": data.features.flip(0)}))[:, 0]
    assert list(frame["amine"][[0, 2]]) == pytest.approx(torch.sigmoid(logits).tolist(), abs=1e-6)
    assert not torch.allclose(logits, others.double())
    assert list(xgraph.predict(run.path, ["?", ""])["amine"].isna()) == [True, True]


def test_resuming_with_features_is_exact(train: Train) -> None:
    whole = train(out="whole", features="maccs", epochs=3, pretrain_epochs=1, lr_schedule="constant")
    train(out="part", features="maccs", epochs=2, pretrain_epochs=1, lr_schedule="constant")
    resumed = xgraph.train(out="part", resume=True, epochs=3)
    assert all(torch.equal(a, b) for a, b in zip(weights(whole).values(), weights(resumed).values(), strict=True))
    with pytest.raises(OptionError, match=r"resume: features is \['maccs'\] in part and cannot become \['morgan'\]"):
        xgraph.train(out="part", resume=True, epochs=4, features="morgan")


def test_features_of_standardised_molecules(train: Train) -> None:
    run = train(out="run", features="maccs", standardize=True, epochs=1, pretrain_epochs=0)
    plain, salt, other = xgraph.predict(run.path, ["CCN", "CC[NH3+].[Cl-]", "CCCCO"])["amine"]
    assert plain == pytest.approx(salt, abs=1e-7)
    assert plain != pytest.approx(other, abs=1e-5)
    assert read_checkpoint(run.path / "best.ckpt")[HEADER]["featurizer"].endswith("+standard+maccs/1")


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (
            [*FEW, "RingCount"],
            r"trained with 3 extra features, .* computes 4 of these kinds \(new: 'RingCount'\); install",
        ),
        (FEW[1:], r"computes 2 of these kinds \(missing: 'MolWt'\)"),
        (["RingCount", *FEW[1:]], r"computes 3 of these kinds \(new: 'RingCount'; missing: 'MolWt'\)"),
        (FEW[::-1], r"computes 3 of these kinds \(in a different order\)"),
    ],
)
def test_changed_descriptors_are_refused(
    train: Train, few_descriptors: Callable[[list[str]], None], names: list[str], message: str
) -> None:
    run = train(out="run", features="rdkit", epochs=1, pretrain_epochs=0)
    few_descriptors(names)
    for use in (
        lambda: xgraph.predict(run.path, ["CCO"]),
        lambda: xgraph.evaluate(run.path),
        lambda: xgraph.train(out=run.path, resume=True, epochs=3),
    ):
        with pytest.raises(ValueError, match=message):
            use()
    few_descriptors(FEW)
    assert xgraph.evaluate(run.path) == run.metrics["test"]


def test_features_of_another_version_are_refused(train: Train) -> None:
    run = train(out="run", features="maccs", epochs=1, pretrain_epochs=0)
    path = run.path / "best.ckpt"
    state = read_checkpoint(path)
    later = {"featurizer": state[HEADER]["featurizer"].replace("maccs/1", "maccs/2")}
    write_checkpoint({**state, HEADER: {**state[HEADER], **later}}, path)
    with pytest.raises(
        ValueError, match=r"trained with features '.*maccs/2' by xgraph .* computes '.*maccs/1'; train again"
    ):
        xgraph.predict(run.path, ["C"])
    with pytest.raises(ValueError, match=r"trained with features '.*maccs/2', but the data now have '.*maccs/1'"):
        xgraph.evaluate(run.path)
    for features in (["ecfp"], "maccs", 5):
        config = {**state[HEADER]["config"], "features": features}
        write_checkpoint({**state, HEADER: {**state[HEADER], "config": config}}, path)
        with pytest.raises(ValueError, match="run: trained by xgraph"):
            xgraph.predict(run.path, ["C"])


def test_checkpoints_without_features_still_load(train: Train) -> None:
    run = train(out="run", epochs=1, pretrain_epochs=0)
    before = xgraph.predict(run.path, NEW)
    path = run.path / "best.ckpt"
    state = read_checkpoint(path)
    del state[HEADER]["feature_names"], state[HEADER]["model_arguments"]
    state[HEADER]["config"].pop("features", None)
    write_checkpoint(state, path)
    assert xgraph.predict(run.path, NEW).equals(before)
    assert xgraph.evaluate(run.path) == run.metrics["test"]


def test_an_ensemble_of_runs_with_and_without_features(train: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = {"none": None, "one": "maccs", "two": "morgan,maccs", "three": "maccs,morgan"}
    runs = [train(out=name, features=features, epochs=1, pretrain_epochs=0).path for name, features in kinds.items()]
    each = [xgraph.predict(run, NEW)["amine"].to_numpy() for run in runs]
    computed: list[list[str]] = []

    def counting(smiles: list[str], kinds: list[str], how: Describing) -> tuple[torch.Tensor, Refused]:
        computed.extend([kinds] * bool(kinds))
        return described(smiles, kinds, how)

    monkeypatch.setattr(dataset_module, "described", counting)
    assert xgraph.predict(runs, NEW)["amine"].to_numpy() == pytest.approx(np.mean(each, axis=0), nan_ok=True)
    assert computed == [["maccs", "morgan"]]


def test_features_do_not_change_the_fingerprint(csv: Path) -> None:
    settings = {"dataset": str(csv), "split": "random"}
    marks = {
        load_data(build_config({**settings, "features": f}), False).fingerprint() for f in (None, "maccs", "morgan")
    }
    assert len(marks) == 1


def test_features_computed_for_prediction_are_not_cached(train: Train, tmp_path: Path) -> None:
    run = train(out="run", features="maccs", epochs=1, pretrain_epochs=0)
    xgraph.predict(run.path, ["C" * n for n in range(1, 150)])
    assert not list((tmp_path / "root").rglob("features-*"))


def model_of(csv: Path, **settings: Any) -> nn.Module:
    """The model of a run before the first step."""
    config = build_config({"dataset": str(csv), "split": "random", "hidden_channels": 8, "num_layers": 2, **settings})
    with torch.random.fork_rng():
        torch.manual_seed(99)
        model: nn.Module = prepare(config, load_data(config, False)).model
    return model


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor], *prefixes: str) -> set[bool]:
    return {torch.equal(one[name], other[name]) for name in one if name.startswith(prefixes) and one[name].numel() > 1}


def test_init_with_the_same_features(train: Train, csv: Path) -> None:
    run = train(out="run", features="maccs", seed=3, epochs=1, pretrain_epochs=0)
    again = model_of(csv, features="maccs", init="run").state_dict()
    assert same(weights(run), again, "") == {True}


@pytest.mark.parametrize(
    ("before_features", "own_features"),
    [(None, "maccs"), ("maccs", None), ("maccs", "morgan"), ("maccs,morgan", "morgan,maccs")],
)
def test_init_with_other_features(
    train: Train, csv: Path, before_features: str | None, own_features: str | None
) -> None:
    """The graph encoder is copied; the weights that process features, and the head, are not."""
    run = train(out="run", features=before_features, seed=3, epochs=1, pretrain_epochs=0)
    before, model = (model_of(csv, features=own_features, **more).state_dict() for more in ({}, {"init": "run"}))
    encoder = tuple(name for name in model if not name.startswith(("head.", "features.", "scale.")))
    assert same(weights(run), model, *encoder) == {True}
    assert same(before, model, "head.", "features.", "scale.") == {True}


def test_init_with_another_encoder_is_refused(train: Train, csv: Path) -> None:
    train(out="run", features="maccs")
    for features in ("maccs", "morgan", None):
        with pytest.raises(ValueError, match=r"init: the model in .* \(gine with"):
            model_of(csv, features=features, init="run", hidden_channels=16)


def test_init_with_other_tasks(train: Train, csv: Path, tmp_path: Path) -> None:
    run = train(out="run", features="maccs", seed=3, epochs=1, pretrain_epochs=0)
    other = tmp_path / "other.csv"
    other.write_text(csv.read_text().replace("amine", "another"))
    before, model = (model_of(other, features="maccs", **more).state_dict() for more in ({}, {"init": "run"}))
    assert same(weights(run), model, "features.", "scale.", "convs.") == {True}
    assert same(before, model, "head.") == {True}


def test_a_data_set_built_in_python_with_features(csv: Path) -> None:
    """A data set built in Python equals the one that the command builds from settings."""
    data = load(csv, split="random").with_features(["maccs"])
    config = build_config({"dataset": str(csv), "split": "random", "features": ["maccs"]})
    one, two = make_source(data, config), load_data(config, False)
    assert (one.feature_names, one.featurizer, one.model_arguments) == (
        two.feature_names,
        two.featurizer,
        two.model_arguments,
    )
    assert torch.equal(one.data.features, two.data.features)
