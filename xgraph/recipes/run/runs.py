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

    def train(self, member: Member, seed: int) -> None:
        """Train a member with one of its seeds, and score it on inner folds if a choice needs that."""
        name = str(self.recipe.run_path(member, seed))
        path = self.out / name
        started = (path / CONFIG).is_file()
        before, encoder = self.recipe.start_of(member), self.recipe.encoder_of(member)
        inner = self.recipe.inner_folds(member)
        if started and (path / METRICS).is_file():
            _check_finished(Run.open(path), member, free=before is not None or encoder is not None)
            if all(is_scored(member, path, folds) for folds in inner):
                return
        settings = {**member.settings, "seed": seed}
        if before is not None:
            settings["init"] = str((self.out / self.recipe.run_path(before, seed)).resolve())
        elif encoder is not None:
            settings["init"] = str((self.out / encoder.name).resolve())
        settings = self._settings(settings)
        with _named(name), timed(self.out, name):
            if not (path / METRICS).is_file():
                train(member.dataset, out=path, resume=started, progress=self.progress, **settings)
            for folds in inner:
                score_inner(member, path, folds, settings)

    def _settings(self, settings: dict[str, Any]) -> dict[str, Any]:
        threads = {} if self.threads is None else {"threads": self.threads}
        return {**settings, "device": self.device, **threads}


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
