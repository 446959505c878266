"""Damaged and hostile checkpoints: bits flipped, files cut, and content that no version has written."""

from __future__ import annotations

import io
import random
import shutil
import warnings
import zipfile
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.reliability.judge import fault_of
from benchmarks.reliability.material import KINDS, write_material
from benchmarks.reliability.mutate import bytes_mutated, flipped
from benchmarks.reliability.outcome import Outcome, Piece, pieces
from benchmarks.reliability.processes import Done, run

READ, FLIPS, MUTATED, CONTENT, PART = 80, 20, 50, 50, 25
TIMEOUT = 120.0
COMMANDS = {
    "molecules": ["predict", "run", "molecules.csv", "--out", "scores.csv"],
    "nodes": ["predict", "run", "--out", "scores.csv"],
    "bags": ["evaluate", "run"],
    "pretraining": ["pretrain", "--resume", "--out", "run", "--epochs", "5"],
    "forest": ["predict", "run", "molecules.csv", "--out", "scores.csv"],
}
"""For each kind, a command that reads a checkpoint."""
RESUME = ["--resume", "--out", "run", "--epochs", "5"]


def parts(scale: float) -> Iterable[Piece]:
    """Return the pieces: 400 flipped bits over five kinds of run, damaged files, and odd content."""
    for kind in COMMANDS:
        yield from pieces(f"flipped bits, {kind}", _of(scale, READ), READ, partial(read, kind))
    yield Piece("checkpoints that are bombs", 0, bombs)
    for kind in COMMANDS:
        yield from pieces(f"flipped bits, {kind}, by the command", _of(scale, FLIPS), PART, partial(flips, kind))
    for kind in ("molecules", "bags"):
        yield from pieces(f"damaged checkpoints, {kind}", _of(scale, MUTATED), PART, partial(damaged, kind))
        yield from pieces(f"checkpoints with odd content, {kind}", _of(scale, CONTENT), PART, partial(odd, kind))


def _of(scale: float, number: int) -> int:
    return max(1, round(scale * number))


def read(kind: str, folder: Path, seed: int, count: int) -> Outcome:
    """Flip a bit; the function by which every command reads checkpoints must refuse the file by name."""
    from xgraph.training.files.checkpoint import read_checkpoint

    outcome, path = Outcome(), folder / "damaged.ckpt"
    run_directory = _trained(kind, folder / "model") / "run"
    contents = [(run_directory / name).read_bytes() for name in ("best.ckpt", "last.ckpt")]
    for number in range(count):
        path.write_bytes(flipped(contents[number % 2], random.Random(f"{kind} {seed} {number}")))
        try:
            read_checkpoint(path)
        except ValueError as error:
            fault = None if path.name in str(error) else f"refused without its name: {error}"
        except Exception as error:
            fault = f"{type(error).__name__}: {error}"
        else:
            fault = "not noticed"
        outcome.count(None if fault is None else f"{kind}, case {number}: {fault}")
    return outcome


def flips(kind: str, folder: Path, seed: int, count: int) -> Outcome:
    """Flip a bit; every command that reads the file must refuse it by name."""
    outcome = Outcome()
    for name, words, content, draw, place in _cases(kind, folder, seed, count):
        (place / "run" / name).write_bytes(flipped(content, draw))
        done = run(words, place, timeout=TIMEOUT)
        fault = fault_of(done)
        if fault is None and (done.code == 0 or name not in done.last):
            fault = f"not noticed: exit {done.code}: {done.last}"
        outcome.count(None if fault is None else f"{kind}, {name}, seed {seed}: {fault}")
    return outcome


def damaged(kind: str, folder: Path, seed: int, count: int) -> Outcome:
    """Cut, fill or change a file at random; it must be refused."""
    outcome = Outcome()
    for name, words, content, draw, place in _cases(kind, folder, seed, count):
        new = bytes_mutated(content, draw)
        (place / "run" / name).write_bytes(new)
        done = run(words, place, timeout=TIMEOUT)
        fault = fault_of(done)
        if fault is None and done.code == 0 and new != content:
            fault = "not noticed"
        outcome.count(None if fault is None else f"{kind}, {name}, seed {seed}: {fault}")
    return outcome


def odd(kind: str, folder: Path, seed: int, count: int) -> Outcome:
    """Replace a part of the content and save it as a sound file; it must be refused or used, in one line."""
    import torch

    outcome = Outcome()
    for name, words, content, draw, place in _cases(kind, folder, seed, count):
        state = torch.load(io.BytesIO(content), weights_only=True)
        what = _change(state, draw)
        _save(state, place / "run" / name)
        done = run(words, place, timeout=TIMEOUT)
        fault = fault_of(done)
        outcome.count(None if fault is None else f"{kind}, {name}, {what}: {fault}")
        outcome.note("refused", int(done.code != 0))
    return outcome


def bombs(folder: Path, seed: int) -> Outcome:
    """Files that would fill the memory: compressed records, and sizes that no weight supports."""
    import torch

    outcome = Outcome()
    model = _trained("molecules", folder / "model")
    content = (model / "run" / "best.ckpt").read_bytes()
    changes: dict[str, Callable[[dict[str, Any]], None]] = {
        "num_layers = 10**9": lambda state: state["xgraph"]["model_options"].update(num_layers=10**9),
        "hidden_channels = 10**9": lambda state: state["xgraph"]["model_options"].update(hidden_channels=10**9),
        "num_items = 10**15": lambda state: state["xgraph"].update(num_items=10**15),
        "10**7 task names": lambda state: state["xgraph"].update(task_names=["a"] * 10**7),
    }
    for name, change in changes.items():
        state = torch.load(io.BytesIO(content), weights_only=True)
        change(state)
        done = _predict(model, folder, lambda path, state=state: _save(state, path))
        outcome.count(_refused(name, done))
    state = torch.load(io.BytesIO(content), weights_only=True)
    state["filling"] = torch.zeros(1 << 28)
    done = _predict(model, folder, lambda path: _compress(state, path))
    outcome.count(_refused("1 GiB of zeros in compressed records", done))
    return outcome


def _refused(name: str, done: Done) -> str | None:
    fault = fault_of(done)
    if fault is None and done.code == 0:
        fault = "not refused"
    if fault is None and "not enough memory" in done.last:
        fault = f"refused by the lack of memory only: {done.last}"
    return None if fault is None else f"{name}: {fault}"


def _predict(model: Path, folder: Path, write: Callable[[Path], object]) -> Done:
    place = folder / "work"
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(model, place)
    write(place / "run" / "best.ckpt")
    return run(COMMANDS["molecules"], place, timeout=TIMEOUT)


def _save(state: dict[str, Any], path: Path) -> None:
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.save(state, path)


def _compress(state: dict[str, Any], path: Path) -> None:
    plain = path.with_suffix(".plain")
    _save(state, plain)
    with zipfile.ZipFile(plain) as source, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for record in source.infolist():
            target.writestr(record.filename, source.read(record))
    plain.unlink()


def _change(value: Any, draw: random.Random, path: str = "") -> str:
    """Replace or remove something in nested values; return what."""
    keys = list(value) if isinstance(value, dict) else list(range(len(value)))
    if not keys:
        return f"{path} left"
    key = draw.choice(keys)
    inner = value[key]
    if isinstance(inner, dict | list) and inner and draw.random() < 0.75:
        return _change(inner, draw, f"{path}/{key}")
    if draw.random() < 0.4:
        del value[key]
        return f"{path}/{key} removed"
    new = _odd_value(inner, draw)
    value[key] = new
    return f"{path}/{key} = {new!r:.60}"


def _odd_value(old: Any, draw: random.Random) -> Any:
    import torch

    values = [
        None,
        True,
        -1,
        0,
        10**9,
        10**30,
        -0.5,
        float("nan"),
        "",
        "x" * 1000,
        "\x1b[31m",
        [],
        {},
        [[]],
        {"": None},
    ]
    values += [torch.zeros(0), torch.full((3,), float("nan")), torch.zeros(2, 3, dtype=torch.int64)]
    if isinstance(old, torch.Tensor):
        values = [
            *values[:4],
            old.reshape(-1)[:1],
            old.double(),
            old.to(torch.bool),
            torch.full_like(old.float(), float("nan")),
        ]
    return draw.choice(values)


def _cases(
    kind: str, folder: Path, seed: int, count: int
) -> Iterable[tuple[str, list[str], bytes, random.Random, Path]]:
    """Yield for each case the file, the command that reads it, its content, a generator and a fresh folder."""
    model = _trained(kind, folder / "model")
    for number in range(count):
        draw = random.Random(f"{kind} {seed} {number}")
        resume = kind != "forest" and number % 2
        words = [KINDS[kind].words[0], *RESUME] if resume or kind == "pretraining" else COMMANDS[kind]
        name = "last.ckpt" if words[1] == "--resume" else "best.ckpt"
        place = folder / "work"
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(model, place)
        yield name, words, (model / "run" / name).read_bytes(), draw, place


def _trained(kind: str, folder: Path) -> Path:
    """Train a run, and check that its commands work as long as nothing is changed."""
    write_material(folder)
    words = [*KINDS[kind].start(), *(["--no-baseline"] if kind == "molecules" else [])]
    done = run(words, folder)
    if done.code:
        raise RuntimeError(f"{kind}: training ended with {done.code}: {done.err}")
    return folder
