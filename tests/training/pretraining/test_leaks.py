import warnings
from pathlib import Path
from typing import Any

import pytest

import xgraph

SMALL: dict[str, Any] = {"epochs": 1, "batch_size": 16, "hidden_channels": 8, "num_layers": 2, "threads": 1}


def test_an_encoder_that_knows_the_labels_is_warned_of(csv: Path, train: Any) -> None:
    other = csv.with_name("other.csv")
    other.write_text("smiles,b\n" + "".join(f"{'C' * n}F,{n % 2}\n" for n in range(1, 30)))
    Path("part.csv").write_text("smiles\nCO\n")
    both = [str(csv), str(other)]
    start = {"pretrain_epochs": 0, "epochs": 1}
    xgraph.pretrain(both, out="known", **SMALL)
    with pytest.warns(UserWarning, match="pretrained on labels of 'chains' too, .* pretrain with --exclude chains"):
        train(init="known", out="one", **start)
    xgraph.pretrain(both, out="without", exclude="part.csv", **SMALL)
    xgraph.pretrain(both, out="contrast", objective="contrastive", **SMALL)
    xgraph.pretrain(other, out="elsewhere", **SMALL)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*pretrained on labels")
        for name in ("without", "contrast", "elsewhere"):
            train(init=name, out=f"after {name}", **start)
