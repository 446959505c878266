"""Which warnings a run keeps for its report."""

import warnings
from pathlib import Path

from xgraph.data.storage.store import CacheWarning
from xgraph.training.files.warned import read_warnings, warned


def warn_from(module: str, text: str, category: type[Warning] = UserWarning) -> None:
    names = {"__name__": module, "warnings": warnings, "category": category, "text": text}
    exec("warnings.warn(text, category, stacklevel=2)", names)


def test_only_warnings_of_xgraph_about_the_run_are_kept(tmp_path: Path) -> None:
    with warnings.catch_warnings(record=True) as shown, warned() as own:
        warnings.simplefilter("always")
        own.keep_in(tmp_path)
        warn_from("xgraph.training.fit.task", "one class only")
        warn_from("xgraph.training.fit.task", "one class only")
        warn_from("torch_geometric.utils", "once a process")
        warn_from("xgraph.nn.nodes.sage", "in beta state (Triggered internally at SparseCsrTensorImpl.cpp:49.)")
        warn_from("xgraph.data.storage.store", "computed again", CacheWarning)
    assert len(shown) == 5  # all are shown as before
    assert read_warnings(tmp_path) == own.texts == ["one class only"]
    with warnings.catch_warnings(record=True), warned() as later:
        later.keep_in(tmp_path)
        warn_from("xgraph.training.fit.task", "another")
    assert read_warnings(tmp_path) == ["one class only", "another"]
