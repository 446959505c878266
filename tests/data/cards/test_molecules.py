import numpy as np
import pytest

from xgraph.data import Table, load_card
from xgraph.data.cards import molecules
from xgraph.data.cards.molecules import read_card_table


def test_columns_of_an_embedded_table(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Table(["C", "CC"], np.array([[0, 1], [1, 0]], np.float32), ["other", "pains"], np.arange(2))
    monkeypatch.setitem(molecules.EMBEDDED, "nci_pains", lambda folder, progress: whole)
    table = read_card_table(load_card("nci-pains"))
    assert table.task_names == ["pains"]
    assert table.y.tolist() == [[1.0], [0.0]]
    with pytest.raises(ValueError, match=r"target_columns of 'nci-pains' must be any of pains, got y"):
        read_card_table(load_card("nci-pains"), ["y"])
