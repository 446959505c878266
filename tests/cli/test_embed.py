from pathlib import Path

import numpy as np
import pytest

import xgraph
from xgraph.cli import main


def test_vectors_of_the_rows_of_a_table(csv: Path, small: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", str(csv), *small, "--out", "run"]) == 0
    Path("new.csv").write_text("id,smiles\n1,CCO\n2,C1CC\n")
    capsys.readouterr()
    assert main(["embed", "run", "new.csv", "-o", "vectors.npz"]) == 0
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "1 of 2 rows have no vector: see `error`\n")
    with np.load("vectors.npz") as arrays:
        assert arrays["vectors"].shape == (2, 8)
        assert np.isnan(arrays["vectors"]).all(1).tolist() == [False, True]
        expected = xgraph.embed("run", ["CCO"]).filter(regex=r"^v\d+$").to_numpy()
        np.testing.assert_allclose(arrays["vectors"][:1], expected, rtol=1e-5)
    assert main(["embed", "run", "new.csv", "-o", "vectors.pt"]) == 2
    assert "vectors.pt'" in capsys.readouterr().err
    assert main(["embed", "run", "new.csv", "-o", "nowhere/vectors.npz"]) == 2
