"""The harness itself: differences are counted, mutations repeat, bad ends are recognised."""

import random
from pathlib import Path

import pytest
import torch

from benchmarks.reliability.judge import fault_of
from benchmarks.reliability.memory import Memory
from benchmarks.reliability.mutate import bytes_mutated, flipped, smiles_mutated, text_mutated
from benchmarks.reliability.outcome import Outcome, merged, pieces
from benchmarks.reliability.processes import Done
from benchmarks.reliability.state import differences


def run_directory(path: Path, weight: float = 1.0, rows: int = 2, seconds: float = 0.5) -> Path:
    path.mkdir()
    state = {"weight": torch.tensor([weight, 2.0]), "epoch": 3, "history": [{"loss": 0.5, "seconds": seconds}]}
    torch.save(state, path / "last.ckpt")
    lines = [f"{i},0.{i},{seconds}" for i in range(rows)]
    (path / "metrics.csv").write_text("\n".join(["epoch,loss,seconds", *lines]) + "\n")
    (path / "env.json").write_text(str(seconds))
    return path


def test_runs_that_differ_in_time_only_are_the_same(tmp_path: Path) -> None:
    one, two = run_directory(tmp_path / "one"), run_directory(tmp_path / "two", seconds=9.0)
    assert differences(one, two) == (0, 0, [])


def test_bytes_rows_and_leftovers_are_counted(tmp_path: Path) -> None:
    one = run_directory(tmp_path / "one")
    two = run_directory(tmp_path / "two", weight=-1.0, rows=1)  # the sign is a bit of one byte
    (two / ".last.ckpt.0123.part").touch()
    total, rows, texts = differences(one, two)
    assert (total, rows) == (1, 1)
    assert texts == [
        "last.ckpt: /weight differs by 1 bytes",
        "metrics.csv has 1 rows of 2, or others",
        ".last.ckpt.0123.part is left over",
    ]


def test_a_missing_or_unreadable_file_counts_whole(tmp_path: Path) -> None:
    one, two = run_directory(tmp_path / "one"), run_directory(tmp_path / "two")
    (two / "last.ckpt").write_bytes(b"PK")
    size = (one / "last.ckpt").stat().st_size
    assert differences(one, two)[0] == size
    (two / "last.ckpt").unlink()
    assert differences(one, two)[0] == size


def test_mutations_repeat_with_their_seed_and_differ_between_seeds() -> None:
    for mutate, content in (
        (bytes_mutated, b"PK\x03\x04" * 50),
        (text_mutated, "smiles,label\nCCO,1\nCCN,0\n"),
        (smiles_mutated, "CC(=O)Oc1ccccc1C(=O)O"),
    ):
        many = [[mutate(content, random.Random(seed)) for seed in range(40)] for _ in range(2)]  # type: ignore[operator]
        assert many[0] == many[1]
        assert len(set(many[0])) > 25
    assert all(
        sum(bin(a ^ b).count("1") for a, b in zip(b"abc", flipped(b"abc", random.Random(i)), strict=True)) == 1
        for i in range(20)
    )


@pytest.mark.parametrize(
    ("done", "words"),
    [
        (Done(0, 1.0, "", "warning: a\n"), None),
        (Done(1, 1.0, "", "error: target must be 0 or 1\n"), None),
        (Done(1, 1.0, "", "Traceback (most recent call last)\nKeyError: 'a'\n"), "traceback"),
        (Done(1, 1.0, "", "error: unexpected KeyError: 'a'\n"), "unexpected KeyError"),
        (Done(-11, 1.0, "", ""), "signal 11"),
        (Done(-9, 9.0, "", "", hung=True), "hangs"),
        (Done(0, 1.0, "", "", outside=["open /tmp/a"]), "outside"),
        (Done(1, 1.0, "", "error: \x1b[31mred\n"), "control"),
        (Done(1, 1.0, "", "oh\n"), "without an error"),
    ],
)
def test_bad_ends_are_recognised(done: Done, words: str | None) -> None:
    fault = fault_of(done)
    assert fault is None if words is None else words in str(fault)


def test_memory_that_grows_and_memory_that_stays() -> None:
    assert Memory([100.0] * 5 + [200.0] * 95).growth() == 0
    assert Memory([float(i) for i in range(100)]).growth() == pytest.approx(60, abs=1)


def test_pieces_cover_the_number_and_outcomes_add_up(tmp_path: Path) -> None:
    def run(folder: Path, seed: int, count: int) -> Outcome:
        outcome = Outcome()
        for number in range(count):
            outcome.count(f"fault {seed}" if number == 0 else None)
        outcome.note("peak", seed)
        outcome.note("bytes", 2)
        return outcome

    results = [piece.run(tmp_path, piece.seed).plain() for piece in pieces("row", 25, 10, run)]
    whole = merged(results)
    assert (whole.tried, whole.held, whole.faults) == (25, 22, ["fault 0", "fault 1", "fault 2"])
    assert whole.figures == {"peak": 2, "bytes": 6}
