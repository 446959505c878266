from pathlib import Path

import pytest
import torch

from xgraph.training.pretraining.joining import full_paths, load_joined, summary
from xgraph.training.pretraining.settings import build_pretrain_config


def test_a_share_of_molecules_is_held_out_by_seed(csv: Path) -> None:
    def held(**settings: object) -> list[int]:
        data = load_joined(build_pretrain_config({"datasets": [str(csv)], **settings}), False)
        both = torch.cat([data.splits["train"], data.splits["valid"]])
        assert sorted(both.tolist()) == list(range(60))
        return data.splits["valid"].tolist()

    assert len(held()) == 3
    assert held() == held()
    assert held() != held(seed=1)
    assert len(held(valid_share=0.25)) == 15


def test_too_few_molecules_are_refused(csv: Path) -> None:
    few = csv.with_name("few.csv")
    few.write_text("smiles,a\nC,0\nCC,1\nCCC,0\n")
    with pytest.raises(ValueError, match="only 3 of 3 molecules remain after exclusion"):
        load_joined(build_pretrain_config({"datasets": [str(few)]}), False)


def test_unreadable_rows_warn(csv: Path) -> None:
    csv.write_text(csv.read_text() + "C1CC,0\n")
    with pytest.warns(
        UserWarning, match="left out 1 row.* that could not be read; the first is row 60, 'C1CC': chains: RDKit"
    ):
        load_joined(build_pretrain_config({"datasets": [str(csv)]}), False)


def test_the_summary_counts_excluded_molecules(csv: Path) -> None:
    out = csv.with_name("out.csv")
    out.write_text("smiles\nCO\nCN\nCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCC\n")
    config = build_pretrain_config({"datasets": [str(csv)], "exclude": [str(out)]})
    text = summary(config, load_joined(config, False), Path("run"))
    expected = "chains: 60 molecules, 2 excluded, 0 duplicates; 55 train, 3 valid, 1 task; run directory run\n"
    assert text == expected


def test_paths_become_absolute_and_names_are_kept(csv: Path) -> None:
    assert full_paths(["hiv", csv.name, "aicures:test"]) == ["hiv", str(csv), "aicures:test"]
