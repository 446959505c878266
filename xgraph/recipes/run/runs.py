"""The single runs of a recipe: pretraining an encoder, or training a member with one of its seeds."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xgraph.options import OptionError
from xgraph.recipes.run.directory import SETTINGS_OF_SEEDS, timed
from xgraph.recipes.run.inner import is_scored, score_inner
from xgraph.recipes.schema.recipe import Member, Pretraining, Recipe
from xgraph.training.config.build import differences
from xgraph.training.files.rundir import CONFIG, METRICS, Run
from xgraph.training.fit.train import train
from xgraph.training.pretraining.pretrain import pretrain, settings_to_resume


@dataclass(frozen=True)
class Runner:
    """Trains or resumes the unfinished runs of a recipe in a directory."""

    recipe: Recipe
    out: Path
    threads: int | None
    device: str
    progress: bool
    part: str = ""  # folder of the runs in `out`

    def name(self, member: Member, seed: int) -> str:
        """Return the name of a run: its path in the directory of the whole recipe."""
        return str(Path(self.part) / self.recipe.run_path(member, seed))

    def check(self, member: Member, seed: int) -> None:
        """Raise `OptionError` if a run has finished with other settings than the recipe's."""
        path = self._path(member, seed)
        if _has_finished(path):
            free = self.recipe.start_of(member) is not None or self.recipe.encoder_of(member) is not None
            _check_finished(Run.open(path), member, free)

    def pretrain(self, encoder: Pretraining) -> None:
        """Pretrain an encoder."""
        path = self.out / encoder.name
        started = (path / CONFIG).is_file()
        with timed(self.out, encoder.name), _named(encoder.name):
            if started and (path / METRICS).is_file():
                full, _ = settings_to_resume(encoder.settings, None, path)
                if Run.open(path).metrics.get("epochs") == full.epochs:
                    return
            pretrain(out=path, resume=started, progress=self.progress, **self._settings(encoder.settings))

    def is_finished(self, member: Member, seed: int) -> bool:
        """Whether a run, and its scores on inner folds if a choice needs them, are there."""
        path = self._path(member, seed)
        inner = self.recipe.inner_folds(member)
        return _has_finished(path) and all(is_scored(member, path, folds) for folds in inner)

    def train(self, member: Member, seed: int) -> None:
        """Train a member with one of its seeds, and score it on inner folds if a choice needs that."""
        path = self._path(member, seed)
        settings = self._settings({**member.settings, "seed": seed})
        before, encoder = self.recipe.start_of(member), self.recipe.encoder_of(member)
        if before is not None:
            settings["init"] = str((self._path(before, seed)).resolve())
        elif encoder is not None:
            settings["init"] = str((self.out / encoder.name).resolve())
        if not _has_finished(path):
            resume = (path / CONFIG).is_file()
            train(member.dataset, out=path, resume=resume, progress=self.progress, **settings)
        for folds in self.recipe.inner_folds(member):
            score_inner(member, path, folds, settings)

    def _path(self, member: Member, seed: int) -> Path:
        return self.out / self.name(member, seed)

    def _settings(self, settings: dict[str, Any]) -> dict[str, Any]:
        threads = {} if self.threads is None else {"threads": self.threads}
        return {**settings, "device": self.device, **threads}


def _has_finished(path: Path) -> bool:
    return (path / CONFIG).is_file() and (path / METRICS).is_file()


@contextmanager
def _named(name: str) -> Iterator[None]:
    """Put the name of a run in front of its errors."""
    try:
        yield
    except ValueError as error:
        kind = OptionError if isinstance(error, OptionError) else ValueError
        raise kind(f"{name}: {error}") from error


def _check_finished(run: Run, member: Member, free: bool) -> None:
    """Raise `OptionError` if a run's settings are not the recipe's; `init` is not compared if the recipe sets it."""
    for name, (before, now) in differences(run.config, member.config).items():
        if name not in {*SETTINGS_OF_SEEDS, "dataset", *(["init"] if free else [])}:
            raise OptionError(
                f"out: {run.path} was trained with {name} = {before!r}, but the recipe has {now!r}; "
                "choose another --out"
            )
