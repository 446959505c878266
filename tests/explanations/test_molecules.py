"""Attributions of molecules against references that are computed here."""

from pathlib import Path

import numpy as np
import pytest
import torch
from rdkit import Chem
from torch import nn
from torch_geometric.data import Batch

import xgraph
from xgraph.data import MoleculeDataset
from xgraph.explanations.places import atom_places, environments
from xgraph.nn import MODELS
from xgraph.training.prediction.members import Members
from xgraph.training.prediction.own_data import own_source

SMILES = ["C[C@H](N)C(=O)O", "c1ccccc1CN", "C"]
NETWORKS = [name for name, model in MODELS.items() if model.kind == "graph" and model.reads_graphs]


def logit(score: float) -> float:
    return float(np.log(score / (1 - score)))


def test_integrated_gradients_add_up_to_the_difference_to_the_baseline(network: Path) -> None:
    frame = xgraph.explain(network, SMILES, task="amine", steps=400)
    assert frame.attrs == {"method": "integrated-gradients", "unit": "log-odds", "note": ""}
    assert frame["task"].unique().tolist() == ["amine"]
    model = xgraph.load_model(network)
    data = MoleculeDataset.from_smiles(SMILES).with_features(["maccs"], keep=False)
    for item in range(len(SMILES)):
        batch = data.batch([item])

        class Nothing(nn.Module):
            """Rows of zeros: no atom or bond has features."""

            def __init__(self, width: int) -> None:
                super().__init__()
                self.width = width

            def forward(self, codes: torch.Tensor, dtype: torch.dtype | None = None) -> torch.Tensor:
                return torch.zeros(len(codes), self.width)

        with torch.no_grad():
            whole = float(model(batch)[0, 0])
            atoms, bonds = model.atom_rows, model.bond_rows
            model.atom_rows, model.bond_rows = Nothing(174), Nothing(13)
            batch.features = model.scale.mean[None]
            start = float(model(batch)[0, 0])
            model.atom_rows, model.bond_rows = atoms, bonds
        own = frame[frame["item"] == item]
        assert logit(own["score"].iloc[0]) == pytest.approx(whole, abs=1e-4)
        assert own["attribution"].sum() == pytest.approx(whole - start, rel=0.02, abs=0.02)
        atoms_and_bonds = own[own["part"].isin(["atom", "bond"])]["attribution"].sum()
        assert own["total"].sum() == pytest.approx(atoms_and_bonds, abs=1e-6)


def test_leaving_an_atom_out_against_a_loop(network: Path) -> None:
    text = "NCCO"
    frame = xgraph.explain(network, [text], task="odd", method="leave-one-out")
    model = xgraph.load_model(network)
    data = MoleculeDataset.from_smiles([text]).with_features(["maccs"], keep=False)
    graph = data.batch([0])[0]

    def score(keep: list[int], without: tuple[int, int] | None = None) -> float:
        one = graph.subgraph(torch.tensor(keep, dtype=torch.long))
        if without is not None:
            ends = one.edge_index.sort(0).values.T.tolist()
            kept = [i for i, pair in enumerate(ends) if tuple(pair) != without]
            one.edge_index, one.edge_attr = one.edge_index[:, kept], one.edge_attr[kept]
        with torch.no_grad():
            return float(model(Batch.from_data_list([one]))[0, 1])

    whole = score([0, 1, 2, 3])
    expected = [whole - score([i for i in range(4) if i != left]) for left in range(4)]
    np.testing.assert_allclose(frame[frame["part"] == "atom"]["attribution"], expected, atol=1e-5)
    bonds = frame[frame["part"] == "bond"]
    expected = [whole - score([0, 1, 2, 3], pair) for pair in zip(bonds["atom"], bonds["other"], strict=True)]
    np.testing.assert_allclose(bonds["attribution"], expected, atol=1e-5)


@pytest.mark.parametrize("name", NETWORKS)
def test_gradients_of_every_network_add_up(name: str) -> None:
    from xgraph.explanations.graphs import of_networks

    torch.manual_seed(0)
    model = MODELS[name](num_tasks=2, hidden_channels=8).eval()  # type: ignore[call-arg]
    data = MoleculeDataset.from_smiles(["NCC=O", "C"])
    parts = of_networks(model, data, 1, "softmax", method="integrated-gradients", steps=300, device="cpu")
    from xgraph.explanations.scored import OfRows

    scored = OfRows(model, 1, "softmax")
    batch = data.batch([0, 1])
    rows = scored.rows(batch)
    with torch.no_grad():
        gap = scored(rows[0], batch.edge_index, rows[1], batch)
        gap = gap - scored(0 * rows[0], batch.edge_index, 0 * rows[1], batch)
    sums = [one.atoms.sum() + one.bonds.sum() for one in parts]
    np.testing.assert_allclose(sums, gap.numpy(), rtol=0.05, atol=0.02)


def test_shap_values_and_bits_of_atoms(forest: Path) -> None:
    pytest.importorskip("shap")
    frame = xgraph.explain(forest, ["CCCCN", "CCCCO"])
    assert (frame.attrs["method"], frame.attrs["unit"]) == ("shap", "score")
    members = Members.read(forest, "cpu", False)
    source = own_source(members.states[0], members.paths[0], False)
    model = xgraph.load_model(forest)
    from xgraph.explanations.molecules import background

    mean = float(model.trees(background(members.states[0], members.paths[0])).mean())
    assert len(source.splits["train"]) <= 100
    features = frame[frame["part"] == "feature"].groupby("item")["attribution"].sum()
    for item in (0, 1):
        score = frame[frame["item"] == item]["score"].iloc[0]
        assert features[item] == pytest.approx(score - mean, abs=1e-6)
    atoms = frame[(frame["item"] == 0) & (frame["part"] == "atom")].set_index("atom")["attribution"]
    assert atoms.idxmax() == 4  # the nitrogen


def test_leaving_out_the_bits_of_an_atom_against_a_loop(forest: Path) -> None:
    text = "CCCCN"
    frame = xgraph.explain(forest, [text], method="leave-one-out")
    model = xgraph.load_model(forest)
    data = MoleculeDataset.from_smiles([text]).with_features(["morgan", "maccs"], keep=False)
    molecule = Chem.MolFromSmiles(text)
    row = data.features[0].clone()
    whole = float(model.trees(row[None])[0, 0])
    for atom in range(5):
        changed = row.clone()
        for start, kind in ((0, "morgan"), (2048, "maccs")):
            for bit, found in environments(molecule, kind).items():
                left = [one for one in found if atom not in one]
                changed[start + bit] = len(left) if kind == "morgan" else float(bool(left))
        expected = whole - float(model.trees(changed[None])[0, 0])
        assert frame["attribution"].iloc[atom] == pytest.approx(expected, abs=1e-9)
    counts = {bit: len(found) for bit, found in environments(molecule, "morgan").items()}
    assert counts == {bit: int(row[bit]) for bit in row[:2048].nonzero().flatten().tolist()}
    keys = {2048 + bit for bit in environments(molecule, "maccs")}
    assert keys <= set(row.nonzero().flatten().tolist())


def test_permutation_finds_the_features_that_the_forest_asks_for(forest: Path) -> None:
    frame = xgraph.explain(forest, ["C"], method="permutation")
    assert frame.attrs["unit"] == "average precision"
    assert frame["attribution"].max() > 0
    assert set(frame["part"]) == {"feature"}
    assert 1 < len(frame) <= 100
    assert frame["attribution"].is_monotonic_decreasing


def test_of_a_mean_of_ranks_the_network_is_explained(
    amines: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("xgraph.training.fit.choice._value", lambda *_: 2.0)
    options = {"target_columns": ["amine"], "split": "random", "epochs": 1, "pretrain_epochs": 0, "features": ["maccs"]}
    run = xgraph.train(amines, model="auto", choose=True, out=tmp_path / "run", threads=1, **options)
    assert run.metrics["chosen"] == "rank mean"
    frame = xgraph.explain(run.path, ["CCCN"])
    assert (frame.attrs["method"], frame.attrs["note"][:42]) == (
        "integrated-gradients",
        "the run scores by the mean of the ranks of",
    )
    network = xgraph.explain(run.path / "network.ckpt", ["CCCN"])
    np.testing.assert_allclose(frame["attribution"], network["attribution"], atol=1e-6)
    assert frame["score"].iloc[0] == xgraph.predict(run.path, ["CCCN"])["amine"].iloc[0]


def test_an_ensemble_is_the_mean_of_its_members(network: Path) -> None:
    one = xgraph.explain(network, ["CCN"], task="amine")
    both = xgraph.explain([network, network], ["CCN"], task="amine")
    np.testing.assert_allclose(one["attribution"], both["attribution"])


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("OCC", "OCC"),
        ("[C@@H](C)(N)O", "C[C@H](N)O"),
        ("[Na+].[O-]C(=O)CN", "NCC(=O)O"),
        ("[CH3:7][CH2:2][OH:1]", "CCO"),
    ],
)
def test_atoms_keep_their_places(given: str, read: str) -> None:
    first, second = Chem.MolFromSmiles(given), Chem.MolFromSmiles(read)
    places = atom_places(given, read)
    assert len(set(places)) == second.GetNumAtoms()
    for atom, place in zip(second.GetAtoms(), places, strict=True):
        own = first.GetAtomWithIdx(place)
        assert own.GetSymbol() == atom.GetSymbol()
        around = {places[other.GetIdx()] for other in atom.GetNeighbors()}
        assert around == {other.GetIdx() for other in own.GetNeighbors()}


def test_what_cannot_be_read_has_an_error(network: Path) -> None:
    frame = xgraph.explain(network, ["C1CC", "", "[Na+].[Cl-]", "<script>"], task="amine")
    assert frame.groupby("item")["error"].first().astype(bool).tolist() == [True, True, False, True]
    assert frame[frame["item"] == 2]["part"].tolist()[:2] == ["atom", "atom"]


def test_wrong_arguments_are_named(network: Path, forest: Path) -> None:
    for run, arguments, message in [
        (network, {"task": "amin"}, "task = 'amin': expected one of .*amine.*"),
        (network, {"method": "magic"}, "method = 'magic': expected one of integrated-gradients"),
        (network, {"method": "shap"}, "method = 'shap': it does not fit .* expected integrated-gradients,"),
        (forest, {"method": "integrated-gradients"}, "it does not fit the model forest"),
        (network, {"bag_column": "b"}, "bag_column = 'b': this option is for runs on bags"),
        (network, {"steps": 0}, "steps"),
    ]:
        with pytest.raises(ValueError, match=message):
            xgraph.explain(run, ["CCO"], **arguments)
