"""`model="auto"`: the network, its baseline or the mean of their ranks."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import rankdata
from sklearn.metrics import average_precision_score

import xgraph
from xgraph.options import OptionError
from xgraph.training.config.build import build_config
from xgraph.training.export.run import export_run
from xgraph.training.fit import baseline, choice
from xgraph.training.fit.train import Interrupted

Train = Callable[..., xgraph.Run]


@pytest.fixture(autouse=True)
def few_trees(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(baseline, "MOST_TREES", 7)


def prefer(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Let validation prefer one of the three."""
    monkeypatch.setattr(choice, "_value", lambda *_: 2.0 if name == "rank mean" else -1.0)
    real = choice.choose

    def choose(config: Any, source: Any, path: Path, metrics: dict[str, Any], **how: Any) -> dict[str, Any]:
        metrics["valid"]["ap"], metrics["baseline"]["valid"]["ap"] = {
            "gine": (1.0, 0.0), "forest": (0.0, 1.0), "rank mean": (0.0, 0.0)
        }[name]  # fmt: skip
        return real(config, source, path, metrics, **how)

    monkeypatch.setattr(choice, "choose", choose)


def of_part(run: str, part: str) -> pd.DataFrame:
    table = pd.read_csv(Path(run) / "predictions.csv")
    return table[table["split"] == part]


def test_the_best_on_validation_is_kept(train: Train) -> None:
    run = train(out="run", model="auto")
    plain = train(out="plain", baseline=True).metrics
    scores = run.metrics["choice"]
    assert list(scores) == ["gine", "forest", "rank mean"]
    assert scores["gine"] == plain["valid"]["ap"]
    assert scores["forest"] == plain["baseline"]["valid"]["ap"]
    valid = [of_part(one, "valid") for one in ("plain", "plain/baseline")]
    ranks = sum(rankdata(one["amine_score"]) for one in valid)
    assert scores["rank mean"] == pytest.approx(average_precision_score(valid[0]["amine"], ranks))
    best = max(scores, key=scores.__getitem__)
    assert (run.metrics["chosen"], run.metrics["valid"]["ap"]) == (best, scores[best])
    assert run.metrics["network"] == {"model": "gine", "valid": plain["valid"], "test": plain["test"]}
    assert run.config.choose
    again = xgraph.train(config="run/config.toml", out="again")
    assert again.metrics == run.metrics


@pytest.mark.parametrize("name", ["gine", "forest", "rank mean"])
def test_the_kept_model_is_the_run(train: Train, monkeypatch: pytest.MonkeyPatch, csv: Path, name: str) -> None:
    prefer(monkeypatch, name)
    run = train(out="run", model="auto", features=["maccs"])
    assert run.metrics["chosen"] == name
    member = {"gine": "run" if name == "gine" else "run/network.ckpt", "forest": "run/baseline"}
    assert Path("run/network.ckpt").exists() == (name != "gine")
    test = of_part("run", "test")
    smiles = list(test["smiles"])
    scores = xgraph.predict("run", smiles)["amine"].to_numpy()
    np.testing.assert_allclose(scores, test["amine_score"], rtol=1e-6)
    assert xgraph.predict("run", smiles[:1])["amine"][0] == pytest.approx(scores[0], rel=1e-6)
    if name == "rank mean":
        expected = np.zeros(len(smiles))
        for one in member.values():
            reference = np.sort(xgraph.predict(one, list(of_part("run", "valid")["smiles"]))["amine"])
            own = xgraph.predict(one, smiles)["amine"].to_numpy()
            low, high = (np.searchsorted(reference, own, side=side) / len(reference) for side in ("left", "right"))
            expected += (low + high) / 2
            inside = (own >= reference[0]) & (own <= reference[-1])
            assert inside.any()
        steps = 1 / len(reference)  # between neighbours ranks are interpolated
        assert np.abs(scores - expected / 2).max() <= steps
        assert np.argmax(scores) in np.flatnonzero(expected == expected.max())
    else:
        np.testing.assert_allclose(scores, xgraph.predict(member[name], smiles)["amine"], rtol=1e-6)
    assert xgraph.evaluate("run") == pytest.approx(
        {k: run.metrics["test"][k] for k in run.metrics["test"]}, nan_ok=True
    )
    assert xgraph.evaluate("run", data=csv)["ap"] > 0
    assert xgraph.predict(["run", "run/baseline"], smiles)["amine_std"].notna().all()
    if name == "gine":
        assert xgraph.embed("run", smiles)["v0"].notna().all()
        assert export_run("run", "model.pt", "state-dict").exists()
    elif name == "forest":
        with pytest.raises(ValueError, match="has no encoder and so no vectors"):
            xgraph.embed("run", smiles)
    else:
        with pytest.raises(ValueError, match=r"has no vectors; those of its network are had with run/network\.ckpt"):
            xgraph.embed("run", smiles)
        assert xgraph.embed("run/network.ckpt", smiles)["v0"].notna().all()
        with pytest.raises(ValueError, match="mean of the ranks of two models, which cannot be exported"):
            export_run("run", "model.pt", "state-dict")
    started = train(out="next", init="run", features=["maccs"])  # from the network
    assert started.metrics["test"]["ap"] > 0


def test_it_resumes(train: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    prefer(monkeypatch, "rank mean")
    expected = train(out="expected", model="auto")
    real = choice.choose

    def stop(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(choice, "choose", stop)
    with pytest.raises(Interrupted):
        train(out="run", model="auto")
    assert "chosen" not in xgraph.Run.open("run").metrics
    monkeypatch.setattr(choice, "choose", real)
    assert xgraph.train(out="run", resume=True).metrics == expected.metrics
    assert xgraph.train(out="run", resume=True).metrics == expected.metrics
    more = xgraph.train(out="run", resume=True, epochs=4).metrics
    assert (more["epochs"], more["chosen"]) == (4, "rank mean")


def test_folds_choose_for_themselves(train: Train) -> None:
    run = train(out="run", model="auto", folds=3)
    assert run.metrics["chosen"] == [fold.metrics["chosen"] for fold in run.folds]
    assert run.metrics["test"]["mean"]["ap"] == pytest.approx(
        np.mean([fold.metrics["test"]["ap"] for fold in run.folds])
    )
    assert xgraph.evaluate("run")["ap"] == pytest.approx(run.metrics["test"]["ap"])
    assert len(xgraph.predict("run", ["CCN"])) == 1


def test_without_a_baseline_the_network_is_kept(train: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(baseline, "MOST_ITEMS", 10)
    run = train(out="run", model="auto")
    assert (run.metrics["chosen"], list(run.metrics["choice"])) == ("gine", ["gine"])


def test_settings(train: Train, csv: Path) -> None:
    config = build_config({"dataset": str(csv), "model": "auto", "hidden_channels": 8})
    assert (config.model, config.choose, config.baseline) == ("gine", True, True)
    assert build_config({}, config.to_dict()) == config
    assert build_config({}, {"dataset": str(csv), "model": {"name": "auto", "num_layers": 2}}).choose
    assert not build_config({"model": "d-mpnn"}, config.to_dict()).choose
    assert build_config({"model": "d-mpnn", "choose": True}, config.to_dict()).choose
    with pytest.raises(OptionError, match="train_on = 'train\\+valid': expected 'train' with the model auto"):
        build_config({"dataset": str(csv), "model": "auto", "train_on": "train+valid", "keep": "last"})
    with pytest.raises(OptionError, match="model = 'auto': model 'forest' is itself fitted in a single step"):
        build_config({"dataset": str(csv), "model": "forest", "choose": True})
    rows = [
        f"{'C' * n}{end},{int(end == 'N')},{'test' if n % 4 == 0 else 'train'}" for n in range(1, 9) for end in "CN"
    ]
    csv.write_text("smiles,amine,set\n" + "\n".join(rows))
    with pytest.raises(ValueError, match="model = 'auto': the model is chosen by validation, but 'chains' has no"):
        xgraph.train(csv, model="auto", split_column="set", keep="last", epochs=1, pretrain_epochs=0)
