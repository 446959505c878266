import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from xgraph.data.published.edges import tidy_edges


@given(st.integers(1, 6), st.data(), st.booleans())
@settings(max_examples=60, deadline=None)
def test_edges_are_those_of_a_set(n: int, data: st.DataObject, directed: bool) -> None:
    node = st.integers(0, n - 1)
    pairs = data.draw(st.lists(st.tuples(node, node), max_size=20))
    source, target = np.array(pairs, np.int64).reshape(-1, 2).T
    edges = tidy_edges(source, target, n, directed=directed)
    distinct = set(pairs)
    both = distinct if directed else distinct | {(b, a) for a, b in distinct}
    assert list(map(tuple, edges.index.T.tolist())) == sorted(both)
    assert edges.listed == len(pairs)
    assert edges.repeated == len(pairs) - len(distinct)
    assert edges.one_way == len(both) - len(distinct)
    assert edges.loops == sum(a == b for a, b in distinct)
    kept = edges.without_loops()
    assert list(map(tuple, kept.index.T.tolist())) == sorted((a, b) for a, b in both if a != b)
