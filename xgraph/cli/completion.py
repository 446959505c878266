"""What the shell offers to complete: names of losses, models and data sets, and the words that an option takes."""

from collections.abc import Callable
from typing import Any

from xgraph.options import Option

Offer = list[tuple[str, str]]
SPLITS = ("train", "valid", "test")
DEVICES = ("auto", "cpu", "cuda")


def choice(name: str, *words: str) -> dict[str, Any]:
    """Arguments of `typer.Option` for the option `name`, which takes one of some words."""
    option = Option(name, str, None, choices=words)

    def check(value: str | None) -> str | None:
        return None if value is None else str(option.parse(value))

    def complete(incomplete: str) -> list[str]:
        return [word for word in words if word.startswith(incomplete)]

    return {"metavar": "|".join(words), "callback": check, "autocompletion": complete}


def completer(option: Option) -> Callable[[str], Offer] | None:
    """What completes the value of an option, if it takes words."""
    if not option.choices:
        return None

    def complete(incomplete: str) -> Offer:
        texts = _summaries(option.name)
        return [(word, texts.get(word, "")) for word in option.choices if word.startswith(incomplete)]

    return complete


def complete_loss(incomplete: str) -> Offer:
    """Names of losses."""
    return [(name, text) for name, text in _summaries("loss").items() if name.startswith(incomplete)]


def complete_model(incomplete: str) -> Offer:
    """Names of models."""
    return [(name, text) for name, text in _summaries("model").items() if name.startswith(incomplete)]


def complete_dataset(incomplete: str) -> list[str]:
    """Names of data sets. Files are completed by the shell itself."""
    from xgraph.data.cards.named import names

    return [name for name in names() if name.startswith(incomplete)]


def complete_recipe(incomplete: str) -> list[str]:
    """Names of recipes."""
    from xgraph.recipes.schema.shipped import recipe_names

    return [name for name in recipe_names() if name.startswith(incomplete)]


def _summaries(part: str) -> dict[str, Any]:
    from xgraph.cli.descriptions import descriptions

    return {name: one.summary for name, one in descriptions().get(part, {}).items()}
