"""The command reference has every command and every option."""

import re
import sys

import pytest

from tests.docs.blocks import DOCS
from xgraph.cli.catalogue import load_catalogue


@pytest.fixture(scope="module")
def commands():
    sys.path.insert(0, str(DOCS / "_ext"))
    try:
        import commands
    finally:
        sys.path.pop(0)
    return commands


@pytest.fixture(scope="module")
def pages(commands, tmp_path_factory):
    folder = tmp_path_factory.mktemp("generated")
    commands.write(folder)
    return {path.stem: path.read_text() for path in folder.iterdir()}


def flags(text):
    return {name.split()[0].split("/")[0] for name in re.findall(r"^`([^`]+)`$", text, re.MULTILINE)}


def section(text, title):
    return re.split(r"^#+ ", text.split(f"# {title}\n")[1], maxsplit=1, flags=re.MULTILINE)[0]


def test_every_command_and_setting_is_listed(pages):
    text = pages["commands"]
    titles = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert {"xgraph train", "xgraph predict", "xgraph data show", "xgraph losses", "xgraph search"} <= set(titles)
    known = load_catalogue()
    for title, settings in (("xgraph train", known.train), ("xgraph pretrain", known.pretrain)):
        expected = {option.flag for options in settings.values() for option in options}
        assert expected | {"--config", "--out", "--resume"} <= flags(section(text, title))
    assert "--vary" in flags(section(text, "xgraph search"))
    assert "--lr" not in flags(section(text, "xgraph search"))
    assert "--files" in flags(section(text, "xgraph data show"))


@pytest.mark.parametrize("group", ["losses", "models"])
def test_every_loss_and_model_has_its_options(group, pages):
    for name, part in getattr(load_catalogue(), group).items():
        text = section(pages[group], name)
        assert flags(text) == {option.flag for option in part.options}
        assert part.python in text
        assert f"{name}\n```" in text


def test_unchanged_pieces_are_left_alone(commands, tmp_path):
    commands.write(tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    commands.write(tmp_path)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("as --lr-schedule says", "as `--lr-schedule` says"),
        ("`a_b --c` and d_e*", r"`a_b --c` and d\_e\*"),
        ("in (0, 1] of <task>", r"in (0, 1\] of \<task\>"),
        ("see https://x.org/a_b.", "see <https://x.org/a_b>."),
        ("a -- b, two-stage", "a -- b, two-stage"),
    ],
)
def test_plain_text_becomes_markdown(text, expected, commands):
    assert commands.prose(text) == expected


def test_the_page_includes_the_pieces(pages):
    page = (DOCS / "reference" / "commands.md").read_text()
    assert set(re.findall(r"\{include\} generated/(\w+)\.md", page)) == set(pages)
