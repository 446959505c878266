import pytest
import torch

from xgraph.data.storage.checks import check_edges, checked_index


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int8, torch.int32, torch.int64])
def test_positions_may_have_any_integer_type(dtype: torch.dtype) -> None:
    index = checked_index(torch.tensor([2, 0, 2], dtype=dtype), 3, "node")
    assert index.dtype == torch.int64
    assert index.tolist() == [2, 0, 2]
    with pytest.raises(IndexError, match="node 3 is out of range: there are 3 nodes, numbered from 0"):
        checked_index(torch.tensor([3], dtype=dtype), 3, "node")


def test_empty_data_set_has_no_valid_position() -> None:
    assert checked_index(torch.empty(0, dtype=torch.long), 0, "node").tolist() == []
    with pytest.raises(IndexError, match="there are 0"):
        checked_index(torch.tensor([0]), 0, "node")


def test_invalid_edge_is_detected_in_any_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xgraph.data.storage.checks._CHUNK", 3)
    edges = torch.zeros(2, 7, dtype=torch.long)
    check_edges("edge_index", edges, 1, 1)
    for end in range(2):
        for at in range(7):
            wrong = edges.clone()
            wrong[end, at] = 1
            with pytest.raises(
                ValueError, match=f"edge_index has {('source', 'target')[end]} 1, but nodes are numbered"
            ):
                check_edges("edge_index", wrong, 1, 1)
