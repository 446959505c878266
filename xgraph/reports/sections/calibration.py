"""How scores are distributed, and whether they are probabilities."""

import numpy as np

from xgraph.reports.figures.scores import calibration_curve, distribution
from xgraph.reports.measures.calibration import Calibration, calibration
from xgraph.reports.measures.curves import FloatArray
from xgraph.reports.measures.names import PARTS
from xgraph.reports.measures.rankings import Shown, shown, thresholds
from xgraph.reports.page.blocks import Block, Figure, LeftOut, Section, Table, Text
from xgraph.reports.source import Source
from xgraph.training.config.registry import registry
from xgraph.training.fit.objective import batches_of
from xgraph.training.scoring.calibration import brier_score

MOST_TASKS = 6
"""Tasks that have figures of their own; more are pooled."""


def section(source: Source) -> Section | None:
    """Return the distribution of scores, and the curve of calibration with the Brier score."""
    if source.predicts_numbers:
        return None
    members = shown(source)
    if not members:
        source.left_out.append(LeftOut("distribution and calibration of the scores", "the run has no predictions.csv"))
        return None
    part = members[0].part
    blocks = _of_classes(members) if source.several_classes else _of_tasks(source, members)
    if not blocks:
        why = f"no item of the {PARTS[part]} part has a label"
        source.left_out.append(LeftOut("distribution and calibration of the scores", why))
        return None
    return Section("Scores and calibration", [*blocks, *_facts(source, part), *advice(source)], _note(source, part))


def _of_tasks(source: Source, members: list[Shown]) -> list[Block]:
    labels, scores = _pooled(members)
    names = source.tasks
    each = {} if len(names) > MOST_TASKS else dict(zip(names, zip(labels.T, scores.T, strict=True), strict=True))
    if len(names) != 1:
        each = {"all tasks": (labels.reshape(-1), scores.reshape(-1)), **each}
    curves = {name: calibration(*one) for name, one in each.items() if not np.isnan(one[0]).all()}
    if not curves:
        return []
    y, p = next(iter(each.values()))
    groups = {"negative": p[y == 0], "positive": p[y == 1]}
    at = thresholds(members[0].source)[0] if len(names) == 1 and len(members) == 1 else None
    what = "" if len(names) == 1 else " All tasks together."
    return [
        Figure(
            distribution({name: one for name, one in groups.items() if len(one)}, at),
            f"Scores of the positives and of the negatives, each in percent of its own group.{what}",
        ),
        Figure(
            calibration_curve(dict(list(curves.items())[:1])),
            f"Share of positives among items with a similar score, in bins of equal size, with 95 % intervals.{what}",
        ),
        _table(curves),
    ]


def _of_classes(members: list[Shown]) -> list[Block]:
    labels, scores = _pooled(members)
    known = ~np.isnan(labels).any(axis=1)
    labels, scores = labels[known], scores[known]
    if not len(labels):
        return []
    confidence, right = scores.max(axis=1), labels.argmax(axis=1) == scores.argmax(axis=1)
    one = calibration(right.astype(float), confidence)
    brier = brier_score(labels, scores)
    groups = {"wrong": confidence[~right], "right": confidence[right]}
    x = "score of the predicted class"
    return [
        Figure(
            distribution({name: some for name, some in groups.items() if len(some)}, x=x),
            "Score of the predicted class, for items that are classified rightly and wrongly.",
        ),
        Figure(
            calibration_curve({"all classes": one}, x=x, y="share that is right"),
            "Share of right decisions among items with a similar score, in bins of equal size, with 95 % intervals.",
        ),
        Table(
            ["", "value"],
            [["Brier score, summed over the classes", brier], ["calibration error (bins of equal size)", one.error]],
        ),
    ]


def _table(curves: dict[str, Calibration]) -> Table:
    rows = [[name, one.brier, one.constant, one.error, int(one.items.sum())] for name, one in curves.items()]
    columns = ["task", "Brier score", "of the constant rate", "calibration error (bins of equal size)", "items"]
    caption = "Brier score: mean squared distance between score and label; lower is better"
    return Table(columns, rows, caption=caption)


def _facts(source: Source, part: str) -> list[Block]:
    """Return the figures of calibration and conformal sets in ``metrics.json``."""
    details = source.of_scores.get("details") or source.metrics.get("details") or {}
    known = details.get(part, {}).get("calibration", {})
    if "coverage" not in known:
        why = "the run has no validation part to calibrate on" if known else "the run has no figures of calibration"
        source.left_out.append(LeftOut("coverage of conformal sets", why))
    titles = {
        "brier": "Brier score",
        "ece": f"calibration error ({known.get('bins', 0):g} bins of equal width)",
        "coverage": f"sets that hold the true class (at least {1 - known.get('alpha', 0):.0%} expected)",
        "coverage_0": "the same, of the negatives",
        "coverage_1": "the same, of the positives",
        "set_size": "classes in a set",
    }
    rows = [[title, known[name]] for name, title in titles.items() if name in known]
    caption = f"Conformal sets at alpha = {known.get('alpha', 0):g}, calibrated on the validation part"
    return [Table(["", "value"], rows, caption=caption if "coverage" in known else "")] if rows else []


def advice(source: Source) -> list[Block]:
    """Say what keeps scores from being probabilities."""
    config = source.config
    if "rank mean" in str(source.metrics.get("chosen", "")):
        return [Text("The scores are mean ranks, not probabilities.")]
    if config.fitted:
        return []
    if not registry("loss")[config.loss].one_stage:
        return [Text(f"The loss {config.loss} does not train for probabilities: read the scores as an order.")]
    if batches_of(config, len(source.tasks)) in ("dual", "tri"):
        return [
            Text(
                "The batches had a larger share of positives than the data, so the scores are larger than "
                "probabilities. xgraph predict turns them into probabilities with --calibrate isotonic."
            )
        ]
    return []


def _note(source: Source, part: str) -> str:
    return f"{PARTS[part].capitalize()} part" + (", all folds together." if source.folds else ".")


def _pooled(members: list[Shown]) -> tuple[FloatArray, FloatArray]:
    """Return labels and scores of all folds."""
    labels, scores = (np.concatenate([getattr(one.scores, name) for one in members]) for name in ("labels", "scores"))
    return labels, scores
