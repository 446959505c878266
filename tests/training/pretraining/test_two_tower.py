import tomllib
from pathlib import Path
from typing import Any

import pytest
import torch

import xgraph
from tests.training.pretraining.test_pretrain import assert_same, history, stopping
from xgraph.losses import TwoTowerLoss
from xgraph.options import OptionError
from xgraph.training.files.checkpoint import read_checkpoint
from xgraph.training.fit.train import Interrupted
from xgraph.training.pretraining.joining import load_joined, load_texts
from xgraph.training.pretraining.settings import build_pretrain_config
from xgraph.training.pretraining.two_tower import TextSource, TwoTowerTask

SMALL: dict[str, Any] = {
    **{"objective": "two-tower", "text_column": "about", "text_buckets": 200, "text_channels": 8},
    **{"epochs": 2, "batch_size": 16, "hidden_channels": 8, "num_layers": 2, "threads": 1, "valid_share": 0.2},
}
KINDS = {"O": "an alcohol", "N": "an amine", "Cl": "a chloride"}


@pytest.fixture
def pairs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    rows = [f"{'C' * n}{end},{text} of {n} carbons\n" for n in range(1, 21) for end, text in KINDS.items()]
    Path("pairs.csv").write_text("smiles,about\n" + "".join(rows))
    return "pairs.csv"


def test_molecules_and_texts_find_each_other(pairs: str) -> None:
    settings = {**SMALL, "epochs": 60, "lr": 0.01, "dropout": 0.0, "text_dropout": 0.0, "temperature": "individual"}
    run = xgraph.pretrain(pairs, out="run", **settings)
    valid = run.metrics["valid"]
    per = ("mrr", "recall@1", "recall@5", "recall@10", "median_rank")
    found = [f"{one}_{two}" for one in ("molecule", "text") for two in per]
    assert list(valid) == ["loss", *found, "alignment", "temperature"]
    losses = [float(row["valid_loss"]) for row in history(run.path)]
    assert losses[-1] < losses[0] - 0.1
    assert valid["molecule_mrr"] > 0.45, "by chance: .26 of twelve"
    assert valid["text_mrr"] > 0.45
    assert run.metrics["tasks"] == 0
    with pytest.raises(ValueError, match="was pretrained without labels and cannot score"):
        xgraph.predict("run", ["CCO"])


@pytest.mark.parametrize("temperature", [0.1, "predicted"])
def test_resuming_and_repeating_are_exact(pairs: str, temperature: float | str) -> None:
    settings = {**SMALL, "epochs": 3, "temperature": temperature}
    whole = xgraph.pretrain(pairs, out="whole", **settings)
    with stopping(after=0), pytest.raises(Interrupted, match="parts"):
        xgraph.pretrain(pairs, out="parts", **settings)
    parts = xgraph.pretrain(out="parts", resume=True)
    assert history(parts.path) == history(whole.path)
    states = [read_checkpoint(path / "last.ckpt") for path in (parts.path, whole.path)]
    assert_same(*states)
    assert {"text_tower.embedding.weight", "contrast.track2.value"} <= states[0]["state_dict"].keys()
    assert tomllib.loads(Path("whole/config.toml").read_text())["text_column"] == "about"
    assert xgraph.pretrain(config="whole/config.toml", out="again").metrics == whole.metrics
    text = Path(pairs).read_text()
    Path(pairs).write_text(text.replace("amine", "amide"))
    with pytest.raises(ValueError, match="resume: the molecules, labels or splits of 'pairs' have changed"):
        xgraph.pretrain(out="whole", resume=True, epochs=4)


def test_the_objective_is_the_loss_of_both_towers_and_equal_texts_are_no_negatives(pairs: str) -> None:
    Path(pairs).write_text(
        Path(pairs).read_text().replace("of 7 carbons", "of 8 carbons").replace("carbons\nCCCO", "\nCCCO")
    )
    config = build_pretrain_config({"datasets": [pairs], **SMALL, "dropout": 0.0, "text_dropout": 0.0})
    data = load_joined(config, progress=False)
    source = TextSource(data, load_texts(config, data), config)
    task = TwoTowerTask(config, source)
    rows = [i for i, text in enumerate(source.texts) if text.endswith("of 8 carbons")]
    assert len(rows) == 6
    assert len(source.text_id[rows].unique()) == 3
    batch = source.data.batch([*rows, 0])
    loss = task.training_step(batch, 0)
    z1, z2 = task._encode(batch)
    alone = TwoTowerLoss(60, 60)(z1, z2, batch.idx, source.text_id[batch.idx])
    torch.testing.assert_close(loss, alone)
    assert int(task.contrast.track2.seen.sum()) == 4


def test_molecules_without_a_text_are_left_out(pairs: str) -> None:
    Path(pairs).write_text(Path(pairs).read_text().replace("an amine of", " ").replace(" 2 carbons", ""))
    lines = [
        line if "N," not in line else line.partition(",")[0] + "," for line in Path(pairs).read_text().splitlines()
    ]
    Path(pairs).write_text("\n".join(lines))
    with pytest.warns(UserWarning, match="left out 20 of 60 molecules, whose text is blank"):
        run = xgraph.pretrain(pairs, out="run", **{**SMALL, "epochs": 1})
    assert run.metrics["molecules"] == 60
    Path(pairs).write_text("smiles,about\n" + "".join(f"{'C' * n},{'gas' * (n < 3)}\n" for n in range(1, 9)))
    with pytest.raises(ValueError, match="only 2 of 8 molecules remain with a text, which is too few"):
        xgraph.pretrain(pairs, out="other", **SMALL)
    assert not Path("other").exists()


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"text_column": None}, "text_column is required for objective 'two-tower'"),
        ({"objective": "contrastive"}, "text_column: this setting is for objective 'two-tower', but the objective is"),
        ({"mask_atoms": 0.5}, "mask_atoms: this setting is for objective 'contrastive'"),
        ({"batch_size": 1}, "batch_size = 1: expected 2 or more for objective 'two-tower'"),
        ({"text_column": "texts"}, "text_column 'texts' does not exist: the columns of .* are 'smiles', 'about'"),
        ({"objective": "multitask", "temperature": 0.2}, "is for objective 'contrastive' or 'two-tower', but"),
    ],
)
def test_invalid_settings_are_refused(pairs: str, settings: dict[str, Any], text: str) -> None:
    given = {name: value for name, value in {**SMALL, **settings}.items() if value is not None}
    if given["objective"] == "multitask":
        given = {name: value for name, value in given.items() if not name.startswith("text")}
    with pytest.raises((OptionError, ValueError), match=text):
        xgraph.pretrain(pairs, out="run", **given)
