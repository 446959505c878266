import os
import subprocess
import sys

import pytest

from xgraph.cli.completion import complete_dataset, complete_loss, complete_model, complete_recipe
from xgraph.data.cards.named import names

CODE = """
import sys
from xgraph.cli import main
try:
    code = main([])
finally:
    sys.stderr.write(" ".join(sys.modules))
"""


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("xgraph lo", ["losses"]),
        ("xgraph train --loss so", ["soap", "sopa", "sopa-s", "sota-s"]),
        ("xgraph train --model sag", ["sage", "sage-fm"]),
        ("xgraph train --hidden", ["--hidden-channels"]),
        ("xgraph train --sampler d", ["dual"]),
        ("xgraph losses kl", ["kl-dro"]),
        ("xgraph models ml", ["ml-mpnn", "mlp"]),
        ("xgraph train nci", ["nci-pains"]),
        ("xgraph data show aic", ["aicures"]),
        ("xgraph reproduce soap-h", ["soap-hiv"]),
        ("xgraph evaluate run --split v", ["valid"]),
    ],
)
def test_the_shell_completes_without_torch(line: str, expected: list[str]) -> None:
    words = {"COMP_WORDS": line, "COMP_CWORD": str(len(line.split()) - 1), "_XGRAPH_COMPLETE": "complete_bash"}
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **words}
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, env=env, check=True)
    assert done.stdout.split() == expected, done.stderr
    assert {name.split(".")[0] for name in done.stderr.split()} & {"torch", "rdkit", "pandas", "lightning"} == set()


def test_completions_have_descriptions() -> None:
    assert dict(complete_loss("soap")) == {"soap": "average precision (AP)"}
    assert dict(complete_model("gine")) == {"gine": "graph isomorphism network"}
    assert complete_dataset("") == names()
    assert "aicures" in complete_recipe("")
