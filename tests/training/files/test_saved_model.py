from collections.abc import Callable

import pytest

import xgraph
from xgraph.training.files.checkpoint import HEADER, read_checkpoint
from xgraph.training.files.saved_model import load_model

Train = Callable[..., xgraph.Run]


def test_unknown_models_and_mismatched_weights_are_refused(train: Train) -> None:
    state = read_checkpoint(train(out="run", epochs=1, pretrain_epochs=0).path / "best.ckpt")
    with pytest.raises(ValueError, match="unknown model 'gone'"):
        load_model({**state, HEADER: {**state[HEADER], "model": "gone"}})
    options = {**state[HEADER]["model_options"], "num_layers": 3}
    with pytest.raises(ValueError, match="do not fit") as caught:
        load_model({**state, HEADER: {**state[HEADER], "model_options": options}})
    assert "\n" not in str(caught.value)
    for wrong in ({"hidden_channels": "x"}, {"nope": 1}, {"dropout": 7.0}):
        with pytest.raises(ValueError, match=f"checkpoint: .*{next(iter(wrong))}"):
            load_model({**state, HEADER: {**state[HEADER], "model_options": wrong}})
