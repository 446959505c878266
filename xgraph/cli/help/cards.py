"""What `xgraph data` shows of a data set."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from xgraph.cli.help.text import paragraphs, wrapped

if TYPE_CHECKING:
    from xgraph.data.cards.schema import Card

_KINDS = {"graph": "molecules", "node": "nodes of a graph", "bag": "bags of instances"}
_MANY = 13
"""Names that are listed in full."""


def table_row(card: Card) -> tuple[str, ...]:
    """The data set in the table of all."""
    if card.num_classes:
        positives = f"{card.num_classes} classes"
    else:
        positives = f"{card.positives} ({_percent(card)})" if card.positives else "-"
    tasks = str(len(card.target_columns))
    return (card.name, card.kind, str(card.items), tasks, positives, card.metric, _presence(card))


def card_text(card: Card, with_files: bool = False) -> str:
    """The data set in full, with its files if asked for."""
    from xgraph.data.storage.root import root

    folds = f" ({card.folds} folds)" if card.folds else ""
    splits = [split + (folds if split == "given" else "") for split in card.splits]
    lines = [f"{card.name}: {card.title}", "", paragraphs(card.description), ""]
    lines += _field("kind", _KINDS[card.kind])
    lines += _field("task", card.task)
    if card.label_meaning:
        lines += _field("label", " ".join(card.label_meaning.split()))
    lines += _field("metric", card.metric)
    for key, value in _counts(card):
        lines += _field(key, value)
    if card.smiles_column:
        lines += _field("SMILES column", card.smiles_column)
    lines += _field("target columns" if card.smiles_column else "targets", *_few(card.target_columns))
    for kind, text in card.pretrained.items():
        lines += _field(f"seen by {kind}", " ".join(text.split()))
    lines += _field("splits", ", ".join(splits) + f"; default {card.splits[0]}")
    lines += _field("origin", card.origin)
    lines += _field("licence", card.licence)
    lines += _field("cite", *card.citation.splitlines())
    lines += _field("in root", f"{_presence(card)} ({root()})")
    if with_files:
        lines += _file_lines(card)
    elif card.files:
        size = sum(file.bytes for file in card.files) / 1e6
        count, several = len(card.files), len(card.files) > 1
        text = f"{count} file{'s' * several}, {size:,.1f} MB; --files lists {'them' if several else 'it'}"
        lines += _field("files", text)
    return "\n".join(lines)


def card_values(card: Card, brief: bool = False) -> dict[str, Any]:
    """The data set as values for JSON: all that its card holds, or the columns of the table of all."""
    values = {**card.model_dump(mode="json"), "in_root": _presence(card)}
    kept = ["name", "kind", "task", "items", "target_columns", "positives", "labels", "metric", "in_root"]
    return {name: values[name] for name in kept} if brief else values


def _counts(card: Card) -> Iterator[tuple[str, str]]:
    """The numbers of items, edges, instances, features, labels and classes."""
    yield {"node": "nodes", "bag": "bags"}.get(card.kind, "items"), f"{card.items:,}"
    for key in ("edges", "instances", "features"):
        if getattr(card, key):
            yield key, f"{getattr(card, key):,}"
    if card.positives:
        yield "positives", f"{card.positives:,} of {card.labels:,} labels ({_percent(card)})"
    elif card.labels:
        yield "labels", f"{card.labels:,}"
    if card.num_classes:
        names = f" ({', '.join(card.class_names)})" if card.class_names else ""
        yield "classes", f"{card.num_classes}{names}"


def _percent(card: Card) -> str:
    return f"{100 * card.positives / card.labels:.2g}%"


def _presence(card: Card) -> str:
    from xgraph.data.storage.root import root

    if card.embedded:
        return "embedded"
    if card.ogb:
        from xgraph.data.cards.ogb_files import is_whole

        try:
            return "yes" if is_whole(card.name) else "no"
        except OSError:
            return "wrong"
    present = sum((root() / file.path).is_file() for file in card.files)
    return "yes" if present == len(card.files) else f"{present} of {len(card.files)} files" if present else "no"


def _field(key: str, *values: str) -> list[str]:
    return [("" if i else key).ljust(16) + wrapped(value, 16)[16:] for i, value in enumerate(values)]


def _few(names: Sequence[str]) -> list[str]:
    """All names if they are few, else the first of them and how many more there are."""
    return [*names] if len(names) <= _MANY else [*names[: _MANY - 1], f"and {len(names) - _MANY + 1} more"]


def _file_lines(card: Card) -> Iterator[str]:
    for file in card.files:
        yield f"\n{file.path}"
        yield from _field("  bytes", f"{file.bytes:,}")
        yield from _field("  sha256", file.sha256)
        yield from _field("  source", file.source_url)
        if file.derive:
            yield from _field("  derived by", file.derive)
        if not file.source_sha256:
            yield from _field("  source sha256", "not recorded; the derived file is checked")
        elif file.source_sha256 != file.sha256:
            yield from _field("  source sha256", file.source_sha256)
