"""`xgraph.predict_folder`: score the Parquet files of a folder with the workers of a Ray cluster."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from xgraph.messages import listed
from xgraph.options import OptionError
from xgraph.training.prediction.members import Members, checkpoints
from xgraph.training.scoring.inference import choose_device


def predict_folder(
    run: str | Path | Sequence[str | Path],
    folder: str | Path,
    out: str | Path,
    *,
    workers: int = 1,
    smiles_column: str | None = None,
    device: str = "auto",
    cpus: float = 1.0,
    alpha: float | None = None,
    calibrate: str | None = None,
) -> list[Path]:
    """Score the Parquet files of a folder on the workers of a Ray cluster, or of this machine.

    Each file becomes a file of the same name in ``out``, with its own columns, as text, and those of the scores, as
    :func:`~xgraph.training.predict_file` writes them. A file appears only when it is complete, and files that are
    there already are not scored again: call it again after an interruption, and it scores those that are missing.

    Ray is the extra ``ray``. To use a cluster, set ``RAY_ADDRESS`` or call ``ray.init`` first; both folders and the run
    must be on a file system that all machines see. The files should be many and of similar size.

    Args:
        run: A run directory on molecules, or several that form an ensemble.
        folder: The folder of Parquet files; subfolders are not read.
        out: The folder to write to.
        workers: Number of workers; each holds the models.
        smiles_column: Column of SMILES; by default the one that the run was trained on, else recognised.
        device: "auto", "cpu" or "cuda"; with "cuda" each worker gets a GPU.
        cpus: CPU cores of a worker.
        alpha: Add conformal p-values and sets, as for :func:`~xgraph.training.predict`.
        calibrate: Add calibrated probabilities, as for :func:`~xgraph.training.predict`.

    Returns:
        The files that were written by this call.

    Raises:
        ImportError: If Ray is not installed.
        FileNotFoundError: If there is no such run or folder.
        OptionError: If ``workers`` or ``cpus`` is out of range, or ``out`` is the folder itself.
        ValueError: If some files cannot be scored; the others are complete.

    Example:
        >>> import xgraph
        >>> files = xgraph.predict_folder("runs/screen", "library/", "scores/", workers=8)  # doctest: +SKIP
    """
    source, target = Path(folder), Path(out)
    if not isinstance(workers, int) or workers < 1:
        raise OptionError(f"workers = {workers!r}: expected an integer of 1 or more")
    if not cpus > 0:
        raise OptionError(f"cpus = {cpus!r}: expected a positive number")
    if not source.is_dir():
        raise FileNotFoundError(f"folder: {source} is not a folder")
    if source.resolve() == target.resolve():
        raise OptionError(f"out: {target} is the folder of the library itself; choose another")
    runs = [str(path.resolve()) for path in checkpoints(run)]
    files = sorted(file for file in source.glob("*.parquet") if file.is_file())
    if not files:
        raise FileNotFoundError(f"folder: {source} has no Parquet file (*.parquet)")
    target.mkdir(parents=True, exist_ok=True)
    missing = [file for file in files if not (target / file.name).exists()]
    if not missing:
        return []
    chosen = choose_device(device)
    if alpha is not None or calibrate is not None:
        Members.read(run, "cpu", False).with_uncertainty(alpha, calibrate)  # fail, or warn, before workers are started
    jobs = [{"source": str(file.resolve()), "target": str((target / file.name).resolve())} for file in missing]
    kept = {"runs": runs, "smiles_column": smiles_column, "device": chosen, "alpha": alpha, "calibrate": calibrate}
    gpus = 1 if chosen == "cuda" else 0
    outcomes = _on_workers(jobs, kept, min(workers, len(jobs)), cpus, gpus)
    failed = {Path(one["source"]).name: one["error"] for one in outcomes if one["error"]}
    if failed:
        name, error = next(iter(failed.items()))
        raise ValueError(
            f"{len(failed)} of {len(jobs)} files could not be scored: {listed(list(failed), 5)}; {name}: {error}"
        )
    return [target / file.name for file in missing]


class FileScorer:
    """A worker: scores one file after the other.

    Args:
        runs: Checkpoints.
        smiles_column: Column of SMILES, or None to recognise it.
        device: "cpu" or "cuda".
        alpha: The share of errors of conformal sets, if there are any.
        calibrate: How to calibrate, if at all.
    """

    def __init__(
        self,
        runs: list[str],
        smiles_column: str | None,
        device: str,
        alpha: float | None = None,
        calibrate: str | None = None,
    ) -> None:
        from xgraph.data.storage.parallel import start_no_others

        start_no_others()  # the pool has as many workers as are wanted
        self.runs, self.smiles_column, self.device = runs, smiles_column, device
        self.alpha, self.calibrate = alpha, calibrate

    def __call__(self, batch: Any) -> Any:
        """Score the files that a batch of jobs names."""
        from xgraph.training.prediction.predict_file import predict_file

        errors = []
        for source, target in zip(batch["source"], batch["target"], strict=True):
            try:
                predict_file(
                    self.runs,
                    source,
                    target,
                    smiles_column=self.smiles_column,
                    device=self.device,
                    alpha=self.alpha,
                    calibrate=self.calibrate,
                )
            except Exception as error:  # told together with those of the other files
                errors.append(str(error) or type(error).__name__)
            else:
                errors.append("")
        return {"source": list(batch["source"]), "error": errors}


def _on_workers(
    jobs: list[dict[str, str]], kept: dict[str, Any], workers: int, cpus: float, gpus: int
) -> list[dict[str, str]]:
    """Spread jobs over an actor pool and return their outcomes."""
    try:
        import ray.data
    except ImportError:
        raise ImportError(
            "predict_folder needs Ray; install the extra: pip install -c constraints.txt '.[ray]'"
        ) from None
    data = ray.data.from_items(jobs, override_num_blocks=len(jobs))
    pool = ray.data.ActorPoolStrategy(size=workers)
    scored = data.map_batches(
        FileScorer, fn_constructor_kwargs=kept, batch_size=1, compute=pool, num_cpus=cpus, num_gpus=gpus or None
    )
    return list(scored.take_all())
