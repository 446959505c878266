"""What `xgraph data` shows of a data set."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from xgraph.cli.help.text import paragraphs, wrapped

if TYPE_CHECKING:
    from xgraph.data.cards.schema import Card

_KINDS = {"graph": "molecules", "graphs": "graphs", "node": "nodes of a graph", "bag": "bags of instances"}
_LICENCE = 13
"""Characters of a licence in the table of all."""
_FROM = {
    "embedded": "the package",
    "root": "the root: it is there",
    "mirror": "the mirror (XGRAPH_MIRROR), without a network",
    "network": "its source, through the network",
    "wrong": "its source, after the damaged release is deleted",
}
_MANY = 13
"""Names that are listed in full."""


def by_kind(cards: Sequence[Card]) -> dict[str, list[Card]]:
    """The data sets by what they are, such as "molecules"."""
    groups: dict[str, list[Card]] = {name: [] for name in _KINDS.values()}
    for card in cards:
        groups[_kind(card)].append(card)
    return {name: group for name, group in groups.items() if group}


def table_row(card: Card) -> tuple[str, ...]:
    """The data set in the table of all: what fits into 80 columns."""
    licence = card.licence.split(" (")[0].split(";")[0]
    if len(licence) > _LICENCE:
        licence = licence[: _LICENCE + 1].rsplit(" ", 1)[0]
    return (card.name, _brief_task(card), f"{card.items}", card.metric, licence, _whence(card))


def full_row(card: Card) -> tuple[str, ...]:
    """The data set in the table for other programs."""
    positives = f"{card.positives} ({_percent(card)})" if card.positives else "-"
    size = (card.task, str(card.items), str(card.tasks), positives)
    return (card.name, card.kind, *size, card.metric, card.licence, _whence(card))


def _brief_task(card: Card) -> str:
    """What is predicted, such as "12 binary"."""
    if card.num_classes:
        return f"{card.num_classes} classes"
    word = "numbers" if card.is_regression else "binary"
    return word if card.tasks == 1 else f"{card.tasks} {word}"


def _kind(card: Card) -> str:
    return _KINDS["graphs" if card.kind == "graph" and not card.smiles_column else card.kind]


def _whence(card: Card) -> str:
    from xgraph.data.cards.files import whence

    return whence(card)


def card_text(card: Card, with_files: bool = False) -> str:
    """The data set in full, with its files if asked for."""
    from xgraph.data.storage.root import root

    folds = f" ({card.folds} folds)" if card.folds else ""
    splits = [split + (folds if split == "given" else "") for split in card.splits]
    lines = [f"{card.name}: {card.title}", "", paragraphs(card.description), ""]
    lines += _field("kind", _kind(card))
    lines += _field("task", card.task)
    if card.label_meaning:
        lines += _field("label", " ".join(card.label_meaning.split()))
    lines += _field("metric", card.metric)
    for key, value in _counts(card):
        lines += _field(key, value)
    if card.smiles_column:
        lines += _field("SMILES column", card.smiles_column)
    targets = _few(card.target_columns) or [f"{card.tasks:,}, named as in the release"]
    lines += _field("target columns" if card.smiles_column else "targets", *targets)
    for kind, text in card.pretrained.items():
        lines += _field(f"seen by {kind}", " ".join(text.split()))
    lines += _field("splits", ", ".join(splits) + f"; default {card.splits[0]}")
    lines += _field("origin", card.origin)
    lines += _field("licence", card.licence)
    lines += _field("cite", *card.citation.splitlines())
    lines += _field("in root", f"{_presence(card)} ({root()})")
    lines += _field("from", _FROM[_whence(card)])
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
    values = {**card.model_dump(mode="json"), "tasks": card.tasks, "in_root": _presence(card), "from": _whence(card)}
    kept = ["name", "kind", "task", "items", "tasks", "target_columns", "positives", "labels", "metric", "licence"]
    kept += ["in_root", "from"]
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
