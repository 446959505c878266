"""Explanations of molecules: attributions of atoms, bonds and features, as a table."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from xgraph.data.molecules.molecule import parse
from xgraph.explanations import tables
from xgraph.explanations.graphs import Parts, of_networks
from xgraph.explanations.methods import LEAVE_OUT, PERMUTATION, SHAP, SLOPE, choose, network_of
from xgraph.explanations.places import MAPPED, atom_places
from xgraph.explanations.tables import OfTable
from xgraph.messages import listed
from xgraph.nn.molecules.model import MoleculeModel
from xgraph.options import OptionError
from xgraph.training.files.checkpoint import HEADER
from xgraph.training.files.saved_model import load_model, loss_link
from xgraph.training.prediction.members import Members, Reading, check_featurizer, empty_smiles
from xgraph.training.prediction.own_data import own_source
from xgraph.training.prediction.scorer import features_of, with_features
from xgraph.training.scoring.inference import as_scores, score

if TYPE_CHECKING:
    import pandas as pd

Values = npt.NDArray[np.float64]
FEATURES = 20
"""Number of features with the largest attributions that have a row of their own."""

OTHERS = "all others"
"""Name of the row with the sum over the other features."""

COLUMNS = ("smiles", "task", "score", "part", "atom", "other", "name", "attribution", "total", "error")


class Explained(NamedTuple):
    """Attributions of a molecule, by its atoms in the SMILES as given.

    Args:
        atoms: Attribution of each atom; missing for atoms that the model does not read. Shape ``[n]``.
        bonds: Attribution of each bond by its two atoms.
        features: Attribution of each feature by its name.
        score: What the run predicts.
    """

    atoms: Values
    bonds: dict[tuple[int, int], float]
    features: dict[str, float]
    score: float


class Table(NamedTuple):
    """Explanations: a table, the method, and what the attributions add up to."""

    frame: "pd.DataFrame"
    method: str
    unit: str
    note: str = ""


def explain_molecules(
    members: Members, texts: Sequence[str], tasks: Sequence[int], method: str | None, steps: int
) -> Table:
    """Explain the scores of molecules.

    Args:
        members: The runs.
        texts: SMILES of the molecules.
        tasks: Numbers of the tasks.
        method: Name of the method; None for the usual one.
        steps: Number of points on the path of integrated gradients.
    """
    models = [load_model(state) for state in members.states]
    shown = [network_of(model) for model in models]
    names = [state[HEADER]["model"] for state in members.states]
    chosen = choose(list(zip(names, shown, strict=True)), "graph", method)
    note = ""
    if any(model is not own for model, own in zip(models, shown, strict=True)):
        note = "the run scores by the mean of the ranks of a network and its baseline; the network is explained"
    if chosen == PERMUTATION:
        return _permuted(members, shown, tasks)
    texts = list(texts)
    errors = empty_smiles(texts)
    units = {_unit(model) for model in shown}
    if len(units) > 1:
        raise OptionError("run: attributions of forests and of other models have different units; explain them apart")
    each: list[list[dict[int, Explained]]] = []  # by member and task: molecules by row
    for state, path, model, own in zip(members.states, members.paths, models, shown, strict=True):
        each.append(_of_member(members, state, path, (model, own), texts, errors, tasks, chosen, steps))
    rows: list[dict[str, Any]] = []
    for row, text in enumerate(texts):
        for t, task in enumerate(tasks):
            name = members.tasks[task]
            if errors[row]:
                rows.append({"item": row, "smiles": text, "task": name, "error": errors[row]})
                break
            mean = _mean([of_tasks[t][row] for of_tasks in each])
            rows += [
                {"item": row, "smiles": text, "task": name, "score": mean.score, **one} for one in _rows(text, mean)
            ]
    return Table(_frame(rows), chosen, units.pop(), note)


def _of_member(
    members: Members,
    state: dict[str, Any],
    path: Any,
    model: tuple[Any, Any],
    texts: list[str],
    errors: list[str],
    tasks: Sequence[int],
    method: str,
    steps: int,
) -> list[dict[int, Explained]]:
    """Explain molecules with one run; those that it cannot read get an error."""
    from xgraph.data import MoleculeDataset

    reading, kinds, link = Reading.of(state[HEADER]), features_of(state), loss_link(state)
    data = MoleculeDataset.from_smiles(texts, **reading._asdict())
    for error in data.errors:
        errors[error.row] = errors[error.row] or error.message
    if not len(data):
        return [{} for _ in tasks]
    if kinds:
        data = with_features(data, kinds, errors)
    check_featurizer(state, data.featurizer)
    scores = as_scores(score(model[0], data, device=members.device), link)
    rows = data.row.tolist()
    places = [atom_places(texts[row], read) for row, read in zip(rows, data.graph_smiles, strict=True)]
    sizes = [parse(texts[row]).GetNumAtoms() for row in rows]
    own, columns = _features(model, data)
    found = []
    for task in tasks:
        if isinstance(own, MoleculeModel) or getattr(own, "reads_graphs", True):
            parts = of_networks(own, columns, task, link, method=method, steps=steps, device=members.device)
        else:
            parts = _of_table(own, columns, task, link, method, steps, members.device, state, path)
        named = list(columns.feature_names) if columns.features is not None else []
        one = zip(parts, places, sizes, scores[:, task].tolist(), strict=True)
        found.append({row: _placed(*args, named) for row, args in zip(rows, one, strict=True)})
    return found


def _features(model: tuple[Any, Any], data: Any) -> tuple[Any, Any]:
    """Return the model to explain and the molecules with the features that it takes."""
    from xgraph.data import descriptor_names

    whole, own = model
    if whole is own:
        return own, data
    names = {data.feature_names[column] for column in whole.columns[0] or ()}
    kinds = [kind for kind in data.feature_kinds if descriptor_names([kind])[0] in names]
    return own, data.with_features(kinds, keep=False)


def _of_table(
    model: Any, data: Any, task: int, link: str, method: str, steps: int, device: str, state: dict[str, Any], path: Any
) -> list[Parts]:
    """Return the attributions of a model on features, and of the atoms that fingerprints describe."""
    scored, kinds, texts = OfTable(model, task, link, device), data.feature_kinds, data.graph_smiles
    none = np.empty(0), np.empty((0, 2), dtype=np.int64)
    if method == LEAVE_OUT:
        if not any(kind in MAPPED for kind in kinds):
            raise OptionError(
                f"method = {method!r}: it needs features that belong to atoms ({', '.join(MAPPED)}), but the run has "
                f"{', '.join(kinds)}"
            )
        atoms = tables.by_leaving_out(scored, data.features, texts, kinds)
        return [Parts(own, *none, np.empty(0)) for own in atoms]
    if method == SHAP:
        values = tables.by_shap(scored, data.features, background(state, path))
    else:
        values = tables.by_gradients(scored, data.features, 0 if method == SLOPE else steps)
    return [Parts(tables.to_atoms(row, text, kinds), *none, row) for row, text in zip(values, texts, strict=True)]


def background(state: dict[str, Any], path: Any) -> torch.Tensor:
    """Return the features of some training molecules of a run."""
    try:
        source = own_source(state, path, False)
    except (ValueError, OSError) as error:
        raise ValueError(
            f"method = {SHAP!r}: it compares with training molecules of the run, whose data cannot be read ({error}); "
            f"restore them, or choose {LEAVE_OUT}"
        ) from None
    train = source.splits["train"]
    drawn = torch.randperm(len(train), generator=torch.Generator().manual_seed(0))[: tables.BACKGROUND]
    return source.table(train[drawn.sort().values])


def _placed(parts: Parts, places: list[int | None], size: int, score: float, names: list[str]) -> Explained:
    """Return attributions by the atoms of the SMILES as given."""
    atoms = np.full(size, np.nan)
    for value, place in zip(parts.atoms, places, strict=True):
        if place is not None:
            atoms[place] = value
    bonds = {}
    for (a, b), value in zip(parts.ends.tolist(), parts.bonds, strict=True):
        first, second = places[a], places[b]
        if first is not None and second is not None:
            bonds[min(first, second), max(first, second)] = float(value)
    return Explained(atoms, bonds, dict(zip(names, parts.features.tolist(), strict=False)), score)


def _mean(each: Sequence[Explained]) -> Explained:
    """Return the mean over the members of an ensemble."""
    bonds = {bond: float(np.mean([one.bonds[bond] for one in each if bond in one.bonds])) for bond in each[0].bonds}
    names = dict.fromkeys(name for one in each for name in one.features)
    features = {name: float(np.mean([one.features.get(name, 0.0) for one in each])) for name in names}
    return Explained(
        np.mean([one.atoms for one in each], axis=0), bonds, features, float(np.mean([one.score for one in each]))
    )


def _rows(text: str, one: Explained) -> list[dict[str, Any]]:
    """Return one row per atom, bond and feature."""
    molecule = parse(text)
    total = one.atoms.copy()
    for (a, b), value in one.bonds.items():
        total[[a, b]] += value / 2
    rows: list[dict[str, Any]] = [
        {
            "part": "atom",
            "atom": atom.GetIdx(),
            "name": atom.GetSymbol(),
            "attribution": one.atoms[atom.GetIdx()],
            "total": total[atom.GetIdx()],
        }
        for atom in molecule.GetAtoms()
        if np.isfinite(one.atoms[atom.GetIdx()])
    ]
    for (a, b), value in one.bonds.items():
        bond = molecule.GetBondBetweenAtoms(a, b)
        name = "" if bond is None else str(bond.GetBondType()).lower()
        rows.append({"part": "bond", "atom": a, "other": b, "name": name, "attribution": value})
    order = sorted(one.features, key=lambda name: (-abs(one.features[name]), name))
    some = [name for name in order if one.features[name]][:FEATURES]
    rows += [{"part": "feature", "name": name, "attribution": one.features[name]} for name in some]
    rest = sum(one.features[name] for name in order[len(some) :])
    if len([name for name in order if one.features[name]]) > len(some):
        rows.append({"part": "feature", "name": OTHERS, "attribution": rest})
    return rows


def _permuted(members: Members, models: Sequence[Any], tasks: Sequence[int]) -> Table:
    """Return the importance of the features over the validation part."""
    rows: dict[tuple[str, str], list[float]] = {}
    for state, path, model in zip(members.states, members.paths, models, strict=True):
        source = own_source(state, path, False)
        part = next((name for name in ("valid", "test") if name in source.splits), "train")
        positions = source.splits[part][:MOST_PERMUTED]
        names = source.feature_names
        for task in tasks:
            y = source.targets(positions)[:, task]
            known = ~y.isnan()
            if not bool((y == 1).any() and (y == 0).any()):
                raise ValueError(f"task {members.tasks[task]!r} has one class only in the {part} part")
            scored = OfTable(model, task, loss_link(state), members.device)
            falls = tables.by_permutation(scored, source.table(positions[known]), y[known].numpy())
            for name, fall in zip(names, falls.tolist(), strict=True):
                if fall != fall:
                    continue
                rows.setdefault((members.tasks[task], name), []).append(fall)
    found: list[dict[str, Any]] = [
        {"task": task, "part": "feature", "name": name, "attribution": float(np.mean(values))}
        for (task, name), values in rows.items()
    ]
    found.sort(key=lambda row: (members.tasks.index(row["task"]), -row["attribution"], row["name"]))
    return Table(
        _frame(found),
        PERMUTATION,
        "average precision",
        f"importance over the run's validation part, of {tables.MOST_SHUFFLED} features at most",
    )


MOST_PERMUTED = 500
"""Number of items whose features are shuffled."""


def _unit(model: Any) -> str:
    return "score" if getattr(model, "trees", None) is not None else "log-odds"


def _frame(rows: list[dict[str, Any]]) -> "pd.DataFrame":
    import pandas as pd

    frame = pd.DataFrame(rows, columns=["item", *COLUMNS])
    for name in ("item", "atom", "other"):
        frame[name] = frame[name].astype("Int64")
    for name in ("score", "attribution", "total"):
        frame[name] = frame[name].astype(float)
    for name in ("smiles", "part", "name", "error"):
        frame[name] = frame[name].astype(object).fillna("")
    return frame


def check_tasks(tasks: Sequence[str], task: str | Sequence[str] | None) -> list[int]:
    """Return the numbers of tasks by name; all by default.

    Raises:
        OptionError: If a task does not exist.
    """
    from xgraph.options import nearest

    names = list(tasks) if task is None else [task] if isinstance(task, str) else list(task)
    for name in names:
        if name not in tasks:
            raise OptionError(f"task = {name!r}: expected one of {listed(tasks, 10)}{nearest(name, tasks)}")
    return [list(tasks).index(name) for name in names]
