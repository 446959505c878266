import os
import subprocess
import sys
from pathlib import Path

import pytest

from xgraph.data import list_cards, load_card
from xgraph.data.cards import named as cards
from xgraph.data.cards.ogb_files import ogb_meta
from xgraph.data.cards.pretrained import ENCODERS, OF_OWN, seen_by

NAMES = {
    *("nci-pains", "aicures", "ogbg-molhiv", "bbbp", "bace", "clintox", "sider", "tox21", "hiv", "muv", "sars"),
    *(f"advprop-{name}" for name in ("bbbp", "bace", "clintox", "sider", "tox21", "hiv")),
    *("cora", "citeseer", "coauthor-cs", "coauthor-physics", "musae-github", "musae-facebook"),
    *("amazon-photo", "amazon-computers"),
    *("tolokers", "minesweeper", "reddit-anomaly", "german"),
    *("musk1", "musk2", "elephant", "fox", "mutagenesis1", "mutagenesis2", "protein", "newsgroups2", "corel", "birds"),
    *("digits-bags", "mnist-bags", "chembl-conformers", "chembl", "chembl-pki", "delaney", "freesolv", "lipo"),
    *("thrombin", "chembl-conformers-pki"),
    *(f"advprop-{name}" for name in ("delaney", "freesolv", "lipo")),
    *("ogbn-arxiv", "ogbn-products", "ogbn-proteins", "ogbn-mag", "ogbn-papers100M", "ogbg-molpcba", "ogbg-ppa"),
}
MOLECULES = (
    "bace",
    "bbbp",
    "clintox",
    "muv",
    "pcba",
    "sider",
    "tox21",
    "toxcast",
    "hiv",
    "esol",
    "freesolv",
    "lipo",
    "chembl",
)
# Functions of originals that nobody has recorded checksums of.
REBUILT = ("planetoid", "pyg_anomaly", "mil_prtools", "mil_julia", "mil_corel", "mil_birds", "chembl_pki")


def test_all_cards_exist_and_are_complete() -> None:
    every = {card.name: card for card in list_cards()}
    assert set(every) >= NAMES
    for card in every.values():
        for text in (card.title, card.description, card.origin, card.licence, card.citation, card.task):
            assert text.strip()
        if card.num_classes:
            assert card.num_classes < card.labels <= card.items
        elif card.is_regression:
            assert 0 < card.labels <= card.items * card.tasks
            assert card.positives == 0
        elif not card.ogb:
            assert 0 < card.positives < card.labels <= card.items * len(card.target_columns)
        assert bool(card.embedded) + bool(card.files) + card.ogb == 1
        assert (card.kind == "node") == (card.edges > 0)
        assert (card.kind in ("node", "bag")) == (card.features > 0)
        assert (card.kind == "bag" and card.reader != "conformers") == (card.instances > card.items)
        assert len({file.path for file in card.files}) == len(card.files)
        for file in card.files:
            assert file.source_url.startswith("https://")
            assert bool(file.derive) == bool(file.content_sha256)
            assert file.derive or file.source_sha256 == file.sha256
            assert file.source_sha256 or file.derive in REBUILT


def test_further_names() -> None:
    assert load_card("esol").name == "delaney"
    assert load_card("lipophilicity").name == "lipo"
    assert {"esol", "delaney"} <= set(cards.names())
    found = [card.name for card in list_cards()]
    assert "esol" not in found
    assert found == sorted(found)


@pytest.mark.parametrize("name", MOLECULES)
def test_molecules_of_ogb_have_its_tasks_and_metrics(name: str) -> None:
    card, meta = load_card(f"ogbg-mol{name}"), ogb_meta(f"ogbg-mol{name}")
    assert {"rocauc": "roc_auc", "ap": "ap", "rmse": "rmse"}[meta["eval metric"]] == card.metric
    assert card.tasks == int(meta["num tasks"])
    assert card.task == ("multi-task " * (card.tasks > 1) + meta["task type"])
    assert card.splits[0] == "given"
    assert card.given is not None
    assert card.given.train.endswith(f"split/{meta['split']}/train.csv.gz")


def test_defaults_and_metrics_follow_the_published_protocols() -> None:
    first = {card.name: (card.splits[0], card.metric, card.folds) for card in list_cards()}
    assert first["aicures"] == ("given", "ap", 10)
    assert first["ogbg-molhiv"] == ("given", "roc_auc", 0)
    assert first["advprop-hiv"] == ("given", "ap", 0)
    assert first["advprop-tox21"] == ("given", "roc_auc", 3)
    assert first["bbbp"] == ("scaffold", "roc_auc", 0)
    assert first["nci-pains"] == ("scaffold", "ap", 0)
    assert first["cora"] == ("given", "accuracy", 0)
    assert first["tolokers"] == first["minesweeper"] == ("given", "roc_auc", 10)
    assert first["coauthor-physics"] == ("stratified", "accuracy", 0)
    assert first["reddit-anomaly"] == ("stratified", "ap", 0)
    assert first["ogbn-proteins"] == ("given", "roc_auc", 0)
    assert first["musk2"] == ("given", "roc_auc", 50)
    assert first["corel"] == ("given", "ap", 50)
    assert first["birds"] == ("stratified", "ap", 50)
    assert first["digits-bags"] == ("given", "ap", 0)


def test_ogb_cards_match_the_ogb_package() -> None:
    for card in list_cards():
        if card.ogb:
            meta = ogb_meta(card.name)
            metrics = {"acc": "accuracy", "rocauc": "roc_auc", "ap": "ap", "rmse": "rmse"}
            assert metrics[meta["eval metric"]] == card.metric
            assert (int(meta["num classes"]) if card.num_classes else 0) == card.num_classes
            assert int(meta["num tasks"]) == card.tasks
            if card.given is not None:
                assert f"split/{meta['split']}/train.csv.gz" == card.given.train


@pytest.mark.parametrize(
    ("wrong", "near"),
    [("aicure", "aicures"), ("AICures", "aicures"), ("ogbg-hiv", "ogbg-molhiv"), ("tox-21", "tox21"), ("pains", "nci")],
)
def test_unknown_name_suggests_similar_names(wrong: str, near: str) -> None:
    with pytest.raises(ValueError, match=rf"unknown data set '{wrong}': did you mean .*{near}"):
        load_card(wrong)


def test_unknown_name_without_similar_names_lists_all() -> None:
    with pytest.raises(ValueError, match=r"unknown data set 'zzzzqqqq': the data sets are advprop-bace, .*tox21"):
        load_card("zzzzqqqq")
    with pytest.raises(ValueError, match="unknown data set ''"):
        load_card("")


def test_card_name_must_match_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = cards._paths()["bbbp"].read_text()
    path = tmp_path / "other.toml"
    path.write_text(text)
    monkeypatch.setattr(cards, "_paths", lambda: {"other": path})
    load_card.cache_clear()
    with pytest.raises(ValueError, match=r"other\.toml: key 'name' must match the file name, 'other', got 'bbbp'"):
        load_card("other")


def test_package_import_is_light() -> None:
    code = (
        "import sys, xgraph.data as d\n"
        "assert 'load' in dir(d)\n"
        "heavy = {'torch', 'torch_geometric', 'rdkit', 'pandas', 'ogb', 'lightning'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
        "d.scaffold_split, d.load_card, d.fetch, d.verify\n"
        "assert not {'torch_geometric', 'ogb', 'lightning'} & set(sys.modules)\n"
        "try:\n    d.nothing\nexcept AttributeError as e:\n    assert 'nothing' in str(e)\n"
        "else:\n    raise SystemExit('no AttributeError')\n"
    )
    folder = Path(__file__).parents[3]
    path = os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "PYTHONPATH": path})


def test_cards_of_one_binary_task_say_what_a_positive_label_means() -> None:
    for card in list_cards():
        assert card.label_meaning.startswith("A positive ") == (card.task == "binary classification"), card.name
        assert card.label_meaning.startswith("A number is ") == (card.task == "regression"), card.name
        assert card.label_meaning[-1:] in ("", ".")


def test_cards_of_molecules_say_what_encoders_may_have_seen() -> None:
    for card in list_cards():
        molecules = card.kind == "graph" and card.name != "ogbg-ppa"
        assert set(card.pretrained) == (set(ENCODERS) if molecules else set()), card.name
        assert all(text.endswith(".") and text[0].isupper() for text in card.pretrained.values())
    assert seen_by(["morgan", "minimol"], "tox21")["minimol"]["seen"].startswith("The assays of Tox21 are in PubChem")
    assert seen_by(["minimol"], "tox21.csv")["minimol"]["seen"] == OF_OWN
    assert seen_by(["morgan"], "tox21") == seen_by(None, "tox21") == {}
