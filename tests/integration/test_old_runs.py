"""Compatibility with commit 150f03f: its runs still predict, resume and repeat, and its names can be imported.

The fixtures come from that commit: `xgraph train nci-pains --num-layers 1 --hidden-channels 8 --features maccs` (gine),
`--model extra-trees --trees 2 --min-samples-leaf 30` (trees), `xgraph train digits-bags --model attention --encoder mlp
--hidden-channels 4 --attention-channels 4 --instances 4 --loss auc-margin --epochs 2` (bags) and `xgraph pretrain
nci-pains --objective contrastive` with the same network (encoder); scores are those of its `xgraph predict`.
"""

import importlib
import shutil
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

import xgraph
from xgraph.training.config.build import build_config, read_config

OLD = Path(__file__).parents[1] / "fixtures" / "old_runs"
NAMES = {
    "xgraph": "Run __version__ evaluate predict pretrain search train",
    "xgraph.cli": "main",
    "xgraph.data": "Augmentation BagDataset Card GraphDataset JoinedDataset MoleculeDataset NodeDataset RowError Table "
    "check_overlap collect conformer_bags describe descriptor_names feature_statistics fetch identities "
    "instance_statistics join list_cards load load_card random_split read_bags read_table scaffold_split verify",
    "xgraph.estimators": "ConstantGamma CosineGamma GammaSchedule LogMovingAverage MovingAverage ProjectedGradient "
    "RatioMovingAverage StateTable check_rows",
    "xgraph.losses": "LOSSES AUCMarginLoss BCELoss CrossEntropyLoss FocalLoss GroupDROLoss Hinge KLDROLoss Logistic "
    "Loss PairwiseAUCLoss SOAPLoss SOPALoss SOPAsLoss SOTAsLoss STACOLoss Sigmoid SogCLRLoss Squared SquaredHinge "
    "Surrogate WeightedBCELoss",
    "xgraph.nn": "ATOM_FEATURE_SIZES BOND_FEATURE_SIZES DMPNN ECC GAT GATFM GCN GCNFM GINE MLMPNN MODELS MPNN SVM "
    "AttentionModel AttentionPooling BagClassifier BagModel BagPooling BagPrediction BatchNorm CategoricalEmbedding "
    "ConvolutionStack DeeperGCN Dropout ECCConv EdgeNetwork EdgesByKind ExtraTrees FeatureMomentum FeatureScale "
    "FittedModel GENConv GINEConv GatedAttentionModel GraphFMOB GraphSAGE GraphSAGEFM Head InEdges MaxModel MeanModel "
    "MeanPooling MoleculeGCN MoleculeGCNConv MoleculeModel MomentumConv MomentumModel MultiHot NodeModel RandomForest "
    "SAGEConv SmoothedMaxModel SmoothedMaxPooling VirtualNode edges_by_kind input_aggregate layerwise readout "
    "with_feature_momentum",
    "xgraph.nn.convolutions": "Convolution WeightedSum convolution_of",
    "xgraph.nn.pooling": "AttentionPooling BagPooling MeanPooling SmoothedMaxPooling",
    "xgraph.sampling": "BagLoader ClusterLoader DistributedBatches DualSampler GroupSampler InstanceSampler "
    "NeighborLoader NeighborSampler TriSampler in_degree partition",
    "xgraph.training": "PretrainConfig Run TrainConfig evaluate predict pretrain train",
    "xgraph.training.pretraining": "PretrainConfig pretrain",
    "xgraph.training.sources": "Source make_source",
    "xgraph.tuning": "SearchResult search",
}


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def bags(tmp_path: Path) -> Iterator[Path]:
    """A copy of the run on bags, whose last epoch was its best one."""
    shutil.copytree(OLD / "bags", tmp_path / "bags")
    shutil.copy(OLD / "bags/best.ckpt", tmp_path / "bags/last.ckpt")
    return tmp_path / "bags"


def values_of(config: Any) -> dict[str, Any]:
    """Settings in the form of an old config.toml: flat, with a table for the loss and one for the model."""
    values = {name: value for name, value in config.flat().items() if name not in ("loss_options", "model_options")}
    values["loss"] = {"name": config.loss, **config.loss_options}
    values["model"] = {"name": config.model, **config.model_options}
    return values


@pytest.mark.parametrize("package", NAMES)
def test_all_old_names_can_be_imported(package: str) -> None:
    module = importlib.import_module(package)
    assert not [name for name in NAMES[package].split() if not hasattr(module, name)]


@pytest.mark.parametrize("name", ["gine", "trees"])
def test_old_runs_give_the_same_scores_for_molecules(name: str) -> None:
    old = pd.read_csv(OLD / name / "scores.csv")
    frame = xgraph.predict(OLD / name, old["smiles"].tolist())
    np.testing.assert_allclose(frame["pains"], old["pains"], rtol=1e-4, atol=1e-6)
    assert old["pains"].max() - old["pains"].min() > 0.5


def test_old_runs_give_the_same_scores_for_bags() -> None:
    old = pd.read_csv(OLD / "bags/scores.csv")
    frame = xgraph.predict(OLD / "bags")
    assert len(frame) > len(old) == 20
    np.testing.assert_allclose(frame["nine"][:20], old["nine"], rtol=1e-5)


def test_old_runs_give_the_same_metrics_for_bags() -> None:
    old = xgraph.Run.open(OLD / "bags").metrics
    new = xgraph.evaluate(OLD / "bags")
    assert {name: new[name] for name in old["test"]} == pytest.approx(old["test"], abs=1e-4)


@pytest.mark.parametrize("name", ["gine", "trees", "bags"])
def test_old_settings_can_be_read(name: str) -> None:
    old = tomllib.loads((OLD / name / "config.toml").read_text())
    for config in (xgraph.Run.open(OLD / name).config, build_config({}, read_config(OLD / name / "config.toml"))):
        values = values_of(config)
        if "training" in old:  # the first versions counted the epochs of the loss only
            old |= {"schedule": old.pop("training"), "epochs": old["epochs"] + old["pretrain_epochs"]}
        for part in ("loss", "model"):  # they have further options today
            values[part] = {option: values[part][option] for option in old.get(part, {})}
        assert {key: values[key] for key in old} == old


def test_a_run_can_be_repeated_from_old_settings(tmp_path: Path) -> None:
    old = xgraph.Run.open(OLD / "bags")
    run = xgraph.train(config=OLD / "bags/config.toml", out=tmp_path / "again")
    assert values_of(run.config) == values_of(old.config)
    same = {name: run.metrics["test"][name] for name in old.metrics["test"]}  # there are further metrics today
    assert same == pytest.approx(old.metrics["test"], abs=0.02)


def test_an_old_run_can_be_resumed(bags: Path) -> None:
    done = torch.load(bags / "last.ckpt", weights_only=True)["epochs_done"]
    run = xgraph.train(out=bags, resume=True, epochs=done + 1)
    assert run.metrics["epochs"] == done + 1
    history = pd.read_csv(bags / "metrics.csv")
    assert history["epoch"].tolist() == list(range(1, done + 2))


def test_a_run_can_start_from_an_old_encoder(tmp_path: Path) -> None:
    rows = [f"{'C' * n + end},{int(end == 'N')}\n" for n in range(1, 11) for end in "OCN"]
    (tmp_path / "chains.csv").write_text("smiles,amine\n" + "".join(rows))
    few = {"num_layers": 1, "hidden_channels": 8, "epochs": 1, "pretrain_epochs": 0, "split": "random", "lr": 1e-9}
    run = xgraph.train(tmp_path / "chains.csv", init=OLD / "encoder", threads=1, out=tmp_path / "started", **few)
    before = torch.load(OLD / "encoder/best.ckpt", weights_only=True)["state_dict"]
    after = run.model.state_dict()
    for name in ("atom.weight", "convs.0.edge.weight", "convs.0.mlp.0.weight"):
        torch.testing.assert_close(after[name], before[f"model.{name}"], rtol=0, atol=1e-6)
