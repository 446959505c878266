import gzip
from pathlib import Path

import pytest

from xgraph.data import fetch, list_cards, load_card, verify
from xgraph.data.cards.schema import Card, CardFile
from xgraph.data.published.derive import DERIVE, content_sha256

pytestmark = pytest.mark.realdata
CARDS = [card for card in list_cards() if card.files and not card.name.startswith("amazon-")]  # not in the mirror
# Originals of the others are not in the mirror, or under another name: test_nodes.py and test_bags.py see to them.
REBUILT = (
    {"planetoid", "pyg_anomaly", "nifty_edges"} | {name for name in DERIVE if name.startswith("mil_")} | {"chembl_pki"}
)
DERIVED = [(card, file) for card in CARDS for file in card.files if file.derive and file.derive not in REBUILT]


@pytest.mark.parametrize("name", [card.name for card in CARDS])
def test_mirror_files_match_the_cards(name: str, mirror_folder: Path, tmp_path: Path) -> None:
    checked = verify(name, root=tmp_path)
    assert {entry.place.resolve(): entry.state for entry in checked} == {
        mirror_folder / file.path: "ok" for file in load_card(name).files
    }
    assert all((mirror_folder / file.path).stat().st_size == file.bytes for file in load_card(name).files)


def test_fetch_copies_the_mirror(mirror_folder: Path, tmp_path: Path) -> None:
    paths = fetch("aicures", root=tmp_path)
    assert len(paths) == 32
    for path in paths:
        assert path.read_bytes() == (mirror_folder / path.relative_to(tmp_path)).read_bytes()


@pytest.mark.parametrize(("card", "file"), DERIVED, ids=[file.path for _, file in DERIVED])
def test_derivation_reproduces_the_mirrors_file(card: Card, file: CardFile, mirror_folder: Path) -> None:
    """The original is in the mirror, as it is or gzipped: from its bytes comes the file, to the byte."""
    path = card.table or file.path
    table = (mirror_folder / path).read_bytes()
    source = gzip.decompress(table) if path.endswith(".gz") else table
    assert content_sha256(source, "original") == file.source_sha256
    made, kept = DERIVE[file.derive](source, file.path), (mirror_folder / file.path).read_bytes()
    assert content_sha256(made, file.path) == content_sha256(kept, file.path) == file.content_sha256
    assert made == kept


def test_every_kind_of_derivation_is_tested() -> None:
    assert {file.derive for _, file in DERIVED} == set(DERIVE) - REBUILT
