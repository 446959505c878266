"""`xgraph.report`: a report on runs as one HTML file."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from xgraph.reports.comparison import COMPARISONS, Comparison
from xgraph.reports.page.blocks import LeftOut, Section
from xgraph.reports.page.render import render
from xgraph.reports.sections import ENCODER_SECTIONS, SECTIONS
from xgraph.reports.source import Source
from xgraph.training import Run
from xgraph.training.files.writing import write_text

REPORT, COMPARISON = "report.html", "comparison.html"
"""Names of the reports on one run and on several."""


def report(runs: str | Path | Run | Sequence[str | Path | Run], out: str | Path | None = None) -> Path:
    r"""Write a report on a run, or compare several, as one HTML file that needs no network.

    The page has curves of training, precision-recall and ROC curves with bootstrap bands, the distribution and
    calibration of the scores, and tables of tasks and folds. What a run lacks is listed at its end, with the reason.
    Several runs are shown side by side, with paired differences and their ensemble.

    Args:
        runs: A finished run or its directory, or several.
        out: The file to write; by default ``report.html`` in the run directory, or for several runs
            ``comparison.html`` in the folder that holds the first one.

    Returns:
        The path of the report.

    Raises:
        FileNotFoundError: If a run is missing or has not finished.
        ValueError: If there is no run.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> import xgraph
        >>> folder = Path(tempfile.mkdtemp())
        >>> rows = [f"{'C' * n}{end},{int(end == 'N')}" for n in range(1, 20) for end in "OCN"]
        >>> _ = (folder / "amines.csv").write_text("smiles,amine\n" + "\n".join(rows))
        >>> run = xgraph.train(folder / "amines.csv", model="forest", split="random", out=folder / "run")
        >>> xgraph.report(run).name
        'report.html'
    """
    return write_report(runs, out)[0]


def write_report(
    runs: str | Path | Run | Sequence[str | Path | Run], out: str | Path | None = None
) -> tuple[Path, list[LeftOut]]:
    """Write a report as `report` does, and return its path and what it leaves out."""
    given = [runs] if isinstance(runs, str | Path | Run) else list(runs)
    if not given:
        raise ValueError("runs: expected at least one run directory, got none")
    sources = [Source(one.path if isinstance(one, Run) else one) for one in given]
    first = sources[0].path
    usual = first / REPORT if len(sources) == 1 else first.resolve().parent / COMPARISON
    file = usual if out is None else Path(out)
    if file.is_dir():
        raise IsADirectoryError(f"out: {file} is a folder; expected the name of an HTML file")
    if not file.parent.is_dir():
        raise FileNotFoundError(f"out: there is no folder {file.parent} to write {file.name} to")
    text, left_out = _page_of_run(sources[0]) if len(sources) == 1 else _page_of_runs(sources)
    write_text(file, text)
    return file, left_out


def _page_of_run(source: Source) -> tuple[str, list[LeftOut]]:
    """Return the page about one run, and what it leaves out."""
    sections = _made(ENCODER_SECTIONS if source.is_encoder else SECTIONS, source, source.left_out)
    title = f"{source.title} on {source.dataset}" if not source.is_encoder else f"Pretrained encoder {source.title}"
    return render(title, sections, subtitle=source.path.resolve().name, left_out=source.left_out), source.left_out


def _page_of_runs(sources: Sequence[Source]) -> tuple[str, list[LeftOut]]:
    """Return the page that compares runs, and what it leaves out."""
    comparison = Comparison(sources)
    sections = _made(COMPARISONS, comparison, comparison.left_out)
    names = list(dict.fromkeys(source.dataset for source in sources))
    title = (
        f"{len(sources)} runs on {names[0]}" if len(names) == 1 else f"{len(sources)} runs on {len(names)} data sets"
    )
    return render(title, sections, left_out=comparison.left_out), comparison.left_out


def _made(sections: Mapping[str, Callable[[Any], Section | None]], of: Any, left_out: list[LeftOut]) -> list[Section]:
    """Return the sections that apply. One that fails is listed as left out, with the reason."""
    done: list[Section] = []
    for name, section in sections.items():
        try:
            own = section(of)
        except Exception as error:  # of many types: one section is never worth losing the others for
            reason = " ".join(str(error).split())
            left_out.append(LeftOut(name, f"{type(error).__name__}: {reason}" if reason else type(error).__name__))
            continue
        if own is not None and own.blocks:
            done.append(own)
    return done
