"""Prediction for a long table of molecules: throughput, and memory of all processes, with and without fingerprints.

`XGRAPH_ROWS` is the number of rows (100,000 by default). `XGRAPH_BEFORE` is a checkout to compare with, whose
`xgraph.predict` holds the table in memory; by default that of this checkout is compared.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from rdkit import RDConfig

ROWS = int(os.environ.get("XGRAPH_ROWS", "100000"))
HERE = Path(__file__).parents[1]
SETTINGS = ["--loss", "bce", "--epochs", "1", "--pretrain-epochs", "0", "--hidden-channels", "64", "--num-layers", "3"]
MODELS = {"graphs only": [], "with fingerprints": ["--features", "morgan,maccs"]}
START = """
import sys
from pathlib import Path
import xgraph
run, table, out = sys.argv[1:]
xgraph.predict(run, ["CCO", "c1ccccc1N"])
print("ready", flush=True)
sys.stdin.readline()
"""
WAYS = {
    "in memory": START
    + """
from xgraph.training.prediction.predict import write_predictions
write_predictions(xgraph.predict(run, Path(table)), Path(out))
""",
    "streamed": START + "xgraph.predict_file(run, table, out)",
}


def measure() -> list[dict[str, Any]]:
    """Return rows per second and the peak of memory above that before the call."""
    before = Path(os.environ.get("XGRAPH_BEFORE", HERE))
    rows = []
    with tempfile.TemporaryDirectory() as name:
        table, out = Path(name) / "table.csv", Path(name) / "scores.csv"
        write_table(table)
        for what, options in MODELS.items():
            run = str(Path(name) / what)
            command = [sys.executable, "-m", "xgraph", "train", "nci-pains", *SETTINGS, *options, "--out", run]
            subprocess.run(command, check=True, cwd=HERE, stdout=subprocess.DEVNULL)
            for way, code in WAYS.items():
                found = _figures(code, before if way == "in memory" else HERE, run, str(table), str(out))
                rows.append({"what": f"predict {ROWS:,} rows, {what}", "way": way, **found})
    return rows


def write_table(path: Path) -> None:
    """Write the 4,999 NCI molecules of RDKit's wheel, again and again."""
    lines = (Path(RDConfig.RDDataDir) / "NCI" / "first_5K.smi").read_text().splitlines()
    smiles = [line.split()[0] for line in lines if line.strip()]
    with path.open("w") as file:
        file.write("id,smiles,plate,note\n")
        file.writelines(f"M{i},{smiles[i % len(smiles)]},{i // 384},from the store\n" for i in range(ROWS))


def _figures(code: str, checkout: Path, *arguments: str) -> dict[str, Any]:
    """Run code in a fresh process; return its throughput, and the peak memory of it and its workers above its start."""
    env = {**os.environ, "PYTHONPATH": str(checkout)}
    command = [sys.executable, "-c", code, *arguments]
    with subprocess.Popen(
        command, env=env, cwd=checkout, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        process.stdout.readline()
        start, clock, peak = _memory(process.pid), time.perf_counter(), 0.0
        process.stdin.write("\n")
        process.stdin.flush()
        while process.poll() is None:
            peak = max(peak, _memory(process.pid))
            time.sleep(0.1)
        seconds = time.perf_counter() - clock
    if process.returncode:
        raise SystemExit(f"{arguments}: failed")
    return {
        "seconds": round(seconds, 1),
        "rows per second": round(ROWS / seconds),
        "MiB above start": round(peak - start),
    }


def _memory(pid: int) -> float:
    """Return the memory of a process and its children in MiB; what they share counts once."""
    total = 0
    pids = [pid]
    for each in pids:
        try:
            pids += map(int, Path(f"/proc/{each}/task/{each}/children").read_text().split())
            lines = Path(f"/proc/{each}/smaps_rollup").read_text().splitlines()
            total += next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
        except (OSError, StopIteration):  # it has ended
            continue
    return total / 1024


if __name__ == "__main__":
    from benchmarks._report import table

    print(table(measure()))
