"""The loggers by name, and the packages that they need. Importing this module imports none of them."""

from collections.abc import Iterable
from importlib.util import find_spec
from typing import NamedTuple

from xgraph.options import OptionError


class Needs(NamedTuple):
    """What a logger needs.

    Args:
        module: The module that must be installed; empty if there is none.
        extra: The extra of xgraph that installs it.
        title: The product.
    """

    module: str
    extra: str
    title: str


LOGGERS = {
    "csv": Needs("", "", "CSV"),
    "tensorboard": Needs("tensorboard", "tensorboard", "TensorBoard"),
    "wandb": Needs("wandb", "wandb", "Weights & Biases"),
    "mlflow": Needs("mlflow", "mlflow", "MLflow"),
}


def check_installed(names: Iterable[str] | None) -> None:
    """Refuse loggers whose package is not installed.

    Args:
        names: Names of loggers.

    Raises:
        OptionError: If a package is missing; the message names the command that installs it.
    """
    missing = [name for name in names or () if LOGGERS[name].module and find_spec(LOGGERS[name].module) is None]
    if missing:
        packages = " and ".join(f"the package {LOGGERS[name].module}" for name in missing)
        extras = ",".join(LOGGERS[name].extra for name in missing)
        raise OptionError(f"logger = {','.join(missing)!r} needs {packages}; pip install 'xgraph-pyg[{extras}]'")
