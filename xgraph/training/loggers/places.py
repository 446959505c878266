"""Where the loggers of a run write, and how they find their own record again when the run is resumed."""

import json
import re
import warnings
from pathlib import Path
from typing import Any, NamedTuple

from xgraph.training.files.members import FOLD, SEED
from xgraph.training.files.rundir import CONFIG, LOGS
from xgraph.training.files.writing import write_json

_RECORDS = "runs.json"
_MEMBER = re.compile(rf"({FOLD}|{SEED})[0-9]+")


class Place(NamedTuple):
    """Where a run is logged.

    Args:
        folder: The folder of logs. The folds of a run share it.
        member: The run's place in the outermost run, such as ``fold_0``; empty for that run itself.
        title: What to call the run: the name of its directory, and its place in it.
    """

    folder: Path
    member: str
    title: str

    def record(self, name: str) -> dict[str, Any]:
        """What a logger has kept about its record of this run; empty if it has none."""
        known = self._records().get(self.member or ".", {})
        record = known.get(name, {}) if isinstance(known, dict) else {}
        return record if isinstance(record, dict) else {}

    def keep(self, name: str, record: dict[str, Any]) -> None:
        """Write down what a logger needs to find its record again."""
        records = self._records()
        own = records.get(self.member or ".")
        records[self.member or "."] = {**(own if isinstance(own, dict) else {}), name: record}
        self.folder.mkdir(exist_ok=True)
        write_json(self.folder / _RECORDS, records)

    def folder_of(self, name: str) -> Path:
        """The folder of a logger that writes files for each run."""
        return self.folder / name / self.member

    def _records(self) -> dict[str, Any]:
        file = self.folder / _RECORDS
        if not file.is_file():
            return {}
        try:
            records = json.loads(file.read_text(encoding="utf-8"))
        except (ValueError, RecursionError):
            records = None
        if isinstance(records, dict):
            return records
        warnings.warn(f"{file} is damaged, so loggers start new records of this run", stacklevel=2)
        file.unlink()
        return {}


def place_of(path: Path) -> Place:
    """Return where the run in a directory is logged: folds, in the folder of the run that they belong to."""
    outer, members = path, list[str]()
    while _MEMBER.fullmatch(outer.name) and (outer.parent / CONFIG).is_file():
        members.insert(0, outer.name)
        outer = outer.parent
    member = "/".join(members)
    return Place(outer / LOGS, member, "/".join([outer.resolve().name, *members]))
