"""`xgraph.embed`: the vectors that a trained model has for molecules, nodes or bags, before its head."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import nn

from xgraph.training.config.build import registry
from xgraph.training.files.checkpoint import HEADER, read_checkpoint
from xgraph.training.files.members import check_single
from xgraph.training.files.rundir import NETWORK
from xgraph.training.files.saved_model import RANK_MEAN
from xgraph.training.files.saved_model import load_model as rebuild
from xgraph.training.prediction.embedding.bags import embed_some_bags
from xgraph.training.prediction.embedding.molecules import embed_molecules
from xgraph.training.prediction.embedding.nodes import embed_nodes
from xgraph.training.prediction.members import Members, checkpoints
from xgraph.training.scoring.inference import choose_device

if TYPE_CHECKING:
    import pandas as pd


def load_model(run: str | Path) -> nn.Module:
    """Return the model of a finished run, in evaluation mode on the CPU, with the weights of the kept epoch.

    It maps a batch to logits, one column per task; their sigmoid is the score that :func:`predict` returns (for classes
    that exclude each other, the softmax). :func:`xgraph.data.MoleculeDataset.batch` and
    :func:`xgraph.data.BagDataset.batch` make batches of molecules and bags. A model of nodes takes a PyG ``Data`` with
    ``x`` and ``edge_index``. All models but those that are fitted in a single step have a method ``embed``, which
    returns the vectors before the head.

    Args:
        run: A run directory, or a checkpoint. Of a run over folds or seeds, choose the directory of one of them.

    Raises:
        FileNotFoundError: If there is no such run.
        ValueError: If it is a run over folds or seeds, or its checkpoint cannot be read.

    Example:
        >>> import tempfile, torch, xgraph
        >>> from xgraph.data import MoleculeDataset
        >>> short = dict(epochs=1, pretrain_epochs=0, hidden_channels=4, num_layers=1)
        >>> run = xgraph.train("nci-pains", out=tempfile.mkdtemp(), **short)
        >>> model = load_model(run.path)
        >>> molecules = MoleculeDataset.from_smiles(["CCO", "c1ccccc1O"])
        >>> with torch.no_grad():
        ...     scores = model(molecules.batch([0, 1])).sigmoid()
        >>> bool(torch.allclose(scores[0, 0], torch.tensor(xgraph.predict(run.path, ["CCO"])["pains"][0]).float()))
        True
    """
    return rebuild(_state_of(run)[0])


def embed(
    run: str | Path,
    items: Any = None,
    *,
    smiles_column: str | None = None,
    bag_column: str | None = None,
    device: str = "auto",
    progress: bool = False,
    separator: str | None = None,
    encoding: str | None = None,
) -> "pd.DataFrame":
    """Return the vectors of molecules, nodes or bags that the head of a trained model turns into scores.

    A bag's vector is the mean of those of its instances, with the weights that the model's pooling gives them; with
    attention it is what the head is applied to.

    Args:
        run: A run directory, or a checkpoint; also a pretrained encoder. Of a run over folds or seeds, choose one of
            them.
        items: What to embed, as for :func:`predict`: molecules, nodes or bags, as a list, a table or an object.
        smiles_column: Column of SMILES; by default the one that the run was trained on.
        bag_column: Column that names the bag of each row; by default recognised by its name.
        device: "auto", "cpu" or "cuda".
        progress: Show progress on stderr if it is a terminal.
        separator: What separates the cells of a text file: a character, or comma, tab, semicolon or space; by default
            it is recognised.
        encoding: Encoding of a text file; by default UTF-8, or UTF-16 if it has a byte-order mark.

    Returns:
        A table with one row per input, in the same order: ``smiles``, ``node`` or ``bag``, the vector in the columns
        ``v0``, ``v1``, ..., float32, and ``error``, which says why there is no vector; its values are then missing.

    Raises:
        FileNotFoundError: If there is no such run or file.
        ValueError: If the model has no encoder, or an input is not as for :func:`predict`.

    Example:
        >>> import tempfile, xgraph
        >>> short = dict(epochs=1, pretrain_epochs=0, hidden_channels=4, num_layers=1)
        >>> run = xgraph.train("nci-pains", out=tempfile.mkdtemp(), **short)
        >>> frame = embed(run.path, ["CCO", "C1CC"])
        >>> list(frame.columns), frame["v0"].notna().tolist()
        (['smiles', 'v0', 'v1', 'v2', 'v3', 'error'], [True, False])
    """
    state, path = _state_of(run)
    header = state[HEADER]
    if header["model"] == RANK_MEAN:
        raise ValueError(
            f"run: {path} keeps the mean of the ranks of two models, which has no vectors; those of its network are "
            f"had with {path.with_name(NETWORK)}"
        )
    if registry("model")[header["model"]].fitted:
        raise ValueError(
            f"run: model {header['model']!r} of {path} has no encoder and so no vectors; it is fitted to features, "
            f"which xgraph.data.{'bag_statistics' if header['kind'] == 'bag' else 'describe'} computes"
        )
    members = Members([state], [path], choose_device(device), progress)
    model = rebuild(state).to(members.device)
    form = {"separator": separator, "encoding": encoding}
    if header["kind"] == "graph":
        return embed_molecules(members, model, items, smiles_column, **form)
    if header["kind"] == "node":
        return embed_nodes(members, model, items, **form)
    return embed_some_bags(members, model, items, bag_column, smiles_column, **form)


def _state_of(run: str | Path) -> tuple[dict[str, Any], Path]:
    """Read the checkpoint of a single run."""
    check_single(Path(run))
    paths = checkpoints(run)
    return read_checkpoint(paths[0]), paths[0]
