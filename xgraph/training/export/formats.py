"""Recording of a model as TorchScript or ONNX, and comparison of what was recorded with the model."""

import contextlib
import inspect
import io
import logging
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from xgraph.options import OptionError
from xgraph.training.export.tensors import Function

Call = Callable[..., list[Tensor]]
_RELATIVE, _ABSOLUTE = 1e-4, 1e-5


def to_torchscript(function: Function) -> tuple[bytes, Call]:
    """Record a function as TorchScript; return the file's content, and the function that it holds."""
    with _quiet(), torch.no_grad():
        recorded = torch.jit.trace(function.module, function.examples[0], check_trace=False)  # type: ignore[no-untyped-call]
        content = io.BytesIO()
        torch.jit.save(recorded, content)
        content.seek(0)
        loaded: Any = torch.jit.load(content)  # type: ignore[no-untyped-call]

    def call(*tensors: Tensor) -> list[Tensor]:
        with _quiet(), torch.no_grad():
            return _listed(loaded(*tensors))

    return content.getvalue(), call


def to_onnx(function: Function) -> tuple[bytes, Call]:
    """Record a function as ONNX; return the file's content, and the function that it holds, run by ONNX Runtime.

    Raises:
        OptionError: If the packages for ONNX are not installed.
    """
    try:
        import onnxruntime
        import onnxscript  # noqa: F401 (torch.onnx needs it)
    except ImportError as error:
        raise OptionError(f"onnx: {error.name} is not installed; pip install 'xgraph-pyg[onnx]'") from None
    varying = torch.export.Dim.DYNAMIC
    # One dictionary per argument, for the *tensors of the module's forward or its only argument.
    shapes: Any = tuple({dimension: varying} for dimension in function.dynamic)
    if inspect.getfullargspec(function.module.forward).varargs is not None:
        shapes = (shapes,)
    with _quiet(), torch.no_grad():
        program = torch.export.export(function.module, function.examples[0], dynamic_shapes=shapes, strict=False)
        exported = torch.onnx.export(
            program, dynamo=True, verbose=False, input_names=function.inputs, output_names=function.outputs
        )
        if exported is None:
            raise ValueError("torch.onnx returned nothing")
        content = exported.model_proto.SerializeToString()
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])

    def call(*tensors: Tensor) -> list[Tensor]:
        given = {name: tensor.numpy() for name, tensor in zip(function.inputs, tensors, strict=True)}
        return [torch.from_numpy(array) for array in session.run(None, given)]

    return content, call


def check_same(function: Function, call: Call) -> None:
    """Raise `ValueError` if what was recorded differs from the function on any of its examples."""
    for example in function.examples:
        with torch.no_grad():
            expected = _listed(function.module(*example))
        size = " and ".join(f"{name} {list(x.shape)}" for name, x in zip(function.inputs[:2], example, strict=False))
        try:
            found = call(*example)
        except Exception as error:  # of the library that runs the file, which has many types
            raise ValueError(f"what was recorded fails for {size}: {_first_line(error)}") from None
        for one, other in zip(found, expected, strict=True):
            if one.shape != other.shape or not torch.allclose(one, other, rtol=_RELATIVE, atol=_ABSOLUTE):
                raise ValueError(f"what was recorded gives another result for {size}")


def _listed(out: Any) -> list[Tensor]:
    return list(out) if isinstance(out, tuple | list) else [out]


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[-1] if lines else type(error).__name__)[:160]


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silence the reports and advice of the exporters."""
    before = logging.root.manager.disable
    try:
        logging.disable(logging.ERROR)
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
