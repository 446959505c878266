"""Metrics as text: aligned columns that a person and a script can read."""

import math
import shlex
import sys
from collections.abc import Mapping, Sequence
from statistics import mean
from typing import TYPE_CHECKING, Any

from xgraph.cli.help.text import wrapped
from xgraph.cli.insight.sparkline import history_line

if TYPE_CHECKING:
    from xgraph.training import Run


BASELINE = "baseline"
"""Folder of a run that holds the run of its baseline."""

SHOWN = 4
_FIRST = ("accuracy", "ap", "roc_auc", "prc_auc", "ef_1", "rmse", "mae", "r2", "spearman")
_MANY = 20


def metrics_table(metrics: Mapping[str, Any], *, all_metrics: bool = True, also: Sequence[str] = ()) -> str:
    """The content of `metrics.json`: one row per metric, one column per split.

    With folds or seeds, the cells are mean ± deviation.

    The columns of a baseline are named after its model, such as forest_test. Where one of several models was chosen,
    the first columns are its own, and those of the others follow. The columns of an ensemble of seeds are those of
    their mean scores.

    Args:
        metrics: Metrics by split.
        all_metrics: Whether to show all; otherwise the one that chose the epoch, OGB's own, and the usual ones, with
            the share of tied scores if there are any, since they change the area under the precision-recall curve.
        also: Metrics that are shown in any case.
    """
    others = [metrics[name] for name in ("network", BASELINE) if name in metrics]
    splits = [name for name in ("train", "valid", "test") if name in metrics]
    splits = splits or [name for name in metrics if name not in ("network", BASELINE)]
    columns = {split: metrics[split] for split in splits}
    for other in (one for one in others if one["model"] != metrics.get("chosen")):
        columns |= {f"{other['model']}_{split}": other[split] for split in splits if split in other}
    ensemble = metrics.get("ensemble", {})
    columns |= {f"ensemble_{split}": ensemble[split] for split in splits if split in ensemble}
    rows = [["metric", *columns]]
    last = metrics[splits[-1]]
    names = list(last.get("mean", last))
    if not all_metrics:
        by_ogb = [name for name in names if name.startswith("ogb_")]
        wanted = [name for name in (metrics.get("metric"), *by_ogb, *_FIRST) if name in names]
        chosen = [*list(dict.fromkeys(wanted))[:SHOWN], *also]
        if "prc_auc" in chosen and any((values.get("tied") or 0.0) > 0 for values in columns.values()):
            chosen.append("tied")
        names = [name for name in names if name in chosen]
    for name in names:
        cells = []
        for values in columns.values():
            spread = values.get("std")
            value = _number(values.get(name))
            cells.append(value if spread is None else f"{value} ± {_number(spread.get(name))}")
        rows.append([name, *cells])
    return aligned(rows)


def details_text(
    details: Mapping[str, Any] | None, metric: str | None, all_metrics: bool, decided: bool = False
) -> str:
    """Figures of each task, and decisions at the thresholds that the validation part has chosen.

    Args:
        details: The number of tasks with both classes, figures by task, and decisions.
        metric: The metric that chose the epoch.
        all_metrics: Whether to show decisions, calibration, and any number of tasks.
        decided: Whether to show decisions in any case.
    """
    if not details:
        return ""
    tasks, lines = details["tasks"], []
    if (all_metrics or decided) and (decisions := details.get("at_threshold")):
        rows = [[name, _number(value)] for name, value in decisions.items()]
        lines += [aligned([["at the threshold with the best F1 on the validation part", ""], *rows]), ""]
    if all_metrics and (known := details.get("calibration")):
        titles = {
            "brier": "Brier score",
            "ece": f"calibration error ({known['bins']:g} bins)",
            "coverage": f"coverage of sets at alpha = {known.get('alpha', 0):g}",
            "coverage_0": "coverage of class 0",
            "coverage_1": "coverage of class 1",
            "set_size": "classes per set",
        }
        rows = [[title, _number(known[name])] for name, title in titles.items() if name in known]
        lines += [aligned([["how far scores are probabilities", ""], *rows]), ""]
    if all_metrics and (known := details.get("intervals")):
        title = f"intervals at alpha = {known['alpha']:g}"
        rows = [[name, _number(known.get(name))] for name in ("coverage", "width")]
        lines += [aligned([[title, ""], *rows]), ""]
    if len(tasks) > 1 and "tasks_with_both_classes" not in details:
        shown = list(dict.fromkeys([*([metric] if metric else []), "rmse", "mae", "r2", "spearman"]))
        rows = [[name, str(one["numbers"]), *(_number(one.get(key)) for key in shown)] for name, one in tasks.items()]
        lines.append(f"means over the {len(tasks)} targets")
        if all_metrics or len(tasks) <= _MANY:
            lines += ["", aligned([["target", "numbers", *shown], *rows])]
    elif len(tasks) > 1:
        wanted = dict.fromkeys([*([metric] if metric else []), "ap", "roc_auc"])
        shown = [key for key in wanted if any(key in one for one in tasks.values())]
        one_of, several = ("class", "classes") if metric == "accuracy" else ("task", "tasks")
        rows = [
            [name, *map(str, counts), *(_number(one.get(key)) for key in shown)]
            for name, one in tasks.items()
            if (counts := (one["positives"], one["positives"] + one["negatives"]))
        ]
        lines.append(
            f"means over {details['tasks_with_both_classes']} of {len(tasks)} {several} (those with both labels)"
        )
        if all_metrics or len(tasks) <= _MANY:
            lines += ["", aligned([[one_of, "positives", "labels", *shown], *rows])]
    return "\n".join(lines).rstrip("\n")


def constraints_text(constraints: Mapping[str, Any] | None) -> str:
    """The constraints of a run: their values and multipliers at the end of training, and the kept model in each part.

    Args:
        constraints: The entry of `metrics.json`.
    """
    lines = []
    if retained := (constraints or {}).get("retain"):
        parts = [part for part in ("train", "valid", "test") if part in retained[0]]
        rows = [
            [one["task"], _number(one["value"]), _number(one["multiplier"])]
            + [_number(one[part][when]) for part in parts for when in ("before", "after")]
            for one in retained
        ]
        titles = [f"{part}_{when}" for part in parts for when in ("before", "after")]
        lines += [aligned([["retained task", "rise", "multiplier", *titles], *rows]), ""]
        about = "rise: of the mean training loss, tracked until the end; before and after: the mean losses in each part"
        lines += [about, ""]
    if fair := (constraints or {}).get("fair"):
        lines += _fair_lines(fair)
    return "\n".join(lines).rstrip("\n")


def _fair_lines(fair: Mapping[str, Any]) -> list[str]:
    """The constraints on the rates of groups, and how the groups differ in each part."""
    lines: list[str] = []
    if known := fair.get("constraints"):
        rows = [[one["task"], one["rate"], _number(one["value"]), _number(one["multiplier"])] for one in known]
        lines += [aligned([["task", f"equal for {fair['column']}", "violation", "multiplier"], *rows[:_MANY]]), ""]
    names, shown = ("statistical_parity", "equal_opportunity", "roc_gap"), fair["groups"][:4]
    rows = [
        [task, part, *(_number(one[name]) for name in names), *(_number(one["groups"][g]["roc_auc"]) for g in shown)]
        for part in ("valid", "test")
        for task, one in list(fair.get(part, {}).items())[:_MANY]
    ]
    titles = [*names, *(f"roc_auc of {group}" for group in shown)]
    return [*lines, aligned([["task", "part", *titles], *rows]), ""]


def ties_text(details: Mapping[str, Any] | None) -> str:
    """The table of `--ties`; empty without it."""
    if not details or "ties" not in details:
        return ""
    rows = [[str(row["scores"]), *(_number(row[key]) for key in list(row)[1:])] for row in details["ties"]]
    return aligned([["scores", "tied", "ap", "prc_auc", "prc_auc from 1"], *rows])


def closing_lines(run: "Run", demo: bool = False) -> list[str]:
    """Return the lines after the table of metrics.

    Args:
        run: The finished run.
        demo: Whether this is `xgraph train` without arguments, after which one's own table comes next.
    """
    from xgraph.data import list_cards

    config = run.config
    card = {card.name: card for card in list_cards()}.get(config.dataset)
    lines = []
    if card is not None and card.label_meaning and config.target_columns in (None, card.target_columns):
        lines.append(_line("label", card.label_meaning))
    lines += [_line("random ranking", text) for text in _random_ranking(run.metrics)]
    lines += pretrained_lines(run.metrics.get("pretrained", {}))
    chosen = _about_choice(run.metrics)
    lines += [_line("chosen", chosen)] if chosen else [_line(BASELINE, text) for text in _about_baseline(run)]
    metric = run.metrics.get("metric")
    if sys.stdout.isatty() and (curve := history_line(run.path, metric)):
        lines.append(f"valid {metric}: {curve}")
    lines.append(f"run: {run.path}")
    if demo:
        lines.append(f"next: xgraph predict {shlex.quote(str(run.path))} molecules.csv -o predictions.csv")
        lines.append("      scores molecules of your own; `xgraph train your.csv` trains on your own labels")
    return lines


def pretrained_lines(seen: Mapping[str, Any]) -> list[str]:
    """Return what is said beside figures of models that use a pretrained encoder, as `seen_by` does."""
    from xgraph.data.cards.pretrained import sentences

    return [_line("pretrained", text) for text in sentences(seen)]


def _random_ranking(metrics: Mapping[str, Any]) -> list[str]:
    """What a random ranking of the last part that was scored would reach; nothing where it is not known."""
    from xgraph.training.config.folds import single_runs

    runs = single_runs(metrics)
    part = next((name for name in ("test", "valid") if name in metrics), None)
    rates = [run["positive_rate"][part] for run in runs if part in run.get("positive_rate", {})]
    known = [rate for rate in rates if not math.isnan(rate)]
    if not known:
        return []
    return [f"ap {mean(known):.4f} (the share of positives in {part}), roc_auc 0.5"]


def _about_baseline(run: "Run") -> list[str]:
    """What the baseline is, and whether it is ahead on the validation part; nothing for a run without one."""
    baseline = run.metrics.get("baseline")
    if not baseline:
        return []
    if "skipped" in baseline:
        return [f"none ({baseline['skipped']})"]
    model, text = baseline["model"], baseline["about"]
    if "valid" not in baseline:
        return [text]
    from xgraph.training.config.folds import single_runs

    metric = single_runs(run.metrics)[0]["metric"]
    folds = baseline.get("folds")
    ahead = baseline["ahead_in"] > folds / 2 if folds else baseline["ahead"]
    values = f"{metric} {_number(baseline['valid'].get(metric))} against {_number(run.metrics['valid'].get(metric))}"
    where = f" in {baseline['ahead_in']} of {folds} {_members(run.metrics)}" if folds else ""
    if not ahead:
        return [f"{text}; on validation it is {f'ahead{where}' if folds else 'not ahead'} ({values})"]
    how = "" if folds else f"predict with it (xgraph predict {shlex.quote(str(run.path / BASELINE))} FILE), "
    more = f"let --model auto choose, or train a larger one with --model {model}"
    return [f"{text}; it is ahead on validation{where} ({values}): {how}{more}"]


def _members(metrics: Mapping[str, Any]) -> str:
    """What the single runs of a run are."""
    if "folds" not in metrics:
        return "seeds"
    return "runs" if "seeds" in metrics["folds"][0] else "folds"


def _about_choice(metrics: Mapping[str, Any]) -> str:
    """Which model was kept, if one was chosen, and by what."""
    chosen = metrics.get("chosen")
    if not chosen:
        return ""
    if isinstance(chosen, list):
        counts = {name: chosen.count(name) for name in sorted(set(chosen))}
        which = ", ".join(f"{name} in {count}" for name, count in counts.items())
        return f"in each of the {_members(metrics)} by validation: {which}"
    values = ", ".join(f"{name} {_number(value)}" for name, value in metrics["choice"].items())
    skipped = metrics[BASELINE].get("skipped")
    return f"{chosen}, by {metrics['metric']} on validation ({values})" + (f"; no baseline: {skipped}" * bool(skipped))


def _line(key: str, text: str) -> str:
    return wrapped(f"{key}: {' '.join(text.split())}", hanging=len(key) + 2)


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Lines with aligned columns, the first to the left, the others to the right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        lines.append("  ".join([row[0].ljust(widths[0]), *cells]))
    return "\n".join(lines)


def _number(value: float | None) -> str:
    return "-" if value is None or value != value else f"{value:.4f}"
