"""Commands whose help is plain text."""

from collections.abc import Iterable, Mapping
from typing import Any

from typer.core import TyperCommand, TyperGroup

from xgraph.cli.help.text import definitions, first_sentence, paragraphs, printable, section, wrapped

OTHER = "Options"
"""The group of options that are in no other."""


class PlainCommand(TyperCommand):
    """A command whose help is plain text, its options in groups (those of `rich_help_panel`)."""

    notes = ""
    """What help ends with."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """The options and arguments in the line on usage."""
        pieces = ["[OPTIONS]"]
        for param in self.get_params(ctx):
            if param.param_type_name == "argument":
                name = param.metavar or str(param.name).upper()
                pieces.append(name if param.required or name.startswith("[") else f"[{name}]")
        return pieces

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help."""
        formatter.write(self.help_text(ctx, own_rows(self, ctx)))

    def all_rows(self, ctx: Any) -> dict[str, list[tuple[str, str]]]:
        """Names and meanings of all arguments and options but those of losses and models, by group."""
        return own_rows(self, ctx)

    def help_text(self, ctx: Any, groups: Mapping[str, Iterable[tuple[str, str]]], *more: str) -> str:
        """Usage, description, groups of options, and more sections."""
        usage = " ".join([ctx.command_path, *self.collect_usage_pieces(ctx)])
        blocks = [wrapped(f"Usage: {usage}", hanging=7), paragraphs(self.help or "")]
        blocks += [section(title, definitions(rows)) for title, rows in groups.items() if rows]
        return printable("\n\n".join(block for block in (*blocks, *more, paragraphs(self.notes)) if block) + "\n")


class PlainGroup(TyperGroup):
    """A command with commands below it, whose help is plain text."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help."""
        usage = " ".join([ctx.command_path, *self.collect_usage_pieces(ctx)])
        commands = {name: self.get_command(ctx, name) for name in self.list_commands(ctx)}
        rows = [(name, first_sentence(" ".join((one.help or "").split()))) for name, one in commands.items() if one]
        blocks = [f"Usage: {usage}", paragraphs(self.help or ""), section("Commands", definitions(rows))]
        blocks += [section(title, definitions(rows)) for title, rows in own_rows(self, ctx).items()]
        blocks.append(wrapped(f"`{ctx.command_path} COMMAND --help` shows the options of a command."))
        formatter.write("\n\n".join(blocks) + "\n")


def own_rows(command: Any, ctx: Any, without: Iterable[Any] = ()) -> dict[str, list[tuple[str, str]]]:
    """Arguments and options of a command as help shows them, by group."""
    groups: dict[str, list[tuple[str, str]]] = {}
    skipped = {id(param) for param in without}
    for param in command.get_params(ctx):
        if id(param) in skipped:
            continue
        if param.param_type_name == "argument":
            name = param.metavar or param.name.upper()
            groups.setdefault("Arguments", []).append((name, param.help or ""))
        elif (record := param.get_help_record(ctx)) is not None:
            term, text = record
            rows = groups.setdefault(getattr(param, "rich_help_panel", None) or OTHER, [])
            rows.append((term, " ".join(text.split())))
    return groups
