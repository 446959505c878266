"""When two SMILES are the same molecule, whatever salt, charge or stereochemistry was drawn."""

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

VERSION = "identity/1"  # a new number whenever the texts change
WORTH = 1_000  # molecules for which one more process pays
KEPT_FROM = 500  # molecules; what is found of fewer is not worth a file


def identities(
    smiles: Sequence[str],
    *,
    root: str | Path | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
) -> list[str]:
    """A text for each molecule, the same for the same molecule.

    It is the canonical SMILES of the largest fragment, neutralised, without stereochemistry and isotopes; the tautomer
    that was drawn stays.

    Args:
        smiles: The molecules.
        root: Data root in which the texts are kept; by default that of the environment.
        workers: Processes; by default one per core where the number of molecules makes it pay.
        progress: Called as `progress(done, total, what)`.

    Returns:
        The texts, in order; "" for what RDKit refuses.

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
    """The texts of one chunk."""
    chooser, uncharger = rdMolStandardize.LargestFragmentChooser(), rdMolStandardize.Uncharger()
    done = []
    with BlockLogs(), interrupts_held():
        for text in smiles:
            try:
                molecule = uncharger.uncharge(chooser.choose(parse(text)))
                done.append(str(Chem.MolToSmiles(molecule, isomericSmiles=False)))
            except Exception:  # ValueError for the unparsable; RDKit's own types from deeper down
                done.append("")
    return done
