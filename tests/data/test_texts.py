from pathlib import Path

import pytest

from xgraph.data.texts import texts_of


def test_a_molecule_has_the_first_text_of_its_rows(tmp_path: Path) -> None:
    one, two = tmp_path / "one.csv", tmp_path / "two.tsv"
    one.write_text('smiles,about\nCCO,\nCC," a gas, light "\nCCO,an alcohol\n')
    two.write_text("SMILES\tabout\nCCO\tother\nCCN\tan amine\n\tnothing\n")
    assert texts_of(["CCN", "CC", "CCO", "C"], [str(one), str(two)], "about") == [
        "an amine",
        "a gas, light",
        "an alcohol",
        "",
    ]
    with pytest.raises(ValueError, match=r"text_column 'text' does not exist: the columns of .*one.csv are"):
        texts_of(["CC"], [str(one)], "text")
    with pytest.raises(ValueError, match="text_column: 'hiv' is a registered data set, which has no texts"):
        texts_of(["CC"], ["hiv"], "text")
