import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import xgraph
from xgraph.training.files.checkpoint import HEADER, read_checkpoint, write_checkpoint

Train = Callable[..., xgraph.Run]


class Bomb:
    """Creates a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


def test_a_checkpoint_holds_all_that_a_run_needs(train: Train) -> None:
    run = train(out="run")
    state = read_checkpoint(run.path / "last.ckpt")
    assert {"state_dict", "optimizer_states", "sampler", "random_state", "epochs_done", "callbacks"} <= state.keys()
    assert set(state["random_state"]) == {"torch", "python", "numpy"}
    assert isinstance(state["random_state"]["numpy"]["keys"], torch.Tensor)
    assert state["sampler"]["epoch"] == 2
    header = state[HEADER]
    assert header["task_names"] == ["amine"]
    assert header["loss"] == "soap"
    assert header["loss_options"]["gamma"] == 0.1
    assert header["num_items"] == 60
    assert header["featurizer"]
    assert bool(state["state_dict"]["main_loss.track.seen"].any())


def plain_pickle(path: Path, bomb: Path) -> None:
    path.write_bytes(pickle.dumps({HEADER: Bomb(bomb), "state_dict": {}}))


def old_torch_file(path: Path, bomb: Path) -> None:
    torch.save({HEADER: Bomb(bomb), "state_dict": {}}, path, _use_new_zipfile_serialization=False)


def torch_file(path: Path, bomb: Path) -> None:
    torch.save({HEADER: {"format": 1}, "state_dict": {"w": Bomb(bomb)}}, path)


@pytest.mark.parametrize("make", [plain_pickle, old_torch_file, torch_file])
def test_a_malicious_pickle_does_not_run(tmp_path: Path, make: Callable[[Path, Path], None]) -> None:
    path, bomb = tmp_path / "best.ckpt", tmp_path / "exploded"
    make(path, bomb)
    with pytest.raises(ValueError, match=r"best\.ckpt is not an xgraph checkpoint"):
        read_checkpoint(path)
    assert not bomb.exists()
    # Check that the bomb works, so that the test would notice if it went off.
    if make is plain_pickle:
        pickle.loads(path.read_bytes())
        assert bomb.exists()


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
def test_truncated_files_are_refused(train: Train, share: float) -> None:
    run = train(out="run", epochs=1, pretrain_epochs=0)
    path = run.path / "best.ckpt"
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(ValueError, match="truncated"):
        xgraph.predict(run.path, ["C"])
    (run.path / "last.ckpt").write_bytes(path.read_bytes())
    with pytest.raises(ValueError, match=r"last\.ckpt is not an xgraph checkpoint"):
        xgraph.train(out=run.path, resume=True, epochs=3)


def test_files_of_other_programs_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    for content in ({"weight": torch.ones(2)}, torch.ones(2), [1], {HEADER: [1]}):
        torch.save(content, path)
        with pytest.raises(ValueError, match="it was written by another program"):
            read_checkpoint(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a", "b")
    with pytest.raises(ValueError, match="not an xgraph checkpoint"):
        read_checkpoint(path)
    with pytest.raises(FileNotFoundError, match="no file"):
        read_checkpoint(tmp_path / "none.ckpt")


@pytest.mark.parametrize(
    ("part", "name", "value"),
    [
        (HEADER, "task_names", None),
        (HEADER, "task_names", [3]),
        (HEADER, "model_options", "x"),
        (HEADER, "config", None),
        (HEADER, "standardize", 1),
        (HEADER, "fingerprint", None),
        ("", "state_dict", {"model.atom.weight": 5}),
        ("", "state_dict", None),
        ("", "sampler", None),
        ("", "random_state", 3),
        ("", "epochs_done", "3"),
    ],
)
def test_incomplete_checkpoints_are_refused(train: Train, part: str, name: str, value: Any) -> None:
    path = train(out="run", epochs=1, pretrain_epochs=0).path / "best.ckpt"
    state = read_checkpoint(path)
    (state[part] if part else state)[name] = value
    write_checkpoint(state, path)
    for use in (lambda: xgraph.predict("run", ["C"]), lambda: xgraph.evaluate("run")):
        with pytest.raises(
            ValueError,
            match=r"checkpoint: run/best\.ckpt is damaged: (expected task_names|some of its weights|expected .* type)",
        ):
            use()


def test_later_formats_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "best.ckpt"
    write_checkpoint({HEADER: {"format": 99, "version": "9.0"}, "state_dict": {}}, path)
    with pytest.raises(ValueError, match=r"format 99 \(written by xgraph 9\.0\), but xgraph .* reads format 1"):
        read_checkpoint(path)


def test_failed_write_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "last.ckpt"
    write_checkpoint({"a": 1}, path)
    before = path.read_bytes()
    with pytest.raises(Exception, match=r"pickle|local"):
        write_checkpoint({"a": lambda: None}, path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["last.ckpt"]


def test_the_fingerprint_covers_molecules_labels_and_splits(csv: Path) -> None:
    from xgraph.training.config.build import build_config
    from xgraph.training.fit.loading import load_data

    def fingerprint(seed: int = 0) -> str:
        config = build_config({"dataset": str(csv), "split": "random", "seed": seed})
        return load_data(config, False).fingerprint()

    text = csv.read_text()
    marks = [fingerprint(), fingerprint(seed=1)]
    for old, new in (("CCO,0", "CCF,0"), ("CCO,0", "CCO,1")):
        csv.write_text(text.replace(f"\n{old}\n", f"\n{new}\n"))
        marks.append(fingerprint())
    csv.write_text(text)
    assert len(set(marks)) == 4
    assert fingerprint() == marks[0]


def test_a_flipped_bit_is_noticed_wherever_a_run_is_used(train: Train) -> None:
    path = train(out="run", epochs=1, pretrain_epochs=0).path
    whole = (path / "best.ckpt").read_bytes()
    weight = read_checkpoint(path / "best.ckpt")["state_dict"]["model.head.mlp.0.weight"].numpy().tobytes()
    changed = bytearray(whole)
    changed[whole.index(weight) + 3] ^= 0x40  # of the exponent
    for name in ("best.ckpt", "last.ckpt"):
        (path / name).write_bytes(changed)
    uses: list[Callable[[], object]] = [
        lambda: xgraph.predict("run", ["C"]),
        lambda: xgraph.evaluate("run"),
        lambda: xgraph.train(out="run", resume=True, epochs=2),
        lambda: xgraph.train("chains.csv", init="run", split="random"),
    ]
    for use in uses:
        with pytest.raises(ValueError, match=r"run/(best|last)\.ckpt is .* damaged: its content does not match its ch"):
            use()


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("num_layers", 10**9, "num_layers must be at most 1000, got 1000000000"),
        ("hidden_channels", 10**9, "has a weight .* of shape .*1000000000.*, which is .* among the stored ones"),
        ("hidden_channels", 10**4, "has a weight .* of shape .*10000.*, which is .* among the stored ones"),
    ],
)
def test_a_model_of_other_sizes_than_its_weights_is_not_built(
    train: Train, name: str, value: int, message: str
) -> None:
    path = train(out="run", epochs=1, pretrain_epochs=0).path / "best.ckpt"
    state = read_checkpoint(path)
    state[HEADER]["model_options"][name] = value
    write_checkpoint(state, path)
    with pytest.raises(ValueError, match=f"checkpoint: .*{message}"):
        xgraph.predict("run", ["C"])


def test_tensors_larger_than_their_numbers_and_endless_values_are_refused(train: Train) -> None:
    path = train(out="run", epochs=1, pretrain_epochs=0).path / "best.ckpt"
    state = read_checkpoint(path)
    write_checkpoint({**state, "more": torch.zeros(1).expand(10**12)}, path)
    with pytest.raises(ValueError, match=r"damaged: a tensor of shape \[1000000000000\] is larger than its numbers"):
        read_checkpoint(path)
    many: list[Any] = [0]
    for _ in range(30):
        many = [many] * 9
    write_checkpoint({**state, "more": many}, path)
    with pytest.raises(ValueError, match="damaged: its values are nested without end"):
        read_checkpoint(path)


@pytest.mark.parametrize("name", sorted({"gine", "trees", "bags", "encoder"}))
def test_checkpoints_of_old_versions_have_no_seal_but_are_checked(name: str, tmp_path: Path) -> None:
    old = Path(__file__).parents[2] / "fixtures/old_runs" / name / "best.ckpt"
    content = old.read_bytes()
    weight = next(w for n, w in read_checkpoint(old)["state_dict"].items() if n.startswith("model.") and w.numel() > 8)
    changed = bytearray(content)
    changed[content.index(weight.numpy().tobytes()) + 3] ^= 0x40
    (tmp_path / "best.ckpt").write_bytes(changed)
    with pytest.raises(ValueError, match=r"damaged: the record '.*/data/\d+' does not match its checksum"):
        read_checkpoint(tmp_path / "best.ckpt")
