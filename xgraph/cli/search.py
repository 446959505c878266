"""`xgraph search`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from xgraph.cli.checks import check_dataset
from xgraph.cli.completion import complete_dataset
from xgraph.cli.help.catalogue_commands import HelpAll, catalogue_options
from xgraph.cli.startup import announce_loading
from xgraph.cli.train import resumable

if TYPE_CHECKING:
    from xgraph.tuning import SearchResult


def search(
    ctx: typer.Context,
    dataset: Annotated[
        str | None,
        typer.Argument(
            metavar="DATASET|PATH",
            help="What to train on, as for `xgraph train`. [default: nci-pains]",
            autocompletion=complete_dataset,
            show_default=False,
        ),
    ] = None,
    vary: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUES",
            help="A setting to vary: values (num_layers=2,3,4) or a range (dropout=0..0.5, lr=1e-4..1e-2:log, "
            "hidden_channels=32..128:step=32). Write a value that is itself a list with +, as in "
            "features=rdkit,rdkit+maccs. Can be repeated.",
            rich_help_panel="Search",
        ),
    ] = None,
    space: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="TOML file with the settings to vary, one key per setting.", rich_help_panel="Search"
        ),
    ] = None,
    trials: Annotated[
        int | None, typer.Option(help="Maximum number of trials. [default: 30]", rich_help_panel="Search")
    ] = None,
    inner_folds: Annotated[
        int | None,
        typer.Option(
            help="Inner folds that each trial is averaged over; 0 uses the data set's own validation set. [default: 5]",
            rich_help_panel="Search",
        ),
    ] = None,
    seeds: Annotated[
        int | None, typer.Option(help="Seeds per inner fold. [default: 1]", rich_help_panel="Search")
    ] = None,
    prune: Annotated[
        bool,
        typer.Option(
            "--prune", help="Stop a trial that falls behind the median of earlier ones.", rich_help_panel="Search"
        ),
    ] = False,
    final: Annotated[
        bool,
        typer.Option(
            "--final",
            help="Train the best settings on training and validation set, and test them.",
            rich_help_panel="Search",
        ),
    ] = False,
    config: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="TOML file with settings, such as config.toml of a run.", rich_help_panel="Run"
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Search directory. [default: a new one in runs/]", rich_help_panel="Run"),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Resume the search in --out.", rich_help_panel="Run")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print search.json of the search, with its path.", rich_help_panel="Run")
    ] = False,
    help_all: HelpAll = False,
) -> None:
    """Choose settings by inner cross-validation; the test set is not touched.

    Options of `xgraph train` set what is not varied. With --fold all, settings are chosen within each fold; adding
    --final makes this nested cross-validation. The search writes trials.csv, and best.toml for `xgraph train --config`.
    """
    check_dataset(dataset)
    announce_loading()
    from xgraph.options import OptionError
    from xgraph.tuning import search as run_search
    from xgraph.tuning.space import read_space

    values = {} if space is None else read_space(space)
    for text in vary or []:
        name, equals, choices = text.partition("=")
        name = name.strip().replace("-", "_")
        if not equals or not choices or not name:
            raise OptionError(f"vary = {text!r}: expected NAME=VALUES, such as lr=1e-4..1e-2:log")
        if name in values:
            raise OptionError(f"vary: {name} was given twice")
        values[name] = choices
    options = {"trials": trials, "inner_folds": inner_folds, "seeds": seeds}
    flags = {"prune": prune or None, "final": final or None}
    paths = {"config": config, "out": out, "resume": resume, "progress": True}
    with resumable("search", "finished trial"):
        result = run_search(dataset, vary=values, **options, **flags, **paths, **catalogue_options(ctx))  # type: ignore[arg-type]
    if as_json:
        from xgraph.tuning.outcome import REPORT

        content = json.loads((result.path / REPORT).read_text(encoding="utf-8"))
        typer.echo(json.dumps({"path": str(result.path), **content}))
    else:
        typer.echo(_text(result))


def _text(result: "SearchResult") -> str:
    from xgraph.cli.tables import aligned, metrics_table, pretrained_lines
    from xgraph.tuning.outcome import BEST_SETTINGS

    lines = []
    if result.nested:
        names = list(next(iter(result.folds.values())).values)
        rows = [["fold", *names, f"valid {result.metric}"]]
        for fold, one in result.folds.items():
            rows.append([str(fold), *(_plain(one.values[name]) for name in names), f"{one.value:.4f}"])
        lines += ["chosen within each fold", aligned(rows)]
    else:
        lines.append(f"best of {result.trials} trials: mean valid {result.metric} {result.value:.4f}")
        lines.append(aligned([[name, _plain(value)] for name, value in result.values.items()]))
        lines.append(f"config: {result.path / BEST_SETTINGS}")
    for name, metrics in result.metrics.items():
        what = {"test": "each seed alone", "seeds_averaged": "scores of the seeds averaged"}[name]
        word = f"nested, mean ± standard deviation over {len(result.folds)} folds" if result.nested else "final"
        several = "seeds_averaged" in result.metrics
        lines += ["", f"{word}{f', {what}' if several else ''}", metrics_table({"test": metrics}, all_metrics=False)]
    seen = ["", *pretrained_lines(result.pretrained)] if result.pretrained else []
    return "\n".join([*lines, *seen, f"search: {result.path}"])


def _plain(value: object) -> str:
    return "none" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)
