"""How well attributions find the atoms that make a label: ``python -m benchmarks.attribution``.

The label of the embedded data set nci-pains is a substructure rule, so that the atoms it depends on are known: those
that RDKit's PAINS filters match. For each positive molecule that a model finds, the area under the ROC curve says how
well the attributions of its atoms rank these above its other atoms. Results: ``docs/guides/explanations.md``.
"""

from __future__ import annotations

import statistics
import warnings
from pathlib import Path
from typing import Any

import numpy as np

import xgraph
from benchmarks._report import RESULTS, parser, report, spread

SEEDS = 5
ARMS: dict[str, tuple[str, list[str]]] = {
    "network": ("", ["integrated-gradients", "gradient-input", "leave-one-out"]),
    "forest": ("baseline", ["shap", "leave-one-out"]),
}
"""Folder of each model in its run directory, and the methods, the usual one first."""


def main() -> None:
    arguments = parser(__doc__)
    default = RESULTS.parent / "runs" / "attribution"
    arguments.add_argument(
        "out", nargs="?", type=Path, default=default, help="folder for finished runs (default: %(default)s)"
    )
    measure(arguments.parse_args().out)


def measure(out: Path) -> None:
    """Train the default network and its baseline for all seeds, and measure their attributions."""
    found: list[dict[str, Any]] = []
    for seed in range(SEEDS):
        folder = out / f"seed-{seed}"
        if not (folder / "metrics.json").exists():
            xgraph.train("nci-pains", seed=seed, out=folder)
        for arm, (name, methods) in ARMS.items():
            for part in ("valid", "test"):
                texts = found_positives(folder / name, part)
                for method in methods:
                    values = aucs(folder / name, texts, method)
                    found.append(
                        {"seed": seed, "model": arm, "part": part, "method": method, "molecules": len(values)}
                        | {"auc": statistics.mean(values)}
                    )
                    print(found[-1], flush=True)
    rows = []
    for arm, (_, methods) in ARMS.items():
        for method in methods:
            row: dict[str, Any] = {"model": arm, "method": method, "seeds": SEEDS}
            for part in ("valid", "test"):
                own = [one for one in found if (one["model"], one["method"], one["part"]) == (arm, method, part)]
                row[part] = spread([one["auc"] for one in own], 3)
                row[f"{part}_molecules"] = statistics.mean(one["molecules"] for one in own)
            rows.append(row)
    report("attribution", rows, runs=found)


def found_positives(run: Path, part: str) -> list[str]:
    """Return the SMILES of the positives of a part whose score reaches the threshold with the best F1 on validation."""
    import pandas as pd

    table = pd.read_csv(run / "predictions.csv")
    valid = table[table["split"] == "valid"].sort_values("pains_score", ascending=False)
    hits = valid["pains"].cumsum()
    f1 = 2 * hits / (np.arange(1, len(valid) + 1) + hits.iloc[-1])
    threshold = valid["pains_score"].iloc[int(f1.argmax())]
    own = table[(table["split"] == part) & (table["pains"] == 1) & (table["pains_score"] >= threshold)]
    return own["smiles"].tolist()


def aucs(run: Path, texts: list[str], method: str) -> list[float]:
    """Return, for each molecule, how well the attributions rank the atoms of the filters that it matches."""
    from sklearn.metrics import roc_auc_score

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        frame = xgraph.explain(run, texts, method=method)
    atoms = frame[frame["part"] == "atom"]
    values = []
    for item, own in atoms.groupby("item"):
        truth = np.isin(own["atom"].to_numpy(dtype=int), matching_atoms(texts[int(item)]))
        if 0 < truth.sum() < len(truth):
            values.append(float(roc_auc_score(truth, own["total"])))
    return values


def matching_atoms(smiles: str) -> list[int]:
    """Return the atoms that RDKit's PAINS filters match."""
    from rdkit import Chem
    from rdkit.Chem.rdfiltercatalog import FilterCatalog, FilterCatalogParams

    params = FilterCatalogParams()
    for name in ("PAINS_A", "PAINS_B", "PAINS_C"):
        params.AddCatalog(getattr(FilterCatalogParams.FilterCatalogs, name))
    molecule = Chem.MolFromSmiles(smiles)
    return sorted(
        {
            pair[1]
            for entry in FilterCatalog(params).GetMatches(molecule)
            for match in entry.GetFilterMatches(molecule)
            for pair in match.atomPairs
        }
    )


if __name__ == "__main__":
    main()
