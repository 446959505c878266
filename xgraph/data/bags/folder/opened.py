"""The files of bags that are open: the most recently used ones, opened anew in another process."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock
from typing import Any, BinaryIO

from xgraph.data.bags.folder.bag import Bag
from xgraph.data.bags.folder.formats import open_bag
from xgraph.data.storage.root import replacing
from xgraph.data.storage.store import content_key

MOST = 32
"""Number of files that stay open."""


class OpenBags:
    """Opens the files of bags on demand.

    Args:
        paths: The files.
        root: Data root, for arrays that have to be unpacked before their rows can be read.
        most: Number of files that stay open.
    """

    def __init__(self, paths: Sequence[Path], root: Path, most: int = MOST) -> None:
        self.paths, self.root, self.most = list(paths), root, most
        self._renew()

    def _renew(self) -> None:
        self._open: OrderedDict[int, Bag] = OrderedDict()
        self._lock, self._process = Lock(), os.getpid()

    def __getitem__(self, number: int) -> Bag:
        """Return an open bag; one that is evicted is closed when its last user is done with it."""
        if self._process != os.getpid():  # after a fork: positions in open files would be shared with the parent
            self._renew()
        with self._lock:
            bag = self._open.get(number)
            if bag is None:
                bag = self._open[number] = open_bag(self.paths[number], self._unpack(self.paths[number]))
            self._open.move_to_end(number)
            while len(self._open) > self.most:
                self._open.popitem(last=False)
        return bag

    def _unpack(self, path: Path) -> Callable[[str, Callable[[BinaryIO], None]], Path]:
        def unpack(name: str, write: Callable[[BinaryIO], None]) -> Path:
            plain = self.root / "processed" / f"unpacked-{state_key(path, name)[:40]}.npy"
            if not plain.is_file():
                with replacing(plain) as out:
                    write(out)
            return plain

        return unpack

    def __getstate__(self) -> dict[str, Any]:
        return {"paths": self.paths, "root": self.root, "most": self.most}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]


def state_key(path: Path, *depends: object) -> str:
    """Return a name for what is known about a file, which changes whenever the file is written or replaced."""
    state = path.stat()
    return content_key([str(path.resolve())], state.st_size, state.st_mtime_ns, state.st_ctime_ns, *depends)
