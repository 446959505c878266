import gzip
import hashlib
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
# Files of OGB's sets that the mirror does not hold: they are made from a table of MoleculeNet, which it holds.
MADE = {
    (card.name, file.path) for card, file in DERIVED if file.derive.startswith("ogb_") and card.name != "ogbg-molhiv"
}
ORIGINALS = {"ogbg-molclintox": "moleculenet/clintox.csv"}


@pytest.mark.parametrize("name", [card.name for card in CARDS])
def test_mirror_files_match_the_cards(name: str, mirror_folder: Path, tmp_path: Path) -> None:
    files = {file.path: file for file in load_card(name).files}
    states = {path: entry.state for path, entry in zip(files, verify(name, root=tmp_path), strict=True)}
    made = {path for path, file in files.items() if (name, path) in MADE}  # from another file, see below
    assert {path for path, state in states.items() if state == "absent"} == made
    assert {state for path, state in states.items() if path not in made} == {"ok"}
    assert all((mirror_folder / path).stat().st_size == file.bytes for path, file in files.items() if path not in made)


def test_fetch_copies_the_mirror(mirror_folder: Path, tmp_path: Path) -> None:
    paths = fetch("aicures", root=tmp_path)
    assert len(paths) == 32
    for path in paths:
        assert path.read_bytes() == (mirror_folder / path.relative_to(tmp_path)).read_bytes()


@pytest.mark.parametrize(("card", "file"), DERIVED, ids=[file.path for _, file in DERIVED])
def test_derivation_reproduces_the_mirrors_file(card: Card, file: CardFile, mirror_folder: Path) -> None:
    """The original is in the mirror, as it is or gzipped: from its bytes comes the file, to the byte."""
    path = ORIGINALS.get(card.name, card.table or file.path)
    table = (mirror_folder / path).read_bytes()
    sources = [table, gzip.decompress(table)] if path.endswith(".gz") else [table]
    (source,) = [one for one in sources if content_sha256(one, "original") == file.source_sha256]
    made = DERIVE[file.derive](source, file.path)
    assert content_sha256(made, file.path) == file.content_sha256
    assert (len(made), hashlib.sha256(made).hexdigest()) == (file.bytes, file.sha256)
    if (card.name, file.path) not in MADE:
        assert made == (mirror_folder / file.path).read_bytes()


def test_every_kind_of_derivation_is_tested() -> None:
    assert {file.derive for _, file in DERIVED} == set(DERIVE) - REBUILT
