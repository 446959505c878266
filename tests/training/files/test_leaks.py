import warnings
from pathlib import Path
from typing import Any

import pytest
import torch

import xgraph
from xgraph.training.files.checkpoint import HEADER
from xgraph.training.files.leaks import LEARNED

SMALL: dict[str, Any] = {"epochs": 1, "batch_size": 16, "hidden_channels": 8, "num_layers": 2, "threads": 1}


def test_starting_from_an_encoder_trained_on_the_labels_warns(csv: Path, train: Any) -> None:
    other = csv.with_name("other.csv")
    other.write_text("smiles,b\n" + "".join(f"{'C' * n}F,{n % 2}\n" for n in range(1, 30)))
    Path("part.csv").write_text("smiles\nCO\n")
    both = [str(csv), str(other)]
    start = {"pretrain_epochs": 0, "epochs": 1}
    xgraph.pretrain(both, out="known", **SMALL)
    with pytest.warns(UserWarning, match="pretrained on the labels of 'chains', .* pretrain with --exclude chains"):
        train(init="known", out="one", **start)
    xgraph.pretrain(both, out="without", exclude="part.csv", **SMALL)
    xgraph.pretrain(both, out="contrast", objective="contrastive", **SMALL)
    xgraph.pretrain(other, out="elsewhere", **SMALL)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*pretrained on the labels")
        for name in ("without", "contrast", "elsewhere"):
            train(init=name, out=f"after {name}", **start)


def start(train: Any, out: str, **settings: Any) -> list[str]:
    """The warnings when a run starts from another one."""
    with warnings.catch_warnings(record=True) as result:
        warnings.simplefilter("always")
        train(out=out, pretrain_epochs=0, epochs=1, **settings)
    return [str(one.message) for one in result if str(one.message).startswith("init: ")]


def test_starting_from_a_run_on_the_same_parts_does_not_warn(train: Any) -> None:
    assert start(train, "first", split="random", seed=1) == []
    assert start(train, "second", split="random", seed=1, init="first") == []


def test_starting_from_a_run_trained_on_scored_items_warns(csv: Path, train: Any) -> None:
    start(train, "first", split="random", seed=1)
    splits = [xgraph.data.load(csv, split="random", seed=seed).splits for seed in (1, 2)]
    result = start(train, "second", split="random", seed=2, init="first")
    assert len(result) == 2
    for name, text in zip(("valid", "test"), result, strict=True):
        part = splits[1][name]
        many = len(set(part.tolist()) & set(splits[0]["train"].tolist()))
        assert many > 0
        assert (
            f"init: the initial weights were trained on {many} of the {len(part)} molecules in this run's {name} part"
            in text
        )


def test_items_learned_through_a_chain_of_runs_count(csv: Path, train: Any) -> None:
    start(train, "first", split="random", seed=1)
    start(train, "second", split="random", seed=2, init="first")
    one, two, three = (xgraph.data.load(csv, split="random", seed=seed).splits for seed in (1, 2, 3))
    part = set(three["test"].tolist())
    few, many = (len(part & set(known.tolist())) for known in (two["train"], torch.cat([one["train"], two["train"]])))
    assert few < many
    text = start(train, "third", split="random", seed=3, init="second")[-1]
    assert (
        f"init: the initial weights were trained on {many} of the {len(part)} molecules in this run's test part" in text
    )


def test_a_validation_part_that_was_trained_on_counts(csv: Path, train: Any) -> None:
    start(train, "first", split="random", train_on="train+valid", keep="last")
    part = xgraph.data.load(csv, split="random", seed=0).splits["valid"]
    (text,) = start(train, "second", split="random", init="first")
    assert f"trained on {len(part)} of the {len(part)} molecules in this run's valid part" in text
    assert start(train, "third", split="random", train_on="train+valid", keep="last", init="first") == []


def test_starting_from_a_run_on_other_data_does_not_warn(csv: Path, train: Any) -> None:
    other = csv.with_name("other.csv")
    other.write_text("smiles,b\n" + "".join(f"{'C' * n}F,{n % 2}\n" for n in range(1, 30)))
    start(train, "first", split="random")
    settings = {"pretrain_epochs": 0, "epochs": 1, "split": "random", **SMALL}
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="init: ")
        xgraph.train(other, init="first", out="second", **settings)


def test_checkpoints_of_earlier_versions_do_not_warn(train: Any) -> None:
    start(train, "first", split="random", seed=1)
    state = torch.load("first/best.ckpt", weights_only=True)
    del state[HEADER][LEARNED]
    torch.save(state, "first/best.ckpt")
    assert start(train, "second", split="random", seed=2, init="first") == []


@pytest.mark.parametrize("damaged", [None, torch.zeros(1), torch.zeros(1, dtype=torch.uint8)])
def test_a_damaged_header_is_refused(train: Any, damaged: object) -> None:
    start(train, "first", split="random")
    state = torch.load("first/best.ckpt", weights_only=True)
    state[HEADER][LEARNED] = damaged
    torch.save(state, "first/best.ckpt")
    with pytest.raises(ValueError, match="best.ckpt is damaged: expected one bit per item in learned"):
        train(out="second", split="random", init="first", epochs=2)
