"""The sections of a report that show molecules, instances and nodes."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from rdkit import Chem, DataStructs
from rdkit.Chem import rdFingerprintGenerator
from torch_geometric.data import Data

import xgraph
from xgraph.explanations.domain import nearest
from xgraph.reports.measures.items import choose
from xgraph.reports.measures.tables import table_errors
from xgraph.reports.page.blocks import Cards, Figure, Section, Table
from xgraph.reports.sections import bags, molecules, nodes
from xgraph.reports.source import Source
from xgraph.training.files.checkpoint import read_checkpoint
from xgraph.training.prediction.own_data import own_source

SHORT = {"epochs": 1, "pretrain_epochs": 0, "threads": 1, "device": "cpu", "baseline": False, "hidden_channels": 8}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("items")


@pytest.fixture(scope="module")
def run(folder: Path) -> Path:
    path = folder / "amines.csv"
    rows = [f"{'C' * n}{end},{int(end == 'N')}\n" for n in range(1, 21) for end in "OCN"]
    path.write_text("smiles,<script>\n" + "".join(rows))
    return xgraph.train(path, split="random", out=folder / "molecules", num_layers=1, **SHORT).path


def blocks(section: Section | None, kind: type) -> list:
    assert section is not None
    return [block for block in section.blocks if isinstance(block, kind)]


def test_the_highest_scores_and_the_worst_errors() -> None:
    labels, scores = np.array([0, 1, 0, 1, np.nan]), np.array([0.9, 0.8, 0.1, 0.2, 0.95])
    top, wrong = choose(labels, scores)
    assert top.tolist() == [4, 0, 1, 3, 2]
    assert wrong.tolist() == [0, 2, 3, 1]


def test_molecules_are_drawn_with_scores_and_nearest_training_molecules(run: Path) -> None:
    source = Source(run)
    section = molecules.section(source)
    assert source.left_out == []
    top, wrong = blocks(section, Cards)
    table = pd.read_csv(run / "predictions.csv")
    part = table[table["split"] == "test"].sort_values("<script>_score", ascending=False, kind="stable")
    assert [card.alt for card in top.cards] == part["smiles"].tolist()[: len(top.cards)]
    assert all(card.svg.startswith("<svg") for card in (*top.cards, *wrong.cards))
    assert [card.mark for card in top.cards] == ["good" if y else "bad" for y in part["<script>"]][: len(top.cards)]
    (near,) = blocks(section, Table)
    state = read_checkpoint(run / "best.ckpt")
    data = own_source(state, run / "best.ckpt", False)
    training = [data.data.smiles[i] for i in data.splits["train"].tolist()]
    make = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)
    for _, _, smiles, similarity, other in near.rows:
        prints = [make.GetFingerprint(Chem.MolFromSmiles(text)) for text in (smiles, *training)]
        each = [DataStructs.TanimotoSimilarity(prints[0], one) for one in prints[1:]]
        assert similarity == max(each)
        assert each[training.index(other)] == max(each)
    assert (
        "<script>" not in xgraph.report(run, run / "x.html").read_text().replace("<script>\n", "").partition("<main")[2]
    )


def test_a_run_whose_data_are_gone_still_has_its_molecules(run: Path, folder: Path) -> None:
    table = folder / "amines.csv"
    content = table.read_text()
    table.unlink()
    try:
        source = Source(run)
        section = molecules.section(source)
    finally:
        table.write_text(content)
    assert len(blocks(section, Cards)) == 2
    assert [one.what for one in source.left_out] == ["similarity to the training molecules"]


def test_of_many_training_molecules_some_are_compared() -> None:
    found = nearest(["CCO", "C1CC"], ["CCO"] * 50 + ["C1CC"] * 50 + ["CCN"], most=11)
    assert found.compared < 11
    assert found.similarity[0] == 1.0
    assert np.isnan(found.similarity[1])
    assert found.place.tolist() == [0, -1]


def test_instances_of_images_are_shown(folder: Path) -> None:
    run = xgraph.train("digits-bags", out=folder / "digits", **SHORT)
    section = bags.section(Source(run.path))
    cards = blocks(section, Cards)
    assert len(cards) >= bags.BAGS
    assert all(card.image.startswith("data:image/png;base64,") for one in cards for card in one.cards)
    found = xgraph.explain(run.path, [cards[0].caption.split(":")[0].removeprefix("Bag ")])
    order = found.sort_values("leave_one_out", ascending=False, kind="stable")["row"].tolist()
    assert [card.lines[0] for card in cards[0].cards] == [f"instance {row}" for row in order[: bags.INSTANCES]]
    assert molecules.section(Source(run.path)) is None


def test_conformers_are_drawn() -> None:
    from xgraph.data import conformer_bags
    from xgraph.data.bags.conformers import conformers_of
    from xgraph.nn import BagClassifier

    data = conformer_bags(["CCCCCO", "CCN"], num_conformers=3)
    model = BagClassifier(1, data.num_features, hidden_channels=4).eval()
    (cards,) = bags._of_bag(model, data, 0, 0, "sigmoid", "a title")
    assert isinstance(cards, Cards)
    assert sorted(card.lines[0] for card in cards.cards) == [f"conformer {i}" for i in range(3)]
    assert len({card.svg for card in cards.cards}) == 3
    from rdkit.Chem.rdMolDescriptors import GetUSRCAT

    molecule, ids = conformers_of("CCCCCO", data.featurizer)  # those that the features are of
    rows = data.batch([0]).x[:, :60].numpy()
    np.testing.assert_allclose(rows, [GetUSRCAT(molecule, confId=i) for i in ids], atol=1e-4)


def test_places_in_a_slide_are_drawn(folder: Path) -> None:
    slides = folder / "slides"
    slides.mkdir()
    rng = np.random.default_rng(0)
    for i in range(30):
        place = np.stack(np.divmod(np.arange(9), 3), 1) * 256
        np.savez(slides / f"s{i}.npz", features=rng.normal(size=(9, 4)).astype(np.float32), coords=place)
    rows = "".join(f"s{i},{i % 2}\n" for i in range(30))
    (slides / "labels.csv").write_text("slide,label\n" + rows)
    run = xgraph.train(slides, split="random", out=folder / "slide-run", **SHORT)
    section = bags.section(Source(run.path))
    assert blocks(section, Figure)
    assert blocks(section, Table)


def test_nodes_by_degree_and_the_error_of_the_tables(folder: Path) -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(60, 4, generator=generator)
    edge_index = torch.randint(60, (2, 240), generator=generator)
    folder = folder / "graph"
    folder.mkdir()
    names = [f"n{i}" for i in range(60)]
    features = {f"f{j}": x[:, j].tolist() for j in range(4)}
    pd.DataFrame({"id": names, "label": (x[:, 0] > 0).int().tolist(), **features}).to_csv(
        folder / "nodes.csv", index=False
    )
    ends = {"source": [names[i] for i in edge_index[0]], "target": [names[i] for i in edge_index[1]]}
    pd.DataFrame(ends).to_csv(folder / "edges.csv", index=False)
    options = {key: value for key, value in SHORT.items() if key != "baseline"}
    run = xgraph.train(folder, model="sage-fm", gamma=0.5, split="random", out=folder / "run", **options)
    source = Source(run.path)
    section = nodes.section(source)
    assert source.left_out == []
    assert len(blocks(section, Figure)) == 2
    (table,) = blocks(section, Table)
    state = read_checkpoint(run.path / "last.ckpt")
    data = own_source(state, run.path / "last.ckpt", False)
    # The exact aggregates of the second layer, as means over the neighbours, are put into its table.
    model = xgraph.load_model(run.path)
    weights = {n.removeprefix("model."): w for n, w in state["state_dict"].items() if "tables" not in n}
    model.load_state_dict({n: w for n, w in weights.items() if n in model.state_dict()})
    seen: list[torch.Tensor] = []
    model.convs[1].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    graph = data.data.data
    with torch.no_grad():
        h = model.layer(0, graph.x, _block(graph))
    exact = torch.stack([h[graph.edge_index[0][graph.edge_index[1] == i]].mean(0).nan_to_num() for i in range(60)])
    key = next(name for name in state["state_dict"] if name.startswith("model.tables.1") and name.endswith(".value"))
    state["state_dict"][key] = exact.to(state["state_dict"][key].dtype)
    (one,) = table_errors(state, data)
    assert one.median < 1e-5
    state["state_dict"][key] = 2 * exact.to(state["state_dict"][key].dtype)
    assert table_errors(state, data)[0].median == pytest.approx(1.0, abs=1e-5)
    assert table.rows[0][1] == one.seen


def _block(graph: Data) -> object:
    from xgraph.nn.convolutions.block import Block, in_degree

    n = len(graph.x)
    return Block(graph.edge_index, n, in_degree(graph.edge_index[1], n), torch.arange(n), None)
