"""Attributions of models on a table of features, and their atoms."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from xgraph.data.molecules.molecule import parse
from xgraph.explanations.gradients import IntegratedGradients
from xgraph.explanations.places import MAPPED, environments
from xgraph.explanations.scored import log_odds

Values = npt.NDArray[np.float64]
BACKGROUND = 100
"""Number of training items whose mean score is the start of SHAP's attributions."""

MOST_SHUFFLED = 100
"""Number of features that `by_permutation` shuffles."""


class OfTable:
    """A model on features as a function from a table to scores that attributions add up to.

    Those of trees are between 0 and 1, since their logarithms have jumps to infinity; those of others are log-odds. Of
    a model that predicts numbers they are these numbers.

    Args:
        model: The model.
        task: Number of the task or class.
        link: What turns its logits into scores, "sigmoid", "softmax" or, for numbers, "identity".
        device: Where to compute.
    """

    def __init__(self, model: Any, task: int, link: str, device: str) -> None:
        self.model = model.to(device).eval().requires_grad_(False)
        self.task, self.link, self.device = task, link, device
        self.trees = getattr(model, "trees", None)

    def __call__(self, features: Tensor) -> Tensor:
        """Return scores, ``[B]``, of features ``[B, F]``."""
        if self.trees is not None and self.link != "identity":
            share: Tensor = self.trees(features.float().to(self.device))[:, self.task]
            return share
        logits = self.model(SimpleNamespace(features=features.to(self.device)))
        return log_odds(logits, self.task, self.link)


def by_gradients(score: OfTable, features: Tensor, steps: int) -> Values:
    """Return attributions by integrated gradients from mean features, which add up to the difference of scores."""
    baselines = {} if score.model.scale is None else {"x": score.model.scale.mean}
    nothing = torch.empty(2, 0, dtype=torch.long)
    found = IntegratedGradients(steps, baselines)(
        lambda x, _: score(x),
        features.to(score.device),
        nothing,
        target=nothing,
    )
    values: Values = found.node_mask.double().cpu().numpy()
    return values


def by_shap(score: OfTable, features: Tensor, background: Tensor) -> Values:
    """Return SHAP values of a forest, which add up to the score minus the mean score of the background.

    The trees of a forest that predicts numbers are grown on standardised ones.
    """
    import shap

    trees = tree_tables(score.trees, score.task)
    explainer = shap.TreeExplainer(
        {"trees": trees}, data=background.double().numpy(), feature_perturbation="interventional", model_output="raw"
    )
    values: Values = explainer.shap_values(features.double().numpy(), check_additivity=False)
    scale = score.model.target_scale
    return values if scale is None else values * float(scale.std[score.task])


def tree_tables(trees: Any, task: int) -> list[dict[str, Any]]:
    """Return the trees of a task as shap reads them; the sum of their values is the score."""
    ends = [*trees.root.tolist()[1:], len(trees.feature)]
    of_trees = zip(trees.root.tolist(), ends, trees.task.tolist(), strict=True)
    own = [(start, stop) for start, stop, of in of_trees if of == task]
    tables = []
    for start, stop in own:
        feature, number = trees.feature[start:stop].cpu().numpy(), trees.number[start:stop].cpu().numpy()
        leaf = feature < 0
        left, right = (np.where(leaf, -1, side[start:stop].cpu().numpy() - start) for side in (trees.left, trees.right))
        tables.append(
            {
                "children_left": left,
                "children_right": right,
                "children_default": left,
                "features": feature,
                "thresholds": number,
                "values": np.where(leaf, number / len(own), 0.0)[:, None],
                "node_sample_weight": np.ones(len(leaf)),  # used without a background only
            }
        )
    return tables


def by_leaving_out(score: OfTable, features: Tensor, texts: Sequence[str], kinds: Sequence[str]) -> list[Values]:
    """Return by how much the score of each molecule falls without the fingerprint bits of an atom, for all atoms."""
    starts = columns_of(kinds)
    falls = []
    for row, text in zip(features, texts, strict=True):
        molecule = parse(text)
        changed = row.repeat(1 + molecule.GetNumAtoms(), 1)
        for kind in (kind for kind in kinds if kind in MAPPED):
            for bit, found in environments(molecule, kind).items():
                _take_away(changed, starts[kind] + bit, found, kind == "maccs")
        with torch.inference_mode():
            scores = score(changed).double().cpu().numpy()
        falls.append(scores[0] - scores[1:])
    return falls


def _take_away(changed: Tensor, column: int, found: list[list[int]], is_bit: bool) -> None:
    """Lower a count, in the row of each atom, by the number of its occurrences that contain the atom."""
    for atom in {atom for one in found for atom in one}:
        lost = sum(atom in one for one in found)
        left = float(lost < len(found)) if is_bit else changed[0, column] - lost
        changed[1 + atom, column] = max(float(left), 0.0)


def to_atoms(values: Values, text: str, kinds: Sequence[str]) -> Values:
    """Share the attributions of fingerprint bits equally among their occurrences, and those among their atoms.

    Args:
        values: Attributions of all features. Shape ``[F]``.
        text: SMILES of the molecule.
        kinds: Kinds of the features.
    """
    molecule = parse(text)
    atoms = np.zeros(molecule.GetNumAtoms())
    starts = columns_of(kinds)
    for kind in (kind for kind in kinds if kind in MAPPED):
        for bit, found in environments(molecule, kind).items():
            for one in found:
                atoms[one] += values[starts[kind] + bit] / len(found) / len(one)
    return atoms


def columns_of(kinds: Sequence[str]) -> dict[str, int]:
    """Return the first column of each kind of features."""
    from xgraph.data import descriptor_names

    starts, column = {}, 0
    for kind in kinds:
        starts[kind] = column
        column += len(descriptor_names([kind]))
    return starts


def by_permutation(score: OfTable, features: Tensor, y: npt.NDArray[Any], seed: int = 0) -> Values:
    """Return by how much the average precision falls if the values of a feature are shuffled, by scikit-learn.

    Of a model that predicts numbers, it is by how much the root of the mean squared error rises.

    To save time only the `MOST_SHUFFLED` features are shuffled that trees ask for most often, or that differ between
    most items; the others have the value 0.

    Args:
        score: The model.
        features: Features of items that the model was not trained on. Shape ``[n, F]``.
        y: Their labels 0 and 1, or numbers. Shape ``[n]``.
        seed: Random seed.
    """
    from sklearn.inspection import permutation_importance
    from sklearn.metrics import average_precision_score, root_mean_squared_error

    used = (features != features.median(0).values).sum(0)
    if score.trees is not None:
        asked = score.trees.feature[score.trees.feature >= 0].long().cpu()
        used = torch.bincount(asked, minlength=features.size(1)) * (used > 0)
    order = torch.argsort(used, descending=True, stable=True)
    columns = [column for column in order.tolist() if used[column] > 0][:MOST_SHUFFLED]
    falls = np.full(features.size(1), np.nan)

    class Some:
        """What scikit-learn calls an estimator; it never fits it."""

        def fit(self, *_: Any) -> None: ...

    def quality(_: Any, own: npt.NDArray[Any], labels: npt.NDArray[Any]) -> float:
        whole = features.clone()
        whole[:, columns] = torch.from_numpy(own)
        with torch.inference_mode():
            scores = score(whole).double().cpu().numpy()
        if score.link == "identity":
            return -float(root_mean_squared_error(labels, scores))
        return float(average_precision_score(labels, scores))

    if columns:
        x = features[:, columns].numpy()
        found = permutation_importance(Some(), x, y, scoring=quality, n_repeats=3, random_state=seed)
        falls[columns] = found.importances_mean
    return falls
