import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xgraph.messages import LONGEST, legible, listed, shown


def test_a_value_is_shown_in_quotes_and_a_long_one_is_cut() -> None:
    assert shown("CCO") == "'CCO'"
    assert shown(3) == "3"
    assert shown("C" * 2000) == repr("C" * (LONGEST - 4) + "...")
    assert len(shown(list(range(1000)))) == LONGEST


@given(st.text(), st.integers(4, 80))
def test_what_is_shown_has_a_bounded_length_and_no_line_break(text: str, most: int) -> None:
    result = shown(text, most)
    assert "\n" not in result
    assert len(result) <= 10 * most + 2  # a character may be shown by its code


@pytest.mark.parametrize(("many", "expected"), [(0, ""), (2, "0, 1"), (4, "0, 1, 2 and 1 more")])
def test_of_many_values_the_first_are_listed(many: int, expected: str) -> None:
    assert listed(range(many), 3) == expected


@given(st.text(), st.none() | st.integers(4, 80))
def test_legible_text_has_no_control_characters(text: str, most: int | None) -> None:
    result = legible(text, most)
    assert all(c.isprintable() or c in "\n\t" or unicodedata.category(c) == "Zs" for c in result)
    assert legible(result) == result


@pytest.mark.parametrize("text", ["Grüße, 世界", "two\nlines\tand\u00a0spaces", ""])
def test_text_without_control_characters_is_unchanged(text: str) -> None:
    assert legible(text) == text


def test_the_command_prints_errors_without_control_characters(capsys: pytest.CaptureFixture[str]) -> None:
    from xgraph.cli import _complain, _show_warning

    _complain(ValueError("server said \x1b[2J\u202e"))
    _show_warning("and \x07", UserWarning, "file", 1)
    assert capsys.readouterr().err == "error: server said \\x1b[2J\\u202e\nwarning: and \\x07\n"
