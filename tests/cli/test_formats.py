"""Tables in other formats than CSV, from the command."""

import io
from pathlib import Path

import pandas as pd
import pytest
from rdkit import Chem

from xgraph.cli import main

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def run(csv: Path, small: list[str], capsys: Capture) -> Path:
    """A run on an SD file with one block that cannot be read."""
    frame = pd.read_csv(csv)
    blocks = [
        f"{Chem.MolToMolBlock(Chem.MolFromSmiles(smiles))}> <amine>\n{label}\n\n$$$$\n"
        for smiles, label in zip(frame["smiles"], frame["amine"], strict=True)
    ]
    Path("chains.sdf").write_text("".join([blocks[0], "broken\n$$$$\n", *blocks[1:]]))
    assert main(["train", "chains.sdf", *small, "--out", "run"]) == 0, capsys.readouterr().err
    assert "left out 1 row(s) of 'chains'" in (err := capsys.readouterr().err)
    assert "row 1, '': the molecule block is cut off" in err
    return Path("run")


def test_every_format_is_scored_alike(run: Path, csv: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = pd.read_csv(csv)
    frame.to_parquet("same.parquet", index=False)
    frame.to_excel("same.xlsx", index=False)
    frame.to_csv("same.tsv.zst", sep="\t", index=False, compression="gzip")  # told by the content, not by the name
    Path("same.smi").write_text("".join(f"{smiles} name {i}\n" for i, smiles in enumerate(frame["smiles"])))
    frame.rename(columns={"amine": "Größe"}).to_csv("same.txt", sep="|", index=False, encoding="cp1252")
    results = {}
    for name, options in (
        ("chains.csv", []),
        ("chains.sdf", []),
        ("same.parquet", []),
        ("same.xlsx", []),
        ("same.tsv.zst", []),
        ("same.smi", []),
        ("same.txt", ["--separator", "|", "--encoding", "cp1252"]),
    ):
        assert main(["predict", str(run), name, "-o", "scores.csv", *options]) == 0, capsys.readouterr().err
        results[name] = pd.read_csv("scores.csv")
    for name, scores in results.items():
        if name == "chains.sdf":
            assert "cut off" in scores["error"][1]
            scores = scores.drop(index=1).reset_index(drop=True)
        assert scores["amine_score"].tolist() == pytest.approx(results["chains.csv"]["amine_score"].tolist(), abs=1e-5)
    for name in ("same.smi", "chains.sdf", "same.xlsx"):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(Path(name).read_bytes())))
        assert main(["predict", str(run), "-", "-o", "scores.csv"]) == 0, capsys.readouterr().err
        assert pd.read_csv("scores.csv").equals(results[name])


def test_embed_reads_a_table_as_it_is_told(run: Path, csv: Path, capsys: Capture) -> None:
    csv.write_bytes(
        csv.read_text().replace(",", "|").replace("amine", "Größe").replace("CO|0", "CO|0|1").encode("cp1252")
    )
    options = ["--separator", "|", "--encoding", "cp1252", "-o", "vectors.csv"]
    assert main(["embed", str(run), str(csv), *options]) == 0, capsys.readouterr().err
    frame = pd.read_csv("vectors.csv")
    assert frame["error"].dropna().unique().tolist()[0] == "data row 0 has 3 cells, but the header has 2"
    assert frame["v0"].notna().sum() == 40


def test_evaluate_reads_a_table_as_it_is_told(run: Path, csv: Path, capsys: Capture) -> None:
    csv.write_bytes(csv.read_text().replace(",", "|").replace("amine", "Größe").encode("cp1252"))
    options = ["--data", str(csv), "--target-columns", "Größe", "--out", "."]
    assert main(["evaluate", str(run), *options]) == 1
    assert "is not UTF-8 text" in capsys.readouterr().err
    assert main(["evaluate", str(run), *options, "--separator", "|", "--encoding", "cp1252"]) == 0
    assert "20 positive of 60 labelled" in capsys.readouterr().err


def test_what_is_not_read_is_refused_with_what_is(small: list[str], capsys: Capture) -> None:
    Path("molecules.json").write_text('[{"smiles": "C"}]')
    assert main(["train", "molecules.json", *small]) == 1
    assert "CSV, TSV, SMI and SDF files (plain, .gz or .zst), Parquet files and Excel" in capsys.readouterr().err
