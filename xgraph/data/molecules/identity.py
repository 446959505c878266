"""Identity of molecules, ignoring salts, charges and stereochemistry."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rdkit import Chem, rdBase
from rdkit.Chem.MolStandardize import rdMolStandardize
from rdkit.rdBase import BlockLogs

from xgraph.data.molecules.interrupts import interrupts_held
from xgraph.data.molecules.molecule import parse
from xgraph.data.storage.parallel import map_chunks
from xgraph.data.storage.root import Progress
from xgraph.data.storage.root import root as root_folder
from xgraph.data.storage.store import Payload, cached, content_key

VERSION = "identity/1"  # increase it whenever the results change
WORTH = 1_000  # number of molecules that justifies another process
KEPT_FROM = 500  # molecules; smaller sets are not cached


def identities(
    smiles: Sequence[str],
    *,
    root: str | Path | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
) -> list[str]:
    """Return an identifier for each molecule, which is equal for equal molecules.

    The identifier is the canonical SMILES of the largest fragment, neutralised and without stereochemistry and
    isotopes. Tautomers are not unified.

    Args:
        smiles: SMILES of the molecules.
        root: Data root for the cache; by default ``XGRAPH_ROOT`` or ``~/.cache/xgraph``.
        workers: Number of processes; by default one per core if there are enough molecules.
        progress: Called with ``(done, total, description)``.

    Returns:
        The identifiers, in order; "" for a SMILES that RDKit rejects.

    Example:
        >>> identities(["C[C@H](N)C(=O)[O-].[Na+]", "CC(N)C(O)=O", "C1CC"])
        ['CC(N)C(=O)O', 'CC(N)C(=O)O', '']
    """
    keep_in = root_folder(root) if len(smiles) >= KEPT_FROM else None
    key = content_key(smiles, VERSION, rdBase.rdkitVersion)

    def build() -> Payload:
        parts = map_chunks(_identities, smiles, what="comparing", worth=WORTH, workers=workers, progress=progress)
        return {"texts": "\n".join(text for part in parts for text in part)}

    texts = cached(keep_in, "identity", key, build, ["texts"])["texts"]
    return str(texts).split("\n") if len(smiles) else []


def _identities(smiles: list[str]) -> list[str]:
    """Return the identifiers of one chunk."""
    chooser, uncharger = rdMolStandardize.LargestFragmentChooser(), rdMolStandardize.Uncharger()
    done = []
    with BlockLogs(), interrupts_held():
        for text in smiles:
            try:
                molecule = uncharger.uncharge(chooser.choose(parse(text)))
                done.append(str(Chem.MolToSmiles(molecule, isomericSmiles=False)))
            except Exception:  # ValueError if it cannot be parsed; RDKit's own types from deeper levels
                done.append("")
    return done
