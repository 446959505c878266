"""Explanations of molecules: attributions of atoms, bonds and features, as a table."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from xgraph.data.molecules.molecule import parse
from xgraph.explanations import tables
from xgraph.explanations.atoms import Explained, mean_of, placed, rows_of
from xgraph.explanations.graphs import Parts, of_networks
from xgraph.explanations.importance import permuted
from xgraph.explanations.methods import models_of
from xgraph.explanations.names import LEAVE_OUT, PERMUTATION, SHAP, SLOPE
from xgraph.explanations.places import MAPPED, atom_places
from xgraph.explanations.results import Table, molecule_frame, unit_of
from xgraph.explanations.tables import OfTable
from xgraph.nn.molecules.model import MoleculeModel
from xgraph.options import OptionError
from xgraph.training.files.checkpoint import HEADER
from xgraph.training.files.saved_model import loss_link
from xgraph.training.prediction.members import Members, Reading, check_featurizer, empty_smiles
from xgraph.training.prediction.own_data import own_source
from xgraph.training.prediction.scorer import features_of, with_features
from xgraph.training.scoring.inference import as_scores, score

Values = npt.NDArray[np.float64]


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
    models, shown, chosen, note = models_of(members, "graph", method)
    if chosen == PERMUTATION:
        return permuted(members, shown, tasks)
    texts = list(texts)
    errors = empty_smiles(texts)
    units = {unit_of(loss_link(state), model) for state, model in zip(members.states, shown, strict=True)}
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
            mean = mean_of([of_tasks[t][row] for of_tasks in each])
            rows += [
                {"item": row, "smiles": text, "task": name, "score": mean.score, **one} for one in rows_of(text, mean)
            ]
    return Table(molecule_frame(rows), chosen, units.pop(), note)


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
        found.append({row: placed(*args, named) for row, args in zip(rows, one, strict=True)})
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
