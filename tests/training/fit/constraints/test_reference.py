"""`--reference RUN`: losses count above those of an earlier run."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch.nn import functional as F

import xgraph
from tests.training.conftest import CHAINS, SMALL
from xgraph.losses import KLDROLoss
from xgraph.options import OptionError
from xgraph.training.config.build import build_config
from xgraph.training.fit.constraints.reference import reference_losses
from xgraph.training.fit.loading import load_data
from xgraph.training.sources import Source

NETWORK: dict[str, Any] = {**SMALL, "loss": "kl-dro", "epochs": 1, "pretrain_epochs": 0}
FOREST: dict[str, Any] = {"model": "forest", "features": ["morgan"], "trees": 20}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table, and forests on a random split and on all of four folds."""
    folder = tmp_path_factory.mktemp("reference")
    (folder / "chains.csv").write_text(CHAINS)
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        patch.setenv("XGRAPH_ROOT", str(folder / "root"))
        for out, how in (("one", {"split": "random"}), ("folds", {"split": "random", "folds": 4, "fold": "all"})):
            xgraph.train(str(folder / "chains.csv"), out=str(folder / out), **FOREST, **how)
    return folder


def source_of(folder: Path, **settings: Any) -> tuple[Any, Source]:
    config = build_config({**NETWORK, "dataset": str(folder / "chains.csv"), **settings})
    return config, load_data(config, False)


@pytest.fixture(autouse=True)
def _root(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XGRAPH_ROOT", str(folder / "root"))


def test_scores_of_a_run_over_folds_are_out_of_fold(folder: Path) -> None:
    """Each molecule is tested in one fold and validated in another: two of the four forests have not seen it."""
    config, source = source_of(folder, reference=str(folder / "folds"))
    table = reference_losses(config, source, KLDROLoss(len(source)))
    scores = pd.concat(pd.read_csv(folder / "folds" / f"fold_{k}" / "predictions.csv") for k in range(4))
    assert set(scores.groupby("row").size()) == {2}
    p = scores["amine_score"].clip(1e-7, 1 - 1e-7)
    logit = np.log(p / (1 - p)).groupby(scores["row"]).mean()
    train = source.splits["train"]
    rows = source.data.row[train].numpy()
    expected = F.binary_cross_entropy_with_logits(
        torch.tensor(logit.loc[rows].to_numpy()), source.targets(train)[:, 0].double(), reduction="none"
    )
    inner = expected < 3  # scores in the file are rounded near 0 and 1
    torch.testing.assert_close(table[train, 0].double()[inner], expected[inner], atol=1e-3, rtol=1e-3)
    assert inner.float().mean() > 0.7
    others = torch.cat([source.splits["valid"], source.splits["test"]])
    assert table[others].isnan().all()


def test_a_run_that_has_seen_the_items_is_used_with_a_warning(folder: Path) -> None:
    config, source = source_of(folder, reference=str(folder / "one"))
    many = len(source.splits["train"])
    with pytest.warns(UserWarning, match=f"it was trained on {many} of the {many} molecules .* give a run over folds"):
        table = reference_losses(config, source, KLDROLoss(len(source)))
    assert table[source.splits["train"]].isfinite().all()


@pytest.mark.parametrize("loss", ["kl-dro", "cvar-dro", "group-dro"])
def test_a_run_trains_with_the_reference_and_resumes_to_the_same_bytes(folder: Path, loss: str) -> None:
    settings = {**NETWORK, "loss": loss, "reference": str(folder / "folds"), "lr_schedule": "constant", "keep": "last"}
    if loss == "group-dro":
        settings |= {"groups": "label", "items_per_group": 4}
    table = str(folder / "chains.csv")
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        xgraph.train(table, out=str(folder / loss / "whole"), **{**settings, "epochs": 2})
    if loss != "kl-dro":
        return
    xgraph.train(table, out=str(folder / loss / "part"), **settings)
    xgraph.train(out=str(folder / loss / "part"), resume=True, epochs=2)
    xgraph.train(table, out=str(folder / loss / "plain"), **{**settings, "epochs": 2, "reference": None})
    whole, part, plain = (
        (folder / loss / name / "predictions.csv").read_bytes() for name in ("whole", "part", "plain")
    )
    assert whole == part
    assert whole != plain


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"loss": "soap"}, OptionError, "loss 'soap' takes no reference; losses that do: kl-dro, group-dro, cvar-dro"),
        ({"reference": "missing"}, FileNotFoundError, "reference: expected a finished run, but missing has no best"),
    ],
)
def test_what_cannot_be_a_reference_is_refused(
    folder: Path, settings: dict[str, Any], error: type[Exception], message: str
) -> None:
    given = {**NETWORK, "reference": str(folder / "folds"), **settings}
    with pytest.raises(error, match=message):
        xgraph.train(str(folder / "chains.csv"), out=str(folder / "refused"), **given)
    (folder / "other.csv").write_text(CHAINS.replace("amine", "base"))
    with pytest.raises(OptionError, match=r"has not learned 'base'; its tasks are 'amine'"):
        xgraph.train(str(folder / "other.csv"), **{**NETWORK, "reference": str(folder / "folds")})
