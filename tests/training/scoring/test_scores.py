import math
import socket
import sys
import threading

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from xgraph.training.scoring.metrics import METRICS
from xgraph.training.scoring.scores import score_split


def test_ogbs_evaluator_runs_quietly_and_offline(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    rng = np.random.default_rng(0)
    y = (rng.random((200, 1)) < 0.2).astype(np.float32)
    logits = rng.normal(size=(200, 1)) + y
    before = threading.active_count()
    values = score_split("ogbg-molhiv", y, logits)
    assert set(values) == {*METRICS, "ogb_rocauc"}
    assert values["ogb_rocauc"] == pytest.approx(roc_auc_score(y[:, 0], logits[:, 0]))
    assert values["ogb_rocauc"] == pytest.approx(values["roc_auc"])
    assert threading.active_count() == before
    assert capfd.readouterr() == ("", "")
    assert sys.modules.get("outdated", sys) is not None


def test_other_data_sets_do_not_import_ogb() -> None:
    loaded = "ogb" in sys.modules
    assert set(score_split("bace", np.array([[0.0], [1.0]]), np.array([[0.0], [1.0]]))) == set(METRICS)
    assert ("ogb" in sys.modules) == loaded


def test_scores_with_one_class_are_nan() -> None:
    values = score_split("ogbg-molhiv", np.ones((3, 1)), np.ones((3, 1)))
    assert all(math.isnan(value) for value in values.values())
