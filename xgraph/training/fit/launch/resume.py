"""Settings of a run: from what the user gave, or from its directory to resume it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from xgraph.options import OptionError
from xgraph.training.config.build import TrainConfig, build_config, differences, read_config
from xgraph.training.files.members import FOLD, member_folders
from xgraph.training.files.rundir import CONFIG, LAST, PATHS, check_files


def build(
    settings: Mapping[str, Any], base: Mapping[str, Any] | None, source: str | Path | None, saved: bool = False
) -> TrainConfig:
    """Build the settings; an error names the file `source` that `base` was read from."""
    try:
        return build_config(settings, base, saved=saved)
    except OptionError as error:
        if source is None:
            raise
        raise OptionError(f"{error} (in {source})") from None


def settings_to_resume(
    settings: Mapping[str, Any], from_file: TrainConfig | None, out: str | Path | None
) -> tuple[TrainConfig, Path]:
    """Return the settings of the run in `out`; settings that are given explicitly must not contradict them."""
    if out is None:
        raise OptionError("resume: give the directory of the run to resume with out (--out)")
    from xgraph.training.files.resume import MAY_CHANGE

    path = Path(out)
    saved = _saved(path)
    old = build({}, saved, path / CONFIG, saved=True)
    # More epochs are more epochs of the loss.
    kept = {} if old.fitted else {"pretrain_epochs": old.pretrain_epochs}
    new = from_file or build({**kept, **settings}, saved, path / CONFIG, saved=True)
    changes = differences(old, new)
    same = {}
    for name in sorted(changes, key=lambda name: name not in settings):  # explicit settings first
        before, after = changes[name]
        if name in PATHS and _same_file(before, after):
            same[name] = before
        elif name not in MAY_CHANGE and not (name in PATHS and _moved(before, after)):
            raise OptionError(
                f"resume: {name} is {before!r} in {path} and cannot become {after!r}; "
                f"only {', '.join(sorted(MAY_CHANGE))} can change, and the place of files with the same content"
            )
    if new.seeds != old.seeds and (old.seeds == 1 or new.seeds < old.seeds):
        raise OptionError(
            f"resume: seeds is {old.seeds} in {path} and cannot become {new.seeds}; only a run over several seeds can "
            "get more"
        )
    return new.replace(**same), path


def _saved(path: Path) -> dict[str, Any]:
    """Return the settings of a run, from the last checkpoint if the file of settings is missing."""
    check_files(path)
    if (path / CONFIG).is_file():
        try:
            return read_config(path / CONFIG)
        except OptionError as error:
            remedy = f"; delete it to resume with the settings of {LAST}" if (path / LAST).is_file() else ""
            raise OptionError(f"{error}{remedy}") from None
    if members := [one for one in member_folders(path) if (one / CONFIG).is_file()]:
        change = (
            'fold = "all" (or the folds of the run, such as fold = [0, 1]) in its section [data]'
            if members[0].name.startswith(FOLD)
            else "seed to that of the first one, split_seed the same, and seeds to their number, in its section [run]"
        )
        raise FileNotFoundError(
            f"resume: {path} has no {CONFIG}, but {members[0].name} of it has: copy {members[0] / CONFIG} to "
            f"{path / CONFIG}, set {change}, and resume again; what is finished is not trained again"
        )
    if not (path / LAST).is_file():
        raise FileNotFoundError(f"resume: {path} is not a run directory (no {CONFIG})")
    from xgraph.training.files.checkpoint import HEADER
    from xgraph.training.files.resume import read_last

    settings: dict[str, Any] = read_last(path)[HEADER]["config"]
    return settings


def _same_file(one: object, other: object) -> bool:
    return Path(str(one)).resolve() == Path(str(other)).resolve()


def _moved(before: object, after: object) -> bool:
    """Whether a setting may be the same file at another place; the checkpoint tells whether the content is the same."""
    from xgraph.data.cards.named import names

    return before not in (None, *names()) and after not in (None, *names())
