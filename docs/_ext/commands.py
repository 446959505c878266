"""The command reference: Markdown from the same options as the command's help, for ``reference/commands.md``."""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import typer

from xgraph.cli.app import app as xgraph_app
from xgraph.cli.catalogue import Part, load_catalogue
from xgraph.cli.descriptions import descriptions
from xgraph.cli.help.options import meaning, term
from xgraph.cli.parts import KINDS, example, facts

FOLDER = "reference/generated"
_FLAG = re.compile(r"(?<![\w-])--[a-zA-Z][\w-]*")
_SPECIAL = re.compile(r"([\\*_\[\]<>$|#~])")
_LINK = re.compile(r"(https?://\S+?)(?=[.,;)]?(?:\s|$))")


def setup(app: Any) -> dict[str, Any]:
    """Write the pieces of the page before it is read."""
    app.connect("builder-inited", lambda app: write(Path(app.srcdir) / FOLDER))
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def write(folder: Path) -> None:
    """Write the pieces that have changed."""
    folder.mkdir(parents=True, exist_ok=True)
    known = load_catalogue()
    pieces = {
        "commands": "\n".join(command_page()),
        "losses": "\n".join(part_page("loss", known.losses.values(), "###")),
        "models": "\n".join(model_page(known.models)),
    }
    for name, text in pieces.items():
        path = folder / f"{name}.md"
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def command_page() -> Iterator[str]:
    """One section per command: usage, description, options by group."""
    root: Any = typer.main.get_command(xgraph_app)
    of_train: set[tuple[str, str]] = set()  # `xgraph search` takes them too, and refers to them
    for words, command, context in _walk(root, typer.Context(root, info_name="xgraph")):
        yield f"## {words}\n"
        yield f"```text\n{words} {' '.join(command.collect_usage_pieces(context))}\n```\n"
        for paragraph in (command.help or "").split("\n\n"):
            yield f"{prose(' '.join(paragraph.split()))}\n"
        if details := getattr(command, "details", ""):
            yield f"{prose(details)} The options of each are listed under [losses](#losses) and [models](#models).\n"
        for title, rows in command.all_rows(context).items():
            repeated = of_train if words == "xgraph search" else ()
            kept = [row for row in rows if "--help" not in row[0] and row not in repeated]
            of_train |= set(kept) if words == "xgraph train" else set()
            if kept:
                yield f"**{title}**\n"
                yield from definitions(kept)


def part_page(part: str, known: Iterable[Part], level: str) -> Iterator[str]:
    """One section per loss or model: what it is, its paper, its options, an example."""
    for one in known:
        about = descriptions()[part][one.name]
        yield f"{level} {one.name}\n"
        yield f"{prose(about.text)}\n"
        rows = [("optimises", about.summary)] if part == "loss" else []
        for key, value in [*rows, *facts(part, one)]:
            link = f" {_linked(about.link)}" if key == "paper" and about.link else ""
            yield f"- {key}: {prose(value)}{link}"
        yield f"- Python: {{py:class}}`{one.python}`\n"
        yield f"```text\n{example(part, one)}\n```\n"
        yield from definitions([(term(option, True), meaning(option, True)) for option in one.options])


def model_page(models: Mapping[str, Part]) -> Iterator[str]:
    """The models, by what they are for."""
    for kind, (noun, _) in KINDS.items():
        yield f"### Models for {noun}\n"
        yield from part_page("model", (one for one in models.values() if one.kind == kind), "####")


def definitions(rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Names with their texts."""
    for name, text in rows:
        yield f"`{name}`\n: {prose(text)}\n"


def prose(text: str) -> str:
    """Plain text as Markdown: options and what stands in backticks become code, all else is taken literally."""
    pieces = text.split("`")
    for number in range(0, len(pieces), 2):
        words = _LINK.split(pieces[number])
        words[::2] = [_FLAG.sub(r"`\g<0>`", _SPECIAL.sub(r"\\\1", word)) for word in words[::2]]
        words[1::2] = map(_linked, words[1::2])
        pieces[number] = "".join(words)
    return "".join(f"`{piece}`" if number % 2 else piece for number, piece in enumerate(pieces))


def _linked(address: str) -> str:
    return f"<{address}>"


def _walk(command: Any, context: Any) -> Iterator[tuple[str, Any, Any]]:
    """All commands below one, with their names and contexts."""
    for name in command.list_commands(context):
        one = command.get_command(context, name)
        own = typer.Context(one, info_name=name, parent=context)
        if hasattr(one, "list_commands"):
            yield from _walk(one, own)
        else:
            yield own.command_path, one, own
