"""Scores of molecules from one or several models, chunk by chunk, so that memory does not grow with their number."""

import warnings
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from xgraph.training.files.checkpoint import HEADER, check_feature_names
from xgraph.training.files.saved_model import load_model, loss_link
from xgraph.training.prediction.members import Members, Reading, check_featurizer, empty_smiles
from xgraph.training.prediction.output.names import not_finite
from xgraph.training.scoring.ensemble import Ensemble
from xgraph.training.scoring.inference import EVAL_BATCH_SIZE, as_scores, score

if TYPE_CHECKING:
    from xgraph.data import MoleculeDataset

CHUNK = EVAL_BATCH_SIZE
"""Rows that are read and scored together."""

Scores = npt.NDArray[np.float64]
Wanted = dict[Reading, list[str]]
"""The features that the runs need, by how they read molecules."""

_WORTH = 3  # chunks that justify other processes
_HALF = CHUNK // 2  # so few molecules are read without compiled code, which may have ended a worker process


class Scored(NamedTuple):
    """Scores of a chunk of n molecules.

    Args:
        members: Scores of each run, missing where there is an error. Each of shape [n, T].
        errors: Why a molecule has no scores; empty if it has.
    """

    members: list[Scores]
    errors: list[str]

    @classmethod
    def joined(cls, parts: "Sequence[Scored]", members: int, tasks: int) -> "Scored":
        """Join the scores of several chunks."""
        nothing = np.empty((0, tasks))
        each = [np.concatenate([nothing, *(part.members[m] for part in parts)]) for m in range(members)]
        return cls(each, [error for part in parts for error in part.errors])

    def finite(self, tasks: Sequence[str]) -> "Scored":
        """Return the same with an error, and without scores, where a run's score is not finite."""
        errors = list(self.errors)
        for scores in self.members:
            errors = [a or b for a, b in zip(errors, not_finite(tasks, scores), strict=True)]
        bad = np.array([bool(error) for error in errors], dtype=bool)
        return Scored([np.where(bad[:, None], np.nan, scores) for scores in self.members], errors)

    def combined(self, ensemble: Ensemble) -> tuple[Scores, Scores | None]:
        """Return scores and standard deviations as an ensemble combines the runs; missing where there is an error."""
        readable = np.array([not error for error in self.errors], dtype=bool)
        for scores in self.members:
            ensemble.add(scores[readable])
        std = ensemble.std
        return spread(ensemble.score, readable), None if std is None else spread(std, readable)


def spread(scores: Scores, readable: npt.NDArray[np.bool_]) -> Scores:
    """Return the scores of the readable rows as those of all rows."""
    full = np.full((len(readable), scores.shape[1]), np.nan)
    full[readable] = scores
    return full


class MoleculeScorer:
    """Scores chunks of SMILES with all runs of an ensemble.

    Without a GPU, each chunk is read and scored by one thread, and chunks are spread over processes. With a GPU, this
    process scores while others read the next chunks.

    Args:
        members: The runs.
    """

    def __init__(self, members: Members) -> None:
        self._members = members._replace(uncertainty=None)  # which need not go to other processes
        self._kinds = [features_of(state) for state in members.states]
        self._readings = [Reading.of(state[HEADER]) for state in members.states]
        self._links = [loss_link(state) for state in members.states]
        self._models = [load_model(state).to(members.device) for state in members.states]
        self._wanted: Wanted = {}
        for reading, kinds in zip(self._readings, self._kinds, strict=True):
            known = self._wanted.setdefault(reading, [])
            known += [kind for kind in kinds if kind not in known]

    def __call__(self, chunks: Iterable[Sequence[str]]) -> Generator[Scored, None, None]:
        """Yield the scores of each chunk, in order."""
        if self._members.device == "cpu":
            from xgraph.data.storage.parallel import map_ahead

            _prepare(self._wanted)
            yield from map_ahead(self._of_texts, chunks, what="scoring", worth=_WORTH, rescue=self._of_halves)
        else:
            for parts in read_ahead(chunks, self._wanted):
                yield self._of_parts(parts)

    def _of_texts(self, texts: Sequence[str]) -> Scored:
        with _one_thread():  # so that a score does not depend on the number of chunks
            return self._of_parts(_read(texts, self._wanted))

    def _of_halves(self, texts: Sequence[str]) -> Scored:
        with _one_thread():
            return self._of_parts(_read_in_halves(texts, self._wanted))

    def _of_parts(self, parts: "list[Part]") -> Scored:
        tasks = self._members.tasks
        return Scored.joined([self._score(part) for part in parts], len(self._models), len(tasks)).finite(tasks)

    def _score(self, part: "Part") -> Scored:
        members = []
        for m, state in enumerate(self._members.states):
            every = part.data[self._readings[m]]
            scores = np.full((len(part.errors), len(self._members.tasks)), np.nan)
            if len(every):
                data = every.with_features(self._kinds[m])
                check_featurizer(state, data.featurizer)
                logits = score(self._models[m], data, device=self._members.device)
                scores[data.row.numpy()] = as_scores(logits, self._links[m])
            members.append(scores)
        return Scored(members, part.errors)  # a molecule that only one of the runs cannot read has an error too


@contextmanager
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


class Part(NamedTuple):
    """Molecules that were read, and the errors of all; empty for those that could be read."""

    data: "dict[Reading, MoleculeDataset]"
    errors: list[str]


def read_ahead(chunks: Iterable[Sequence[str]], wanted: Wanted) -> Iterator[list[Part]]:
    """Yield the molecules of each chunk, in order; those of the next chunks are read in other processes meanwhile."""
    from xgraph.data.storage.parallel import map_ahead

    _prepare(wanted)
    read, rescue = partial(_read, wanted=wanted), partial(_read_in_halves, wanted=wanted)
    yield from map_ahead(read, chunks, what="featurising", worth=_WORTH, rescue=rescue)


def _prepare(wanted: Wanted) -> None:
    """Import what features need, before other processes are started."""
    from xgraph.data.molecules.features.describe import prepare

    for kinds in wanted.values():
        prepare(kinds)


def _read(texts: Sequence[str], wanted: Wanted) -> list[Part]:
    """Read a chunk of molecules and compute their features; nothing is cached on disk."""
    from xgraph.data import MoleculeDataset

    errors = empty_smiles(texts)
    read = {}
    for reading, kinds in wanted.items():
        data = MoleculeDataset.from_smiles(texts, **reading._asdict())
        for error in data.errors:
            errors[error.row] = errors[error.row] or error.message
        read[reading] = with_features(data, kinds, errors) if len(data) else data
    return [Part(read, errors)]


def with_features(data: "MoleculeDataset", kinds: list[str], errors: list[str]) -> "MoleculeDataset":
    """Return molecules with these features; those that an encoder refuses get an error."""
    from xgraph.data.molecules.features.describe import RefusedWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RefusedWarning)
        described = data.with_features(kinds, keep=False)
    for kind, positions in described.refused.items():
        for row in data.row[positions].tolist():
            errors[row] = errors[row] or f"{kind} cannot encode the molecule, so that it has no features"
    return described


def _read_in_halves(texts: Sequence[str], wanted: Wanted) -> list[Part]:
    return [part for i in range(0, len(texts), _HALF) for part in _read(texts[i : i + _HALF], wanted)]


def features_of(state: dict[str, Any]) -> list[str]:
    """Return the kinds of extra features that a run uses, after checking that this version computes the same ones."""
    kinds: list[str] = state[HEADER]["config"].get("features") or []
    names: list[str] = []
    if kinds:
        from xgraph.data import descriptor_names

        try:
            names = descriptor_names(kinds)
        except (TypeError, ValueError) as error:
            version = state[HEADER]["version"]
            raise ValueError(
                f"run: trained by xgraph {version} with features that are not available: {error}"
            ) from None
    check_feature_names(state[HEADER], names, f"a run on {state[HEADER]['dataset']!r}")
    return kinds
