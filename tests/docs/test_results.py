"""Pictures, tables and figures of the results pages agree with ``benchmarks/results/*.json``."""

import re
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

DOCS = Path(__file__).parents[2] / "docs"
sys.path.insert(0, str(DOCS))

from results_pages import formats, pages  # noqa: E402

PAGES = [page for page in pages.pages() if page.exists()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS.parent)))
def test_tables_and_figures_of_a_page_are_those_of_the_results(page):
    text = page.read_text(encoding="utf-8")
    assert pages.filled(text) == text, "run python docs/result_tables.py"
    assert list(pages.differences(text)) == []


@pytest.mark.parametrize("page", sorted((DOCS / "results").glob("*.md")), ids=lambda page: page.stem)
def test_every_score_in_a_sentence_is_checked(page):
    text = pages.BLOCK.sub("", page.read_text(encoding="utf-8"))
    text = pages.FIGURE.sub("<!-- = -->", text)
    text = re.sub(r"```.*?```|`[^`]*`|\[[^\]]*\]\([^)]*\)", "", text, flags=re.DOTALL)
    lines = [line for line in text.splitlines() if not line.startswith("|")]
    unchecked = [line for line in lines if re.search(r"(?<![\d\w])\.\d{2,}(?!\d|×?<!-- =| ± | to [+−])", line)]
    assert unchecked == []


def test_the_readme_and_the_results_pages_are_checked():
    assert {DOCS.parent / "README.md", DOCS / "results" / "index.md"} <= {*PAGES}


def test_a_figure_that_drifted_is_reported():
    assert list(pages.differences("takes 7.00<!-- = loss_ms('soap', 512) --> ms")) != []


@pytest.mark.parametrize(("number", "text"), [(0.331, ".331"), (-0.019, "−.019"), (-0.0001, ".000"), (1.0, "1.000")])
def test_shares_have_no_leading_zero(number, text):
    assert formats.share(number) == text


def test_spreads_kept_as_text_are_rounded_half_up():
    assert formats.rewritten("0.8383 ± 0.0095") == ".838 ± .010"


def test_pictures_are_well_formed_and_the_same_each_time(tmp_path):
    pytest.importorskip("matplotlib")
    from results_pages.plots import pictures

    for folder in ("first", "second"):
        pictures.draw(tmp_path / folder)
        pictures.save(pictures.overview, tmp_path / folder / "overview.svg")
    files = sorted((tmp_path / "first").glob("*.svg"))
    assert {file.stem for file in files} == {*pictures.PICTURES, "overview"}
    for file in files:
        content = file.read_bytes()
        assert ElementTree.fromstring(content).tag.endswith("svg")
        assert not re.search(rb"<dc:date>|\b20\d\d-\d\d-\d\d\b", content)
        assert content == (tmp_path / "second" / file.name).read_bytes()


def test_pages_show_every_picture():
    pytest.importorskip("matplotlib")
    from results_pages.plots import pictures

    shown = {
        name
        for page in (DOCS / "results").glob("*.md")
        for name in re.findall(r"plots/([\w-]+)\.svg", page.read_text())
    }
    assert shown == {*pictures.PICTURES}


def test_the_overview_of_the_readme_shows_the_present_results(tmp_path):
    pytest.importorskip("matplotlib")
    from results_pages.plots import pictures

    pictures.save(pictures.overview, tmp_path / "overview.svg")
    drawn, committed = (
        re.findall(r"<text[^>]*>([^<]*)</text>", file.read_text(encoding="utf-8"))
        for file in (tmp_path / "overview.svg", DOCS / "images" / "overview.svg")
    )
    assert len(drawn) > 30
    assert drawn == committed, "run python docs/plots.py --overview docs/images/overview.svg"
