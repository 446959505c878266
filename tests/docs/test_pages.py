"""Every code block of the documentation runs, and prints what its page says."""

import os
import re
from pathlib import Path

import pytest

from tests.docs.blocks import DOCS, ROOT, blocks, run

PAGES = [page for page in sorted(DOCS.rglob("*.md")) if "_build" not in page.parts and "generated" not in page.parts]
NAMES = {page.relative_to(DOCS).as_posix(): page for page in PAGES}
PLAIN = [name for name, page in NAMES.items() if any(not block.realdata for block in blocks(page))]
REAL = [name for name, page in NAMES.items() if any(block.realdata for block in blocks(page))]


@pytest.fixture(autouse=True)
def _narrow_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")


@pytest.mark.slow
@pytest.mark.parametrize("name", PLAIN)
def test_the_blocks_of_a_page(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run(NAMES[name], tmp_path)


@pytest.mark.slow
@pytest.mark.realdata
@pytest.mark.parametrize("name", REAL)
def test_the_blocks_of_a_page_on_real_data(name, tmp_path, monkeypatch):
    if "://" not in os.environ["XGRAPH_MIRROR"]:
        monkeypatch.setenv("XGRAPH_MIRROR", str(Path(os.environ["XGRAPH_MIRROR"]).resolve()))
    monkeypatch.chdir(tmp_path)
    run(NAMES[name], tmp_path, realdata=True)


def test_every_page_is_in_a_table_of_contents():
    listed = {"index.md"}
    for page in PAGES:
        for toctree in re.findall(r"^```\{toctree\}\n(.*?)^```", page.read_text(), re.M | re.S):
            for entry in re.findall(r"^(?!:)(\S+)$", toctree, re.M):
                listed.add(os.path.relpath((page.parent / f"{entry}.md").resolve(), DOCS))
    assert set(NAMES) == listed


def test_links_between_pages_lead_somewhere():
    for page in (*PAGES, ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "benchmarks/README.md"):
        if page.exists():
            prose = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.M | re.S)
            for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)\s]*)?\)", prose):
                drawn = target.startswith("plots/")  # by the build, and tests/docs/test_results.py
                if "://" not in target and not target.startswith("mailto:") and not drawn:
                    assert (page.parent / target).exists(), f"{page.relative_to(ROOT)} links to {target}"


class TestBlocks:
    """What reads the pages."""

    @staticmethod
    def page(tmp_path: Path, text: str) -> Path:
        path = tmp_path / "page.md"
        path.write_text(text)
        return path

    def test_kinds_outputs_and_marks(self, tmp_path):
        page = self.page(
            tmp_path,
            "```python\nprint(1)\n```\n\n```text\n1\n```\n\n```console\n$ pip\n```\n\n"
            "<!-- realdata -->\n```bash\nxgraph data list\n```\nprose\n```text\nnot its output\n```\n",
        )
        first, second = blocks(page)
        assert (first.kind, first.code, first.output, first.line, first.realdata) == (
            "python",
            "print(1)\n",
            "1\n",
            2,
            False,
        )
        assert (second.kind, second.output, second.realdata) == ("bash", None, True)

    def test_only_the_first_text_block_is_the_output(self, tmp_path):
        (block,) = blocks(self.page(tmp_path, "```python\nprint(1)\n```\n```text\n1\n```\nso:\n```text\n2\n```\n"))
        assert block.output == "1\n"

    def test_blocks_share_a_namespace_and_outputs_are_compared(self, tmp_path, monkeypatch):
        monkeypatch.setattr("tests.docs.blocks.ROOT", tmp_path)
        good = "```python\na = 2\n```\n```python\nprint('a is', a)\n```\n```text\na  is ...\n```\n"
        run(self.page(tmp_path, good), tmp_path)
        with pytest.raises(AssertionError, match=r"page.md, line 5 printed\na is 2"):
            run(self.page(tmp_path, good.replace("...", "3")), tmp_path)

    @pytest.mark.parametrize("line", ["pip install x", "xgraph nosuch"])
    def test_a_line_that_is_no_command_or_fails_is_an_error(self, tmp_path, monkeypatch, line):
        monkeypatch.setattr("tests.docs.blocks.ROOT", tmp_path)
        with pytest.raises(AssertionError, match="line 2"):
            run(self.page(tmp_path, f"```bash\n{line}\n```\n"), tmp_path)
