"""What stands beside the code says the same as the code: the citation file, the extras, the word list."""

import re
import tomllib

from tests.docs.blocks import DOCS, ROOT
from xgraph import __version__

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CITATION = (ROOT / "CITATION.cff").read_text()


def first_cells(text: str) -> list[str]:
    """Code in the first cell of each row of the tables of a text."""
    return re.findall(r"^\| `([\w-]+)` \|", text, re.M)


def test_the_citation_has_the_version_of_the_package() -> None:
    assert re.findall(r"^version: (.+)$", CITATION, re.M) == [__version__]


def test_the_citation_agrees_with_the_package() -> None:
    assert f"license: {PROJECT['license']}\n" in CITATION
    assert f"- name: {PROJECT['authors'][0]['name']}\n" in CITATION


def test_the_installation_page_lists_the_extras() -> None:
    text = (DOCS / "start/installation.md").read_text()
    section = text.split("## Extras")[1].split("\n## ")[0]
    assert sorted(first_cells(section)) == sorted(PROJECT["optional-dependencies"])


def test_the_installation_page_has_the_pinned_torch() -> None:
    (pinned,) = re.findall(r"^torch==(.+)$", (ROOT / "constraints.txt").read_text(), re.M)
    assert set(re.findall(r"torch==([\d.]+\d)", (DOCS / "start/installation.md").read_text())) == {pinned}


def test_the_list_of_parts_names_all_folders() -> None:
    text = (DOCS / "contributing.md").read_text().split("## How the code is organised")[1].split("\n## ")[0]
    for part in ("losses", "nn", "sampling", "data", "training", "reports"):
        (row,) = re.findall(rf"^\| `xgraph/{part}` \| (.+) \|$", text, re.M)
        folders = {path.parent.name for path in (ROOT / "xgraph" / part).glob("*/__init__.py")}
        assert set(re.findall(r"`(\w+)`", row)) == folders
