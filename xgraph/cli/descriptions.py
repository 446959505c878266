"""What each loss and model is, and the paper it comes from: `descriptions.toml`."""

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple


class Description(NamedTuple):
    """What is said about a loss or a model.

    Args:
        summary: What a loss optimises, or what a model is, in a few words.
        text: The same in a few sentences.
        short: Authors and year.
        paper: The paper in full.
        link: Where to read it.
    """

    summary: str
    text: str
    short: str = ""
    paper: str = ""
    link: str = ""


@cache
def descriptions() -> Mapping[str, Mapping[str, Description]]:
    """Descriptions by name, under "loss" and "model"."""
    text = Path(__file__).with_name("descriptions.toml").read_text(encoding="utf-8")
    return {
        group.removesuffix("es" if group == "losses" else "s"): {
            name: Description(**{key: value.strip() for key, value in fields.items()}) for name, fields in named.items()
        }
        for group, named in tomllib.loads(text).items()
    }
