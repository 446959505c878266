"""Live progress bars on a terminal; they need neither torch nor Lightning."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn, TaskID


@contextmanager
def data_progress(enabled: bool) -> Iterator[Callable[[int, int, str], None] | None]:
    """Yield a `progress` callback for the data functions: it shows bars on a terminal, and is None elsewhere."""
    if not enabled or not sys.stderr.isatty():
        yield None
        return
    from rich.markup import escape
    from rich.progress import MofNCompleteColumn

    bar = make_bar(MofNCompleteColumn())
    tasks: dict[str, TaskID] = {}

    def report(done: int, total: int, what: str) -> None:
        if what not in tasks:
            tasks[what] = bar.add_task(escape(what), total=total or None)
        bar.update(tasks[what], completed=done, total=total or None)

    with bar:
        yield report


def make_bar(note: "str | ProgressColumn") -> "Progress":
    """Create a progress bar on stderr that shows a note and the time left."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    last = TextColumn(note) if isinstance(note, str) else note
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=None), last)
    left = TimeRemainingColumn(compact=True, elapsed_when_finished=True)
    return Progress(*columns, left, console=Console(stderr=True), refresh_per_second=4, expand=True)
