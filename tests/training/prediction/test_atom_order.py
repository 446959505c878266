"""The same chiral molecule has the same score, however it is written; a run reads atoms as in its training."""

import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from rdkit import Chem

import xgraph
from xgraph.training.config.build import build_config, read_config
from xgraph.training.files.checkpoint import HEADER, read_checkpoint, write_checkpoint
from xgraph.training.files.rundir import CONFIG

FEW: dict[str, Any] = {"num_layers": 2, "hidden_channels": 8, "epochs": 3, "split": "random", "batch_size": 16}
SUGAR = "C[C@H]1O[C@@H](O)[C@H](F)[C@@H](Cl)[C@@H]1O"


def spellings(text: str) -> list[str]:
    molecule = Chem.MolFromSmiles(text)
    generator = np.random.default_rng(0)
    orders = [generator.permutation(molecule.GetNumAtoms()).tolist() for _ in range(12)]
    texts = [Chem.MolToSmiles(Chem.RenumberAtoms(molecule, order), canonical=False) for order in orders]
    for atom in molecule.GetAtoms():
        atom.SetAtomMapNum(molecule.GetNumAtoms() - atom.GetIdx())
    return [text, *texts, Chem.MolToSmiles(molecule)]


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("chiral") / "chiral.csv"
    centres = [("[C@H]", 0), ("[C@@H]", 1)]
    rows = [f"{'C' * n}{tag}(F){end},{y}\n" for n in range(2, 14) for tag, y in centres for end in ("O", "N")]
    path.write_text("smiles,hand\n" + "".join(rows))
    return path


@pytest.fixture(scope="module")
def runs(table: Path) -> dict[str, Path]:
    """One run in each order."""
    own = xgraph.train(table, out=table.parent / "canonical", **FEW)
    drawn = xgraph.train(table, out=table.parent / "drawn", atom_order="drawn", **FEW)
    return {"canonical": own.path, "drawn": drawn.path}


def test_scores_do_not_depend_on_the_order_of_atoms(runs: dict[str, Path], tmp_path: Path) -> None:
    texts = spellings(SUGAR)
    assert len(set(texts)) > 8
    scores = xgraph.predict(runs["canonical"], texts)["hand"]
    assert scores.nunique() == 1
    assert np.ptp(xgraph.predict(runs["drawn"], texts[:-1])["hand"]) > 1e-4
    (tmp_path / "new.csv").write_text("smiles\n" + "".join(f"{text}\n" for text in texts))
    assert xgraph.predict(runs["canonical"], tmp_path / "new.csv")["hand"].nunique() == 1


def test_a_run_remembers_how_it_read_molecules(runs: dict[str, Path]) -> None:
    for order, path in runs.items():
        assert tomllib.loads((path / CONFIG).read_text())["data"]["atom_order"] == order
        header = read_checkpoint(path / "best.ckpt")[HEADER]
        assert ("+canonical/1" in header["featurizer"]) == (order == "canonical")
        assert xgraph.evaluate(path) == pytest.approx(xgraph.Run.open(path).metrics["test"])
    both = xgraph.predict([runs["canonical"], runs["drawn"]], [SUGAR])["hand"][0]
    alone = [xgraph.predict(path, [SUGAR])["hand"][0] for path in runs.values()]
    assert both == pytest.approx(np.mean(alone))


def test_a_run_of_an_earlier_version_keeps_the_drawn_order(runs: dict[str, Path], table: Path, tmp_path: Path) -> None:
    """Neither its settings nor its features say anything about an order."""
    run = xgraph.train(table, out=tmp_path / "old", atom_order="drawn", **FEW)
    text = (run.path / CONFIG).read_text()
    (run.path / CONFIG).write_text(text.replace('atom_order = "drawn"\n', ""))
    for name in ("best.ckpt", "last.ckpt"):
        state = read_checkpoint(run.path / name)
        state[HEADER]["config"] = {k: v for k, v in state[HEADER]["config"].items() if k != "atom_order"}
        write_checkpoint(state, run.path / name)
    assert run.config.atom_order == "drawn"
    assert xgraph.evaluate(run.path) == pytest.approx(run.metrics["test"])
    texts = spellings(SUGAR)
    expected = xgraph.predict(runs["drawn"], texts)["hand"]
    np.testing.assert_allclose(xgraph.predict(run.path, texts)["hand"], expected, rtol=1e-5)
    more = xgraph.train(out=run.path, resume=True, epochs=FEW["epochs"] + 1)
    assert torch.load(more.path / "last.ckpt", weights_only=True)[HEADER]["featurizer"].startswith("ogb-9+3/1")
    again = build_config({}, read_config(run.path / CONFIG))
    assert again.atom_order == "drawn", "the resumed run has written it"


def test_default_order(table: Path) -> None:
    assert build_config({"dataset": str(table)}).atom_order == "canonical"
    assert build_config({"dataset": "nci-pains"}).atom_order == "drawn"
    assert build_config({"dataset": "cora"}).atom_order == "drawn"
    named = build_config({"dataset": "nci-pains"}).to_dict()
    assert build_config({"dataset": str(table)}, named).atom_order == "canonical"
    bags = {"dataset": str(table), "bag_column": "hand"}
    assert build_config(bags).atom_order == "drawn"
    assert build_config({**bags, "smiles_column": "smiles"}).atom_order == "canonical"
