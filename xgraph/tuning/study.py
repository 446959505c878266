"""The Optuna study of a search: a tree-structured Parzen estimator, saved in a file."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from xgraph.tuning.dimension import Dimension
from xgraph.tuning.space import combinations

if TYPE_CHECKING:
    import optuna

STUDY = "study.db"
_NAME = "search"


class Trial(NamedTuple):
    """A trial, with its value if it is complete."""

    number: int  # from 0
    values: dict[str, Any]
    state: str  # "running", "complete", "pruned" or "fail"
    value: float | None


class Study:
    """Proposes the settings to try next."""

    def __init__(self, path: Path, space: Sequence[Dimension], seed: int, *, higher_is_better: bool = True) -> None:
        try:
            import optuna
            from sqlalchemy.engine import URL
        except ImportError:
            raise ValueError("search: requires Optuna; install it with `pip install 'xgraph-pyg[search]'`") from None
        self._optuna, self.space, self.seed = optuna, list(space), seed
        self._sign = 1.0 if higher_is_better else -1.0
        self._distributions = {one.name: self._distribution(one) for one in space}
        file = URL.create("sqlite", database=str((path / STUDY).resolve())).render_as_string()
        before = optuna.logging.get_verbosity()
        optuna.logging.set_verbosity(optuna.logging.WARNING)  # do not announce the study
        try:
            storage = optuna.storages.RDBStorage(file)
            self._study = optuna.create_study(
                storage=storage,
                study_name=_NAME,
                load_if_exists=True,
                direction="maximize" if higher_is_better else "minimize",
            )
        finally:
            optuna.logging.set_verbosity(before)

    @property
    def trials(self) -> list[Trial]:
        """All started trials in order."""
        begun = self._study.get_trials(deepcopy=False)
        return [_trial(one) for one in begun if one.params.keys() == self._distributions.keys()]

    @property
    def best(self) -> Trial | None:
        """The first trial with the best value, if any is complete."""
        complete = [one for one in self.trials if one.state == "complete"]
        return max(complete, key=lambda one: (self._sign * (one.value or 0.0), -one.number)) if complete else None

    def next(self, trials: int) -> Trial | None:
        """Return the unfinished trial or a new one; None once there are enough trials."""
        states = self._optuna.trial.TrialState
        for one in self._study.get_trials(deepcopy=False, states=(states.RUNNING,)):
            if one.params.keys() == self._distributions.keys():
                return _trial(one)
            self._study.tell(one.number, state=states.FAIL)  # interrupted before it had all its values
        seen = self.trials
        every = combinations(self.space, trials)
        left = None if every is None else [one for one in every if one not in [trial.values for trial in seen]]
        if len(seen) >= trials or left == []:
            return None
        if left:
            waiting = self._study.get_trials(deepcopy=False, states=(states.WAITING,))
            if not waiting:
                self._study.enqueue_trial(left[0])
        number = len(self._study.get_trials(deepcopy=False))
        seed = int(np.random.SeedSequence([self.seed, number]).generate_state(1)[0])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", self._optuna.exceptions.ExperimentalWarning)
            self._study.sampler = self._optuna.samplers.TPESampler(seed=seed)
            trial = self._study.ask(self._distributions)
        return Trial(trial.number, dict(trial.params), "running", None)

    def tell(self, trial: Trial, value: float | None, state: str = "complete") -> None:
        """Finish a trial."""
        self._study.tell(trial.number, value, state=self._optuna.trial.TrialState[state.upper()])

    def _distribution(self, one: Dimension) -> "optuna.distributions.BaseDistribution":
        known = self._optuna.distributions
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # for a range that is not a multiple of its step
            distribution: optuna.distributions.BaseDistribution
            if one.choices:
                distribution = known.CategoricalDistribution(one.choices)
            elif one.whole:
                distribution = known.IntDistribution(int(one.low), int(one.high), log=one.log, step=int(one.step or 1))
            else:
                distribution = known.FloatDistribution(float(one.low), float(one.high), log=one.log, step=one.step)
        return distribution


def _trial(one: "optuna.trial.FrozenTrial") -> Trial:
    state = one.state.name.lower()
    return Trial(one.number, dict(one.params), state, one.value if state == "complete" else None)
