"""`xgraph show`: a summary of a run directory, and the commands that go on with it."""

import json
import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from xgraph.cli.help.text import definitions, printable, wrapped
from xgraph.cli.tables import metrics_table

_UNITS = ("bytes", "kB", "MB", "GB", "TB")


def show(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Run directory, finished or not.")],
    all_metrics: Annotated[bool, typer.Option("--all-metrics", help="Show all metrics, not just four.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead.")] = False,
) -> None:
    """Show what a run is: data, model, loss, how far it came, metrics, files, and commands that use it.

    It also works for runs that have not finished, for folds and seeds, pretrained encoders, and runs of older versions.
    """
    from xgraph.cli.insight.summary import summary

    values = summary(run)
    values["commands"] = commands(values)
    if as_json:
        typer.echo(json.dumps(values, indent=2))
        return
    typer.echo(printable(text_of(values, all_metrics=all_metrics)))


def commands(values: dict[str, Any]) -> dict[str, str]:
    """The commands that go on with a run, by what they do; of those that this version has."""
    path, known = shlex.quote(values["run"]), _known()
    single = shlex.quote("/".join([values["run"], *[one["run"] for one in values["members"][:1]]]))
    table = "FILE" if values["kind"] in ("nodes", "bags") else "molecules.csv"
    if values["kind"] == "encoder":
        lines = {"train from it": f"xgraph train DATASET --init {path}"}
        resume = "pretrain"
    else:
        lines = {
            "predict": f"xgraph predict {path} {table} -o predictions.csv",
            "evaluate": f"xgraph evaluate {path}",
            "report": f"xgraph report {path}",
            "explain": f"xgraph explain {path} {table}",
            "export": f"xgraph export {single} --state-dict weights.pt",
        }
        resume = "train"
    again = f"xgraph {resume} --resume --out {path}"
    if values["state"] == "finished":
        more = {"train longer": f"{again} --epochs N"} if values["epochs"] is not None else {}
    else:
        more = {"resume": again} if values["state"] == "interrupted" else {}
        lines = {} if not _usable(values) else lines
    return {what: line for what, line in {**lines, **more}.items() if line.split()[1] in known}


def text_of(values: dict[str, Any], *, all_metrics: bool = False) -> str:
    """The summary as text."""
    facts = {
        "run": values["run"],
        "state": _state(values),
        "data": ", ".join(
            filter(
                None,
                [
                    f"{values['data']} ({values['kind']})" if values["kind"] != "encoder" else values["data"],
                    f"split {values['split']}" if values["split"] else "",
                    _tasks(values["tasks"]),
                ],
            )
        ),
        "model": _part(values["model"], values["model_options"]),
        "loss": _loss(values),
        "seed": values["seed"],
        "kept": _kept(values),
        "members": _members(values["members"]),
        "size": f"{_bytes(values['bytes'])} in {values['number_of_files']} files",
    }
    blocks = [
        "\n".join(wrapped(f"{key}: {text}", hanging=len(key) + 2) for key, text in facts.items() if text is not None)
    ]
    metrics = values["metrics"]
    if any(part in metrics for part in ("test", "valid")):
        blocks.append(metrics_table(metrics, all_metrics=all_metrics))
    blocks.append("files:\n" + definitions(values["files"].items()))
    if values["commands"]:
        blocks.append("commands:\n" + "\n".join(f"  {line}" for line in values["commands"].values()))
    return "\n\n".join(blocks)


def _state(values: dict[str, Any]) -> str:
    done, epochs, state = values["epochs_done"], values["epochs"], str(values["state"])
    if values["members"]:
        finished = sum(one["state"] == "finished" for one in values["members"])
        return f"{state}, {finished} of {len(values['members'])} started members finished"
    if done is None or epochs is None:
        return state
    return f"{state}, {done} of {epochs} epochs" + ("" if state != "interrupted" or done else " (within the first one)")


def _kept(values: dict[str, Any]) -> str | None:
    if not values["kept_epoch"]:
        return None
    how = f"the best by {values['metric']} on validation" if values["keep"] == "best" else "the last"
    return f"epoch {values['kept_epoch']}, {how}"


def _tasks(tasks: Any) -> str:
    if not tasks:
        return ""
    names = [str(name) for name in tasks]
    shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    return f"task {shown}" if len(names) == 1 else f"{len(names)} tasks: {shown}"


def _part(name: str, options: dict[str, Any]) -> str:
    inside = ", ".join(f"{key} {value}" for key, value in options.items())
    return f"{name} ({inside})" if inside else name


def _loss(values: dict[str, Any]) -> str | None:
    if values["loss"] is None:
        return None
    before = values["pretrain_epochs"]
    after = f", after {before} epoch{'s' * (before != 1)} of cross-entropy" if before else ""
    return _part(values["loss"], values["loss_options"]) + after


def _members(members: list[dict[str, str]]) -> str | None:
    return ", ".join(f"{one['run']} {one['state']}" for one in members) or None


def _bytes(number: float) -> str:
    unit = 0
    while number >= 1000 and unit < len(_UNITS) - 1:
        number, unit = number / 1000, unit + 1
    return f"{number:.3g} {_UNITS[unit]}" if number < 1000 else f"{number:.0f} {_UNITS[unit]}"


def _usable(values: dict[str, Any]) -> bool:
    """Whether a run that has not finished has kept a model."""
    return "best.ckpt" in values["files"]


def _known() -> set[str]:
    from xgraph.cli.app import app

    return {str(one.name or getattr(one.callback, "__name__", "")) for one in app.registered_commands}
