"""`xgraph.Predictor`: a trained run as a function of tables, for `map_batches` of Ray Data and its like."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from xgraph.options import OptionError
from xgraph.training.prediction.members import Members
from xgraph.training.prediction.predict import score_items
from xgraph.training.scoring.inference import choose_device

if TYPE_CHECKING:
    import pandas as pd


class Predictor:
    """A trained run, or an ensemble of several, as a function of tables: reads the models once and keeps no state.

    A row's scores do not depend on the other rows of the table, so that a library can be cut into batches and files in
    any way. For runs on molecules. With Ray Data, every worker gets its own copy::

        data = ray.data.read_parquet("library/")
        scored = data.map_batches(
            xgraph.Predictor,
            fn_constructor_kwargs={"run": "runs/screen", "smiles_column": "smiles"},
            batch_format="pandas",
            batch_size=4096,
            compute=ray.data.ActorPoolStrategy(size=2),
        )
        scored.write_parquet("scores/")

    :func:`~xgraph.training.predict_folder` does this for a folder of files, and continues an interrupted job.

    Args:
        run: A run directory, or several that form an ensemble, as for :func:`~xgraph.training.predict`.
        smiles_column: Column of SMILES; by default the one that the run was trained on, else recognised by its name and
            content, in each table anew.
        device: "auto", "cpu" or "cuda".
        alpha: Add conformal p-values and sets, as for :func:`~xgraph.training.predict`.
        calibrate: Add calibrated probabilities, as for :func:`~xgraph.training.predict`.

    Raises:
        FileNotFoundError: If there is no such run.
        ValueError: If the runs differ in tasks, a checkpoint cannot be read, or a run is not on molecules.

    Example:
        >>> import tempfile, pandas, xgraph
        >>> short = dict(epochs=1, pretrain_epochs=0, hidden_channels=4, num_layers=1)
        >>> predictor = Predictor(xgraph.train("nci-pains", out=tempfile.mkdtemp(), **short).path)
        >>> list(predictor(pandas.DataFrame({"name": ["ethanol"], "smiles": ["CCO"]})).columns)
        ['name', 'smiles', 'pains_score', 'error']
    """

    def __init__(
        self,
        run: str | Path | Sequence[str | Path],
        *,
        smiles_column: str | None = None,
        device: str = "auto",
        alpha: float | None = None,
        calibrate: str | None = None,
    ) -> None:
        self._members = Members.read(run, choose_device(device), False).with_uncertainty(alpha, calibrate)
        if self._members.header["kind"] != "graph":
            kind = self._members.header["kind"]
            raise OptionError(
                f"run: expected runs on molecules, but {self._members.paths[0]} is on data of kind {kind!r}"
            )
        self.smiles_column = smiles_column

    def __call__(self, table: "pd.DataFrame") -> "pd.DataFrame":
        """Return the table with a score per task, and an ``error`` where a molecule cannot be read."""
        return score_items(self._members, table, smiles_column=self.smiles_column, keep_columns=True).frame
