import pytest
import torch
from torch_geometric.nn import GCNConv

from xgraph.nn import FeatureMomentum, GraphFMOB, GraphSAGE, SAGEConv, TableOptions, with_feature_momentum

TABLE = TableOptions(gamma=0.3, gradient="scaled", dtype=torch.float16, in_checkpoint=False)
MAKERS = {
    "momentum": lambda **options: FeatureMomentum(5, 2, **options),
    "sage": lambda **options: SAGEConv(2, 3, num_nodes=5, **options).momentum,
    "wrapped": lambda **options: with_feature_momentum(GCNConv(2, 3), 5, **options).momentum,
    "graphfm-ob": lambda **options: GraphFMOB(GraphSAGE(1, 2, hidden_channels=4), 5, **options).tables["0"],
}
EACH = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)


def options_of(momentum):
    table = momentum.table
    return momentum.gamma, table.gradient, table.value.dtype, momentum.storage, table.in_checkpoint


@EACH
def test_table_object_and_single_options_are_equivalent(make):
    want = (0.3, "scaled", torch.float16, "device", False)
    by_name = {"gamma": 0.3, "gradient": "scaled", "dtype": torch.float16, "in_checkpoint": False}
    assert options_of(make(table=TABLE)) == options_of(make(**by_name)) == want
    assert options_of(make(table=TABLE, gamma=0.5, table_dtype=torch.float64)) == (
        0.5,
        *want[1:2],
        torch.float64,
        *want[3:],
    )


@EACH
def test_unknown_options_are_rejected(make):
    with pytest.raises(TypeError, match="unknown table option 'dtyp'; the options are gamma, "):
        make(dtyp=torch.float16)
    with pytest.raises(TypeError, match="'table_dtype' is given twice"):
        make(dtype=torch.float16, table_dtype=torch.float16)


def test_defaults():
    assert options_of(FeatureMomentum(5, 2))[:2] == options_of(MAKERS["sage"]())[:2] == (0.1, "straight_through")
    assert options_of(MAKERS["graphfm-ob"]())[:2] == (0.3, "scaled")


@pytest.mark.parametrize(("gamma", "plain"), [(1, True), (1.0, True), (0.5, False)])
def test_gamma_1_needs_no_table(gamma, plain):
    assert TableOptions(gamma=gamma).plain == plain
    assert (MAKERS["sage"](gamma=gamma) is None) == (MAKERS["wrapped"](gamma=gamma) is None) == plain
