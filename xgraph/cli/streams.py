"""Standard input of commands that read a table."""

import sys

import typer


def keep_input() -> str:
    """Keep standard input as a file in the data root, so that a run can be resumed, and return its path."""
    if sys.stdin.isatty():
        raise typer.BadParameter("- is standard input, but nothing is piped to it")
    from xgraph.data.storage.root import root
    from xgraph.data.tables.stream import keep_stream

    path = keep_stream(sys.stdin.buffer, root() / "standard-input")
    sys.stderr.write(f"standard input is kept as {path}, which the run needs to resume\n")
    return str(path)
