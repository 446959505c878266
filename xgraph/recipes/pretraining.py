"""`[[pretraining]]`: encoders that members start from, pretrained before them by the same recipe."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xgraph.options import OptionError
from xgraph.recipes.places import dataset_at, folder_name
from xgraph.recipes.table import Table
from xgraph.training.files.rundir import CONFIG, METRICS, Run
from xgraph.training.pretraining.pretrain import pretrain, settings_to_resume
from xgraph.training.pretraining.settings import PretrainConfig, build_pretrain_config

_OF_ALL = {"out", "resume", "device", "threads", "progress"}


@dataclass(frozen=True)
class Pretraining:
    """An encoder.

    Args:
        name: What members call it under `init`, and the name of its folder.
        settings: As `xgraph.training.pretraining` takes them.
        config: The same, complete.
    """

    name: str
    settings: dict[str, Any]
    config: PretrainConfig


def read_pretrainings(table: Table) -> list[Pretraining]:
    """Read all `[[pretraining]]` of a recipe."""
    made: list[Pretraining] = []
    for one in table.tables("pretraining", []):
        name = folder_name(one)
        one = one.at(f"{one.place} ({name!r})")
        if any(other.name.lower() == name.lower() for other in made):
            raise one.refuse("name", name, "another name than that of an encoder before")
        settings = one.rest()
        for key in sorted(_OF_ALL & settings.keys()):
            raise one.error(f"{key} = {settings[key]!r}: it is no setting of a recipe, whose runs all have the same")
        for key in ("datasets", "exclude"):
            if key in settings:
                settings[key] = _placed(one, key, settings[key])
        try:
            made.append(Pretraining(name, settings, build_pretrain_config(settings)))
        except OptionError as error:
            raise one.error(str(error)) from None
    return made


def shortened(pretraining: Pretraining, share_of_epochs: float) -> Pretraining:
    """The same with fewer epochs, at least one."""
    settings = {**pretraining.settings, "epochs": max(1, round(pretraining.config.epochs * share_of_epochs))}
    return Pretraining(pretraining.name, settings, build_pretrain_config(settings))


def run_pretraining(one: Pretraining, out: Path, threads: int | None, device: str, progress: bool) -> None:
    """Pretrain, or go on with it; what is finished stays."""
    path = out / one.name
    started = (path / CONFIG).is_file()
    try:
        if started and (path / METRICS).is_file():
            wanted, _ = settings_to_resume(one.settings, None, path)
            if Run.open(path).metrics.get("epochs") == wanted.epochs:
                return
        pretrain(out=path, resume=started, progress=progress, threads=threads, device=device, **one.settings)
    except (OptionError, ValueError) as error:
        kind = OptionError if isinstance(error, OptionError) else ValueError
        raise kind(f"{one.name}: {error}") from error


def _placed(table: Table, key: str, value: object) -> list[str]:
    """Data sets by name, and files by their absolute path."""
    from xgraph.data.cards.named import names

    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) and text for text in texts):
        raise table.refuse(key, value, "a list of data sets")
    # A part of a data set, such as `hiv:test`, can be excluded; what follows the name is checked with the data.
    part = {text for text in texts if key == "exclude" and text.split(":")[0] in names()}
    return [text if text in part else dataset_at(table, key, text) for text in texts]
