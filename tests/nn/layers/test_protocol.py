import pytest
from torch import nn

from xgraph.nn import MODELS, FittedModel, Model

EACH = pytest.mark.parametrize("name", MODELS)


@EACH
def test_models_implement_the_protocol(name):
    model = MODELS[name]
    assert issubclass(model, nn.Module)
    assert model.kind in ("graph", "node", "bag")
    assert model.fitted == issubclass(model, FittedModel)
    assert model.takes_features == (model.kind == "graph")
    assert bool(model.usual_features({})) == (not model.reads_graphs)
    assert model.reads_graphs != (model.fitted or name == "mlp")
    instance = model(2, (4,) if model.kind == "bag" else 4)
    assert isinstance(instance, Model)
    assert instance.num_tasks == 2
    assert (instance.scale is None) == (model.kind == "node" or name in ("forest", "extra-trees", "kernel-ridge"))


@EACH
def test_reset_head_keeps_the_encoder(name):
    model = MODELS[name](1, (4,) if MODELS[name].kind == "bag" else 4)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    model.reset_head()
    changed = {key.split(".")[0] for key, value in model.state_dict().items() if not value.equal(before[key])}
    assert changed <= {"head"}
    assert bool(changed) != model.fitted
