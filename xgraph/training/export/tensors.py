"""Models as functions of tensors, and inputs on which an exported model must agree with them."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from xgraph.training.files.checkpoint import instance_shape

_SMILES = ("CCO", "c1ccccc1O", "CC(C)(C)OC(=O)N", "[Na+].[Cl-]", "C", "CCCCCCCCCN", "C/C=C/C[C@H](N)C(=O)O")
_BATCHES = ((0, 1, 2, 3), (4, 5), (6, 6, 1), (1,), (4,))
_GRAPHS = ((30, 100), (50, 10), (3, 9), (7, 1))
_BAGS = (5, 9, 2, 1)


class Function(NamedTuple):
    """A model as a function of tensors.

    Args:
        module: The function, in evaluation mode.
        inputs: Names of its arguments.
        outputs: Names of its results.
        dynamic: For each argument, the dimension whose size varies.
        examples: Arguments of different sizes; the first is what the function is recorded with.
        notes: What whoever calls it must know.
    """

    module: nn.Module
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    dynamic: tuple[int, ...]
    examples: Sequence[tuple[Tensor, ...]]
    notes: str


class _Batch:
    """Attributes of a batch, without PyG's containers, which cannot be recorded."""

    def __init__(self, **tensors: Tensor) -> None:
        self.__dict__.update(tensors)


class _OfBatch(nn.Module):
    """A model of molecules or nodes."""

    def __init__(self, model: nn.Module, names: tuple[str, ...]) -> None:
        super().__init__()
        self.model, self.names = model, names

    def forward(self, *tensors: Tensor) -> Tensor:
        """Return logits."""
        out: Tensor = self.model(_Batch(**dict(zip(self.names, tensors, strict=True))))
        return out


class _OfBag(nn.Module):
    """A model of bags, for the instances of one bag."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        model.pool.validate = False  # the checks depend on the data
        self.model = model

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the logits of the bag, ``[1, T]``, and the weights of its instances."""
        model: Any = self.model
        e = model.embed(_Batch(x=x))
        scores = model.head(e)
        bag = torch.zeros_like(scores[:, 0], dtype=torch.long)
        pooled, value = (e, {"value": scores}) if model.attends else (scores, {})
        logits = model.pool(pooled, bag, dim_size=1, **value)
        return model.in_units(logits), model.pool.weights(pooled, bag, dim_size=1)


def as_function(model: Any, header: Mapping[str, Any]) -> Function:
    """Return a model of a run as a function of tensors.

    Args:
        model: The model, in evaluation mode.
        header: Header of its checkpoint.

    Raises:
        ValueError: If its inputs are not a few tensors.
    """
    generator = torch.Generator().manual_seed(0)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator)

    if header["kind"] == "node":
        width = int(header["model_arguments"]["in_channels"])
        examples: list[tuple[Tensor, ...]] = [
            (normal(n, width), torch.randint(n, (2, e), generator=generator)) for n, e in _GRAPHS
        ]
        first = examples[0]
        loops = torch.arange(len(first[0])).expand(2, -1)
        examples += [(first[0], torch.cat([first[1], loops], dim=1))]
        examples[0] = (first[0], first[1][:, first[1][0] != first[1][1]])
        notes = "x: features of all nodes [N, C]; edge_index: source and target of each edge [2, E]"
        return Function(_OfBatch(model, ("x", "edge_index")), ("x", "edge_index"), ("logits",), (0, 1), examples, notes)
    if header["kind"] == "bag":
        shape = list(instance_shape(header))
        if not shape:
            raise ValueError("the instances of its bags are molecules, which are several tensors")
        notes = "x: the instances of one bag; logits [1, T], weights: of each instance in the bag"
        bags = [(normal(n, *shape),) for n in _BAGS]
        return Function(_OfBag(model), ("x",), ("logits", "weights"), (0,), bags, notes)
    if not model.reads_graphs:
        width = int(header["model_arguments"]["num_features"])
        rows = [(normal(len(batch), width),) for batch in _BATCHES]
        notes = f"features: features of each molecule [B, {width}]"
        return Function(_OfBatch(model, ("features",)), ("features",), ("logits",), (0,), rows, notes)
    return _of_molecules(model, int(header["model_arguments"].get("num_features", 0)), normal)


def _of_molecules(model: Any, num_features: int, normal: Any) -> Function:
    from xgraph.data import MoleculeDataset

    names: tuple[str, ...] = ("x", "edge_index", "edge_attr", "batch", "ptr")
    notes = (
        "a batch of molecules with the features of OGB: x [N, 9], edge_index [2, E], edge_attr [E, 3], batch: the "
        "molecule of each atom [N], ptr: the first atom of each molecule, and the number of atoms [B + 1]"
    )
    dynamic: tuple[int, ...] = (0, 1, 0, 0, 0)
    if num_features:
        names, dynamic = (*names, "features"), (*dynamic, 0)
        notes += f"; features: additional features of each molecule [B, {num_features}]"
    data = MoleculeDataset.from_smiles(_SMILES)
    examples = []
    for rows in _BATCHES:
        batch = data.batch(rows)
        tensors = [batch[name] for name in names[:5]]
        examples.append((*tensors, *([normal(len(rows), num_features)] if num_features else [])))
    return Function(_OfBatch(model, names), names, ("logits",), dynamic, examples, notes)
