import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from nn_molecules import real_batch

from xgraph.nn.molecules.reverse_edges import reverse_edges


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=15), st.randoms())
def test_any_order_of_edges(bonds, random):
    """Several bonds between the same atoms and loops included."""
    edges = bonds + [(v, u) for u, v in bonds]
    random.shuffle(edges)
    edge_index = torch.tensor(edges, dtype=torch.long).reshape(-1, 2).t()
    reverse = reverse_edges(edge_index, 7)
    assert sorted(reverse.tolist()) == list(range(len(edges)))
    assert torch.equal(edge_index[:, reverse], edge_index.flip(0))
    if all(u != v for u, v in bonds):
        assert torch.equal(reverse[reverse], torch.arange(len(edges)))


def test_adjacent_pairs_need_no_sorting(monkeypatch):
    edge_index = real_batch(20).edge_index
    monkeypatch.setattr(torch.Tensor, "argsort", lambda *_, **__: pytest.fail("it sorted"))
    reverse = reverse_edges(edge_index, int(edge_index.max()) + 1)
    assert torch.equal(edge_index[:, reverse], edge_index.flip(0))


@pytest.mark.parametrize(
    ("edges", "lonely"),
    [
        ([[0, 1, 1], [1, 0, 2]], "1 -> 2 without 2 -> 1"),
        ([[0, 1, 4, 2], [1, 0, 2, 4]], None),
        ([[0, 4], [1, 2]], "0 -> 1 without 1 -> 0"),
        ([[3, 4, 3], [4, 3, 4]], "3 -> 4 without 4 -> 3"),
    ],
)
def test_error_names_an_edge_without_its_reverse(edges, lonely):
    edge_index = torch.tensor(edges)
    if lonely is None:
        reverse_edges(edge_index, 5)
        return
    with pytest.raises(ValueError, match=f"edge_index must hold both directions of each bond, got {lonely}"):
        reverse_edges(edge_index, 5)
