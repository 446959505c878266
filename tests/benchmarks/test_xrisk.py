"""The partial-AUC benchmark trains a seed's encoder before its losses."""

import sys

import torch

from benchmarks import xrisk
from benchmarks._jobs import write


def test_losses_follow_their_encoder(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["xrisk", "--dataset", "ogbg-molhiv", "--seeds", "0", "1", "--out", str(tmp_path)])
    options = xrisk.arguments()
    encoders = list(xrisk.jobs(options))
    assert [job.path.name for job in encoders] == ["encoder-0.pt", "encoder-1.pt"]
    encoders[0].path.parent.mkdir()
    write(encoders[0].path, {"settings": encoders[0].settings, "weights": {"w": torch.zeros(1)}})
    names = [job.path.name for job in xrisk.jobs(options)]
    assert names == ["encoder-0.pt", "bce-0.json", "sopa-s-0.json", "sota-s-0.json", "encoder-1.pt"]
    rates = {job.path.stem: job.settings.get("sampling_rate") for job in xrisk.jobs(options)}
    assert (rates["bce-0"], rates["sopa-s-0"]) == (None, 0.25)


def test_metrics_of_a_perfect_ranking():
    perfect = xrisk.metrics({"target": [0, 0, 1, 1], "score": [0.1, 0.2, 0.8, 0.9]})
    assert set(perfect.values()) == {1.0}
