"""Identity of molecules: as their graphs show them, or also ignoring salts, charges and stereochemistry."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any, Literal

from rdkit import Chem, rdBase
from rdkit.Chem.MolStandardize import rdMolStandardize
from rdkit.rdBase import BlockLogs

from xgraph.data.molecules.interrupts import interrupts_held
from xgraph.data.molecules.standardize import as_its_graph_shows, canonical_smiles, standardize_smiles
from xgraph.data.storage.parallel import map_chunks
from xgraph.data.storage.root import Progress
from xgraph.data.storage.root import root as root_folder
from xgraph.data.storage.store import Payload, cached, content_key

VERSION = "identity/2"  # increase it whenever the results change
WORTH = 1_000  # number of molecules that justifies another process
KEPT_FROM = 500  # molecules; smaller sets are not cached


def identities(
    smiles: Sequence[str],
    *,
    root: str | Path | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
    level: Literal["parent", "graph"] = "parent",
    standardize: bool = False,
) -> list[str]:
    """Return an identifier for each molecule, which is equal for equal molecules.

    At the level ``"graph"``, molecules are equal if a model on graphs cannot tell them apart: atom maps, isotopes and
    explicit hydrogens do not count; fragments, charges, tautomers and stereochemistry do. The identifier is a canonical
    SMILES. Overlaps of splits, scaffolds and repeated rows of a table of one's own are found by it.

    At the level ``"parent"``, salts, charges and stereochemistry do not count either: the identifier is the canonical
    SMILES of the largest fragment, neutralised and without stereochemistry. Tautomers are not unified. Molecules are
    excluded from pretraining by it (`collect`).

    Args:
        smiles: SMILES of the molecules.
        root: Data root for the cache; by default ``XGRAPH_ROOT`` or ``~/.cache/xgraph``.
        workers: Number of processes; by default one per core if there are enough molecules.
        progress: Called with ``(done, total, description)``.
        level: ``"parent"`` or ``"graph"``.
        standardize: At the level ``"graph"``, whether graphs are made from the largest fragment, neutralised.

    Returns:
        The identifiers, in order; "" for a SMILES that RDKit rejects.

    Raises:
        ValueError: If the level is unknown.

    Example:
        >>> identities(["C[C@H](N)C(=O)[O-].[Na+]", "[CH3:1]C(N)C(O)=O", "C1CC"])
        ['CC(N)C(=O)O', 'CC(N)C(=O)O', '']
        >>> identities(["OCC", "[13CH3]C[OH:1]", "CC[O-].[Na+]"], level="graph")
        ['CCO', 'CCO', 'CC[O-].[Na+]']
    """
    if level not in ("parent", "graph"):
        raise ValueError(f"level must be 'parent' or 'graph', got {level!r}")
    keep_in = root_folder(root) if len(smiles) >= KEPT_FROM else None
    key = content_key(smiles, VERSION, level, standardize, rdBase.rdkitVersion)
    identify = _parent if level == "parent" else _standard if standardize else canonical_smiles
    function = partial(_identities, identify=identify)

    def build() -> Payload:
        parts = map_chunks(function, smiles, what="comparing", worth=WORTH, workers=workers, progress=progress)
        return {"texts": "\n".join(text for part in parts for text in part)}

    texts = cached(keep_in, "identity", key, build, ["texts"])["texts"]
    return str(texts).split("\n") if len(smiles) else []


def _identities(smiles: list[str], identify: Callable[[str], str]) -> list[str]:
    """Return the identifiers of one chunk."""
    done = []
    with BlockLogs(), interrupts_held():
        for text in smiles:
            try:
                done.append(identify(text))
            except Exception:  # ValueError if it cannot be parsed; RDKit's own types from deeper levels
                done.append("")
    return done


def _standard(smiles: str) -> str:
    return standardize_smiles(canonical_smiles(smiles))


@cache
def _tools() -> tuple[Any, Any]:
    return rdMolStandardize.LargestFragmentChooser(), rdMolStandardize.Uncharger()


def _parent(smiles: str) -> str:
    chooser, uncharger = _tools()
    molecule = as_its_graph_shows(smiles)
    molecule = uncharger.uncharge(chooser.choose(molecule))
    text = str(Chem.MolToSmiles(molecule, isomericSmiles=False))
    if "[H]" in text:  # without stereochemistry, a hydrogen that marked the geometry of a double bond is implicit
        text = str(Chem.MolToSmiles(Chem.MolFromSmiles(text), isomericSmiles=False))
    return text
