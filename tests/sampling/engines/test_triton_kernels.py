import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(importlib.util.find_spec("triton") is None, reason="Triton has no wheels here")


@pytest.fixture(scope="module")
def comparisons():
    """The results of `interpreted_kernels.py`, in Triton's interpreter."""
    script = Path(__file__).parents[1] / "interpreted_kernels.py"
    done = subprocess.run([sys.executable, "-W", "ignore", script], capture_output=True, text=True, timeout=600)
    result = [json.loads(line) for line in done.stdout.splitlines()]
    assert result[-1:] == [["end", True]], done.stderr
    return result


@pytest.mark.parametrize("what", ["pick", "claim", "gather", "engines"])
def test_kernels_match_torch_exactly(comparisons, what):
    names = [name for name, _ in comparisons if name.startswith(what)]
    wrong = [name for name, same in comparisons if name.startswith(what) and not same]
    assert len(names) >= 6
    assert not wrong


POINTERS = {
    "colptr": "*i64",
    "row": "*i32",
    "row_stride": "i32",
    "nodes": "*i64",
    "source": "*i64",
    "edge": "*i64",
    "k0": "*i64",
    "k1": "*i64",
    "table": "*i32",
    "candidates": "*i64",
    "base": "*i64",
    "count": "*i64",
    "winner": "*i32",
    "first": "*u8",
    "order": "*i64",
    "local": "*i64",
    "x": "*bf16",
    "index": "*i64",
    "out": "*bf16",
}
NUMBERS = ("num_nodes", "num_candidates", "num_rows", "width")


@pytest.mark.parametrize(
    ("kernel", "constants"),
    [
        ("_pick", {"FANOUT": 15, "LANES": 16, "ROWS": 64, "REPLACE": False}),
        ("_pick", {"FANOUT": 1, "LANES": 1, "ROWS": 1024, "REPLACE": True}),
        ("_claim", {"BLOCK": 1024}),
        ("_read", {"BLOCK": 1024}),
        ("_assign", {"BLOCK": 1024}),
        ("_gather", {"ROWS": 8, "COLUMNS": 128}),
    ],
)
def test_kernels_compile_without_a_gpu(kernel, constants, monkeypatch, tmp_path):
    """The interpreter accepts programs that the compiler rejects; the compiler needs no GPU."""
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    from xgraph.sampling.engines import triton_kernels

    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    function = getattr(triton_kernels, kernel)
    types = POINTERS | dict.fromkeys(NUMBERS, "i32") | dict.fromkeys(constants, "constexpr")
    signature = {name: types[name] for name in function.arg_names}
    source = ASTSource(fn=function, signature=signature, constexprs=constants)
    compiled = triton.compile(source, target=GPUTarget("cuda", 90, 32))
    assert ".local" not in compiled.asm["ptx"]  # no register spills


@pytest.mark.slow
def test_module_is_not_collected_without_triton():
    """Doctest collection must skip the module, because it cannot be imported."""
    code = """
import sys, pytest
sys.modules["triton"] = None
files = ["xgraph/sampling/engines/relabel.py", "xgraph/sampling/"]
sys.exit(pytest.main(["--collect-only", "-p", "no:cacheprovider", *files]))
"""
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root, timeout=600)
    assert "rror" not in done.stdout
    assert done.returncode == 0
