import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xgraph.data.labels import cells as cells_module
from xgraph.data.labels.cells import read_column
from xgraph.data.labels.rules import LabelRules

number = st.floats(-2, 2).map(repr) | st.sampled_from(["", "-1", "0", "1", "1.0", " 2 ", "-999"])


@given(
    st.lists(number, max_size=30),
    st.lists(st.sampled_from(["nan", "NA", ">5", "text", "1e400"]), max_size=1),
    st.sampled_from([(), ("-999",), ("2", "text")]),
)
@settings(max_examples=80, deadline=None)
def test_many_numbers_are_read_as_few_are(numbers: list[str], odd: list[str], missing: tuple[str, ...]) -> None:
    cells, rules = [*numbers, *odd], LabelRules(missing)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cells_module, "_MANY", 3)
        quick = read_column(cells, rules)
        patch.setattr(cells_module, "_first_measured", lambda *_: None)
        slow = read_column(cells, rules)
    assert repr(quick) == repr(slow)
