"""How a results file was measured."""

from __future__ import annotations

from results_pages.data import read


def measured(name: str) -> str:
    """Date, code, machine and versions of a results file."""
    content = read(name)
    parts = [f"`benchmarks/results/{name}.json`"]
    environment = content.get("environments", [content])[0]
    machine, versions = environment.get("machine"), environment.get("versions", {})
    if content.get("date"):
        parts.append(f"measured on {content['date']}")
    commit = content.get("commit") or environment.get("commit")
    parts.append(f"code of commit `{commit}`" if commit else "the file names no commit")
    if machine and "cpu" in machine:
        gpu = f"GPU {machine['gpu']}" if machine["gpu"] else "no GPU"
        parts.append(f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_gib']} GiB, {gpu}")
    elif machine:
        parts.append(f"{machine['cpus']} cores, {machine['threads']} thread per run, {machine['device'].upper()}")
    shown = ("python", "torch", "torch-geometric", "rdkit", "numpy", "scikit-learn")
    names = {"python": "Python", "torch-geometric": "PyG", "rdkit": "RDKit", "numpy": "NumPy"}
    if versions:
        parts.append(", ".join(f"{names.get(key, key)} {versions[key]}" for key in shown if key in versions))
    return "; ".join(parts) + "."
