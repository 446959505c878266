"""Reports on runs: their figures are those of metrics.json, and nothing that users name can change the page."""

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from sklearn.metrics import average_precision_score, brier_score_loss

import xgraph
from xgraph.cli import main
from xgraph.reports.measures.calibration import calibration
from xgraph.reports.measures.curves import Samples, interval
from xgraph.reports.measures.paired import bootstrap
from xgraph.reports.predictions import Predictions
from xgraph.reports.sections import SECTIONS
from xgraph.reports.sections.calibration import advice
from xgraph.reports.source import Source
from xgraph.reports.write import write_report
from xgraph.training.config.build import build_config
from xgraph.training.scoring.sweep import sweep

HOSTILE = '<script>alert(1)</script> "quoted" 🧪 עברית'
SMALL = {"hidden_channels": 8, "num_layers": 2, "epochs": 2, "pretrain_epochs": 1, "batch_size": 16}
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class Page(HTMLParser):
    """The tags of a page, and the exact values of its numbers."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.values: list[float] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        named = dict(attrs)
        self.links += [named[name] for name in ("src", "href", "xlink:href") if named.get(name)]
        if "data-value" in named:
            self.values.append(float(named["data-value"]))


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs on a table whose names are hostile."""
    folder = tmp_path_factory.mktemp("reports")
    header = f'smiles,"{HOSTILE.replace(chr(34), chr(34) * 2)}"\n'
    rows = [f"{'C' * n}{end},{int(end == 'N')}" for n in range(1, 30) for end in "OCN"]
    (folder / "a<b>.csv").write_text(header + "\n".join(rows), encoding="utf-8")
    for seed in (0, 1):
        xgraph.train(
            folder / "a<b>.csv", split="random", seed=0, out=folder / f"run{seed}",
            baseline=seed == 0, lr=0.01 * (1 + seed), **SMALL,
        )  # fmt: skip
    return folder


def test_the_page_is_one_file_without_network_or_foreign_markup(runs: Path) -> None:
    text = xgraph.report(runs / "run0").read_text(encoding="utf-8")
    page = Page(text)
    assert page.tags.count("script") == 1
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert all(link.startswith("#") or link.startswith("data:") for link in page.links)
    assert not re.search(r"url\((?!#)|@import", text)
    assert len(text) < 3_000_000


def test_every_metric_is_on_the_page(runs: Path) -> None:
    shown = Page(xgraph.report(runs / "run0").read_text(encoding="utf-8")).values
    metrics = json.loads((runs / "run0/metrics.json").read_text())
    for part in ("valid", "test"):
        for who in (metrics, metrics["baseline"]):
            for name, value in who[part].items():
                assert value is None or value in shown, (part, name)
        for value in metrics["details"][part]["at_threshold"].values():
            assert value in shown


def test_the_report_is_the_same_each_time(runs: Path, tmp_path: Path) -> None:
    one, two = (xgraph.report(runs / "run0", tmp_path / name).read_bytes() for name in ("a.html", "b.html"))
    assert one == two


def test_several_runs_are_compared(runs: Path) -> None:
    file, left_out = write_report([runs / "run0", runs / "run1"])
    assert (file.name, left_out) == ("comparison.html", [])
    shown = Page(file.read_text(encoding="utf-8")).values
    values = [json.loads((runs / run / "metrics.json").read_text())["test"]["ap"] for run in ("run0", "run1")]
    assert all(value in shown for value in values)
    mean = np.mean([Source(runs / run).scores("test").scores[:, 0] for run in ("run0", "run1")], axis=0)
    labels = Source(runs / "run0").scores("test").labels[:, 0]
    assert any(abs(value - average_precision_score(labels, mean)) < 1e-12 for value in shown)


def test_a_run_over_seeds_shows_each_of_them_and_their_mean_score(runs: Path, tmp_path: Path) -> None:
    run = xgraph.train(runs / "a<b>.csv", split="random", seeds=2, out=tmp_path / "run", **SMALL)
    file, left_out = write_report(run)
    text = file.read_text(encoding="utf-8")
    shown = Page(text).values
    ensemble = run.metrics["ensemble"]["test"]["ap"]
    assert all(value in shown for value in (*(one.metrics["test"]["ap"] for one in run.seeds), ensemble))
    assert "over 2 seeds" in text
    assert "Seeds" in re.findall(r"<h2[^>]*>([^<]*)", text)
    assert not [one for one in left_out if one.what == "curves of training"]


def test_of_many_predictions_the_figures_are_exact_and_few_points_are_drawn(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(runs / "run0", tmp_path / "run")
    random, count = np.random.default_rng(0), 100_000
    table = pd.read_csv(tmp_path / "run/predictions.csv")
    table = table[table["split"] == "test"].sample(count, replace=True, random_state=0, ignore_index=True)
    label, score = table.columns[-2:]
    table[label] = (random.random(count) < 0.1).astype(int)
    table[score] = 1 / (1 + np.exp(2 - table[label] - random.normal(size=count)))
    table.to_csv(tmp_path / "run/predictions.csv", index=False)
    read: list[int] = []
    texts = Predictions.texts
    monkeypatch.setattr(
        Predictions, "texts", lambda self, column, rows: read.append(len(rows)) or texts(self, column, rows)
    )
    text = xgraph.report(tmp_path / "run").read_text(encoding="utf-8")
    shown = Page(text).values
    y, p = table[label].to_numpy(float), table[score].to_numpy()
    for exact in (brier_score_loss(y, p), calibration(y, p).error):
        assert any(abs(value - exact) < 1e-12 for value in shown)
    at = json.loads((tmp_path / "run/metrics.json").read_text())["details"]["valid"]["tasks"][HOSTILE]["threshold"]
    assert f"{((p >= at) & (y == 1)).sum():,}" in text  # in the figure of decisions
    assert len(re.findall(r"[ML] -?[\d.]+ ", text)) < 5_000
    assert 0 < sum(read) < 1_000


def test_runs_over_the_same_seeds_are_compared_seed_by_seed(runs: Path, tmp_path: Path) -> None:
    several = [
        xgraph.train(runs / "a<b>.csv", split="random", seeds=3, lr=lr, out=tmp_path / f"{lr}", **SMALL)
        for lr in (1e-05, 0.1)
    ]
    file, _ = write_report(several, tmp_path / "page.html")
    text = file.read_text(encoding="utf-8")
    assert "3 seeds (t)" in text
    assert "of the mean score of seeds" in text
    one, other = (np.array([seed.metrics["test"]["ap"] for seed in run.seeds]) for run in (several[1], several[0]))
    away = one - other
    assert away.std() > 0
    half = scipy.stats.t.ppf(0.975, 2) * away.std(ddof=1) / 3**0.5
    shown = Page(text).values
    for value in (away.mean(), away.mean() - half, away.mean() + half):
        assert any(abs(value - own) < 1e-12 for own in shown)


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"loss": "bce"}, None),
        ({}, "larger share of positives than the data"),
        ({"loss": "soap"}, "soap does not train for probabilities"),
        ({"dataset": "cora", "loss": "ce"}, None),
    ],
)
def test_what_keeps_scores_from_being_probabilities_is_said(
    settings: dict[str, str], text: str | None, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = Source(runs / "run0")
    monkeypatch.setattr(source, "config", build_config({"dataset": "nci-pains", **settings}))
    assert [text in block.text for block in advice(source)] == ([] if text is None else [True])


def test_what_a_run_lacks_is_said(runs: Path, tmp_path: Path) -> None:
    shutil.copytree(runs / "run0", tmp_path / "run")
    for name in ("predictions.csv", "metrics.csv"):
        (tmp_path / "run" / name).unlink()
    metrics = json.loads((tmp_path / "run/metrics.json").read_text())
    (tmp_path / "run/metrics.json").write_text(
        json.dumps({name: value for name, value in metrics.items() if name not in ("details", "train_labels")})
    )
    text = xgraph.report(tmp_path / "run").read_text(encoding="utf-8")
    for what in ("curves of training", "curves of the ranking", "warnings of the run"):
        assert f"<b>{what}</b>" in text
    assert "Overview" in text


def test_a_failing_section_costs_only_itself(runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(source: Source) -> None:
        raise RuntimeError("no ink")

    monkeypatch.setitem(SECTIONS, "training", fail)
    file, left_out = write_report(runs / "run0", tmp_path / "page.html")
    assert ("training", "RuntimeError: no ink") in [(one.what, one.why) for one in left_out]
    assert "Ranking" in file.read_text(encoding="utf-8")


def test_the_command(runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(runs / "run0"), "-o", str(tmp_path / "page.html")]) == 0
    assert f"report: {tmp_path / 'page.html'}" in capsys.readouterr().out
    assert main(["report", str(tmp_path)]) == 1
    assert "is not a run directory" in capsys.readouterr().err
    assert main(["report", str(runs / "run0"), "-o", str(tmp_path / "no/page.html")]) == 1
    assert "there is no folder" in capsys.readouterr().err


def test_training_ends_with_a_report_and_does_not_fail_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], runs: Path
) -> None:
    words = ["train", str(runs / "a<b>.csv"), "--model", "forest", "--split", "random"]
    assert main([*words, "--report", "--out", str(tmp_path / "one")]) == 0
    assert (tmp_path / "one/report.html").is_file()

    def fail(*_: object) -> None:
        raise RuntimeError("no pen")

    monkeypatch.setattr("xgraph.reports.write.write_report", fail)
    capsys.readouterr()
    assert main([*words, "--report", "--out", str(tmp_path / "two")]) == 0
    assert "its report was not written (no pen); `xgraph report" in capsys.readouterr().err
    assert main([*words, "--no-report", "--out", str(tmp_path / "three")]) == 0
    assert not (tmp_path / "three/report.html").exists()


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
@pytest.mark.parametrize("width", [1280, 390])
def test_a_browser_shows_it_without_error_or_horizontal_scroll(runs: Path, tmp_path: Path, width: int) -> None:
    text = xgraph.report(runs / "run0").read_text(encoding="utf-8")
    probe = """<script>
      window.onerror = (message) => { document.documentElement.dataset.error = message; };
      window.addEventListener("load", () => {
        const own = document.documentElement;
        document.querySelectorAll("th button").forEach((one) => one.click());
        parent.postMessage([own.scrollWidth, own.clientWidth, own.dataset.error || ""].join("|"), "*");
      });</script></head>"""
    (tmp_path / "inner.html").write_text(text.replace("</head>", probe, 1), encoding="utf-8")
    (tmp_path / "outer.html").write_text(
        f'<iframe src="inner.html" width="{width}" height="900" style="border:0"></iframe>'
        "<script>window.addEventListener('message', (e) => { document.title = e.data; });</script>"
    )
    command = [
        str(CHROMIUM),
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--hide-scrollbars",
        f"--user-data-dir={tmp_path / 'profile'}",
    ]
    command += ["--window-size=1400,1000", "--virtual-time-budget=4000", "--dump-dom", f"file://{tmp_path}/outer.html"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert "<title>" in done.stdout, done.stderr[-500:]
    scroll, client, error = done.stdout.split("<title>")[1].split("</title>")[0].split("|")
    assert error == ""
    assert int(scroll) <= int(client) == width


def test_calibration_agrees_with_scikit_learn() -> None:
    random = np.random.default_rng(0)
    p = random.random(500)
    y = (random.random(500) < p).astype(float)
    assert calibration(y, p).brier == pytest.approx(brier_score_loss(y, p))


def test_the_bootstrap_surrounds_the_metric() -> None:
    random = np.random.default_rng(0)
    y = (random.random(400) < 0.2).astype(float)
    s = random.normal(size=400) + y
    swept = sweep(y, s)
    assert swept is not None
    low, high = interval(Samples(swept).average_precision())
    assert low < average_precision_score(y, s) < high
    draws, exact = bootstrap(y[:, None], [s[:, None], -s[:, None]])
    assert exact[0, 0] == pytest.approx(average_precision_score(y, s))
    assert exact[1, 0] == pytest.approx(average_precision_score(y, -s))
    assert np.quantile(draws[:, 0, 0] - draws[:, 1, 0], 0.025) > 0
