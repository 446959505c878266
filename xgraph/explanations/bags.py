"""Explanations of bags: the contribution of each instance, and the score without it."""

from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from xgraph.data.bags.passes import instances_per_pass
from xgraph.explanations.methods import models_of
from xgraph.explanations.names import ATTENTION
from xgraph.explanations.results import Table, unit_of
from xgraph.nn import BagClassifier, FittedModel
from xgraph.training.files.saved_model import loss_link
from xgraph.training.prediction.members import Members
from xgraph.training.prediction.new_bags import CONFORMERS
from xgraph.training.scoring.bag_scores import explain_bags as score_instances
from xgraph.training.scoring.bag_scores import score_bags
from xgraph.training.scoring.inference import as_scores

Values = npt.NDArray[np.float64]
MOST = 1_000
"""Number of instances up to which a bag is scored again without each of them, if there is no faster way."""

COLUMNS = ("bag", "task", "score", "row", "weight", "instance_score", "attribution", "leave_one_out", "error")


def explain_bags(
    members: Members,
    items: Any,
    tasks: list[int],
    method: str | None,
    bag_column: str | None = None,
    smiles_column: str | None = None,
    **form: str | None,
) -> Table:
    """Explain the scores of bags, given as for `predict`."""
    import pandas as pd

    datas, places, names, errors, rows = _found(members, items, bag_column, smiles_column, **form)
    models, shown, chosen, note = models_of(members, "bag", method)
    frames = []
    for bag, name in enumerate(names):
        if errors[bag] or places[bag] < 0:
            frames.append(pd.DataFrame({"bag": [name], "error": [errors[bag] or "no bag is named in this row"]}))
            continue
        try:
            each = [
                of_bag(model, own, data, int(places[bag]), loss_link(state), members.device)
                for model, own, data, state in zip(models, shown, datas, members.states, strict=True)
            ]
        except OSError as error:  # a file of a folder that cannot be read any more
            frames.append(pd.DataFrame({"bag": [name], "error": [str(error)]}))
            continue
        score, *parts = (np.mean(part, axis=0) for part in zip(*each, strict=True))
        for task in tasks:
            weight, own_score, share, fall = (part[:, task] for part in parts)
            frames.append(
                pd.DataFrame(
                    {
                        "bag": name,
                        "task": members.tasks[task],
                        "score": score[task],
                        "row": rows(int(places[bag])),
                        "weight": weight,
                        "instance_score": own_score,
                        "attribution": share if chosen == ATTENTION else fall,
                        "leave_one_out": fall,
                        "error": "",
                    }
                )
            )
    frame = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()
    frame = frame.reindex(columns=list(COLUMNS))
    frame["row"] = frame["row"].astype("Int64")
    frame["error"] = frame["error"].astype(object).fillna("")
    return Table(frame, chosen, unit_of(loss_link(members.states[0])), note)


def of_bag(
    model: Any, own: Any, data: Any, bag: int, link: str, device: str
) -> tuple[Values, Values, Values, Values, Values]:
    """Return a bag's scores ``[T]``, and of its n instances weights, scores, shares and falls, each ``[n, T]``.

    A share is the weight times the instance's own log-odds; a fall is by how much the log-odds of the bag fall without
    the instance, missing for a bag with a single instance. Where numbers are predicted, they stand for the log-odds.
    """
    where = torch.tensor([bag])
    if isinstance(own, FittedModel) or not isinstance(own, BagClassifier):
        logits = score_bags(own, data, where, device=device)
        n = int(data.sizes[bag])
        nothing = np.full((n, logits.shape[1]), np.nan)
        return (
            as_scores(logits, link)[0],
            nothing,
            nothing,
            nothing,
            _scored_again(own, data, bag, logits, link, device),
        )
    found = score_instances(own, data, where, device=device)
    score = as_scores(found.logits if model is own else score_bags(model, data, where, device=device), link)[0]
    fall = without_each(own, found.logits, found.scores, found.weights)
    if own.target_scale is not None and own.pooling == "smoothed-max":  # τ is for standardised numbers
        fall = fall * own.target_scale.std.double().cpu().numpy()
    if link == "softmax":
        fall = _odds(found.logits) - _odds(found.logits - fall)
    return score, found.weights, as_scores(found.scores, link), found.weights * found.scores, fall


def without_each(model: BagClassifier, logits: Values, scores: Values, weights: Values) -> Values:
    """Return by how much the logits of a bag fall without each of its instances, ``[n, T]``.

    Args:
        model: The model, which says how scores are pooled.
        logits: Logits of the bag. Shape ``[1, T]``.
        scores: Scores of the instances. Shape ``[n, T]``.
        weights: Weight of each in the bag. Shape ``[n, T]``.
    """
    n = len(scores)
    if n == 1:
        return np.full(scores.shape, np.nan)
    tau = float(getattr(model.pool, "tau", 0.0))
    if model.pooling == "max":
        order = np.sort(scores, axis=0)
        return np.where((scores == order[-1]) & (order[-1] > order[-2]), order[-1] - order[-2], 0.0)
    left = _rest(weights, np.ones_like(weights))
    if model.pooling == "smoothed-max":  # τ log of the mean exponential: the weights are shares of its sum
        change: Values = -tau * (np.log(left) - np.log((n - 1) / n))
        return change
    mean: Values = _rest(weights, scores) / left
    fall: Values = logits - mean
    return fall


def _rest(weights: Values, values: Values) -> Values:
    """Return, for each row, the weighted sum of the other rows; no difference of large numbers for a large weight."""
    product = weights * values
    rest: Values = product.sum(axis=0) - product
    for row, column in zip(*np.nonzero(weights > 0.5), strict=True):
        rest[row, column] = np.delete(product[:, column], row).sum()
    return rest


def _scored_again(model: Any, data: Any, bag: int, logits: Values, link: str, device: str) -> Values:
    """Return by how much the log-odds of a bag fall without each of its instances, by scoring it again."""
    from xgraph.data import BagDataset

    n = int(data.sizes[bag])
    if n > min(MOST, instances_per_pass(data)):
        raise ValueError(
            f"items: bag {data.bag_names[bag]!r} has {n:,} instances, and the model scores whole bags, so that it "
            f"would be scored as often; expected at most {MOST:,}"
        )
    if n == 1:
        return np.full((1, logits.shape[1]), np.nan)
    x = data.batch([bag]).x
    falls = []
    for i in range(n):
        rest = torch.cat([x[:i], x[i + 1 :]])
        falls.append(score_bags(model, BagDataset(rest, [0, n - 1]), torch.tensor([0]), device=device))
    again = np.concatenate(falls)
    return logits - again if link != "softmax" else _odds(logits) - _odds(again)


def _odds(logits: Values) -> Values:
    """Return the log-odds of classes that exclude each other."""
    from scipy.special import logsumexp

    columns = [logsumexp(np.delete(logits, column, axis=1), axis=1) for column in range(logits.shape[1])]
    odds: Values = logits - np.stack(columns, axis=1)
    return odds


def _found(
    members: Members, items: Any, bag_column: str | None, smiles_column: str | None, **form: str | None
) -> tuple[list[Any], Any, list[Any], list[str], Any]:
    """Return the data set of each run, the position of each bag there, names and errors, and the rows of instances."""
    import os
    from pathlib import Path

    from xgraph.data import BagDataset
    from xgraph.training.prediction.bags import OwnBags, find_bags, positions
    from xgraph.training.prediction.new_bags import bags_of_conformers, makes_conformers
    from xgraph.training.prediction.objects import check_bags
    from xgraph.training.prediction.smiles import read_items

    def own_rows(data: Any) -> Any:
        def rows(bag: int) -> npt.NDArray[np.int64]:
            number = data.batch([bag]).instance
            where = number if data.instance_row is None else data.instance_row[number]
            return where.numpy()  # type: ignore[no-any-return]

        return rows

    count = len(members.states)
    if isinstance(items, BagDataset):
        check_bags(items, members.states)
        return [items] * count, np.arange(len(items)), list(items.bag_names), [""] * len(items), own_rows(items)
    if items is not None and makes_conformers(members.states[0]):
        new: Any = bags_of_conformers(read_items(members, items, smiles_column, **form).texts, members.states[0])
    elif isinstance(items, str | Path) and os.path.isdir(items):
        from xgraph.data.bags.folder.new import open_folder
        from xgraph.data.storage.root import root
        from xgraph.training.files.checkpoint import instance_shape

        new = open_folder(Path(items), instance_shape(members.header), root())
    else:
        new = find_bags(members, items, bag_column, smiles_column, **form)
        if isinstance(new, OwnBags):
            datas = [source.data for source in members.own_sources("data set", "bags")]
            places = positions(new.names, datas[0])
            names = [datas[0].bag_names[i] if i >= 0 else "" for i in places.tolist()]
            return datas, places, names, [""] * len(places), own_rows(datas[0])
    places = np.full(len(new.names), -1)
    places[list(new.place)] = np.arange(len(new.place))
    return [new.data] * count, places, list(new.names), list(new.errors), _new_rows(new, own_rows)


def _new_rows(new: Any, own_rows: Any) -> Any:
    """Return the rows of the instances of bags of a table; of others, their numbers within the bag."""

    def rows(bag: int) -> npt.NDArray[np.int64]:
        size = int(new.data.sizes[bag])
        if str(new.data.featurizer).startswith(CONFORMERS):  # whose row is that of the molecule
            return np.arange(size)
        if getattr(new, "rows", None) is None or not len(new.rows) or "row" not in new.rows:
            return np.arange(size)
        number = new.data.batch([bag]).instance.numpy()
        found: npt.NDArray[np.int64] = new.rows["row"].to_numpy()[new.instance_place[number]]
        return found

    return rows
