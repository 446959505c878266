import pytest
import torch
from nn_compare import assert_same_with_gradients
from nn_molecules import real_batch
from torch_geometric.nn import GINEConv as PyGGINEConv
from torch_geometric.nn import global_add_pool, global_max_pool, global_mean_pool

from xgraph.nn import BOND_FEATURE_SIZES, GINE, GINEConv, MultiHot

VARIANTS = [
    {},
    {"virtual_node": True},
    {"pool": "sum", "jk": "sum"},
    {"pool": "max", "residual": True},
    {"virtual_node": True, "residual": True, "jk": "sum"},
]


def reference_embedding(model, batch):
    """The network written with PyG's layers and look-ups, in evaluation mode."""
    pools = {"mean": global_mean_pool, "sum": global_add_pool, "max": global_max_pool}

    def look_up(embedding, codes):
        tables = torch.split(embedding.weight, embedding.sizes)
        return sum(table[codes[:, f]] for f, table in enumerate(tables))

    size = int(batch.batch.max()) + 1
    h = look_up(model.atom, batch.x)
    layers = [h]
    state = model.virtual_start.repeat(size, 1) if model.virtual_start is not None else None
    for i in range(model.num_layers):
        if state is not None:
            h = h + state[batch.batch]
        conv = PyGGINEConv(torch.nn.Identity())
        conv.nn = model.convs[i].mlp
        new = model.norms[i](conv(h, batch.edge_index, look_up(model.convs[i].edge, batch.edge_attr)))
        if i < model.num_layers - 1:
            new = torch.relu(new)
            if state is not None:
                state = model.virtual_nodes[i].mlp(state + global_add_pool(h, batch.batch))
        h = new + h if model.residual else new
        layers.append(h)
    return pools[model.pool](sum(layers) if model.jk == "sum" else h, batch.batch)


def trained(model, batch):
    """Let the running statistics move away from their start."""
    model.train()
    for _ in range(3):
        model(batch)
    return model.eval()


@pytest.mark.parametrize("options", VARIANTS)
def test_matches_a_network_of_pyg_layers(options):
    torch.manual_seed(0)
    batch = real_batch()
    model = trained(GINE(3, hidden_channels=16, num_layers=3, **options).double(), batch)
    if model.virtual_start is not None:
        torch.nn.init.normal_(model.virtual_start)
    embedding, reference = model.embed(batch), reference_embedding(model, batch)
    assert embedding.std(0).min() > 1e-3
    assert_same_with_gradients(model(batch), model.head(reference), list(model.parameters()), 1e-10, 1e-8)


def test_weight_names_match_existing_checkpoints():
    """Optimisers keep their state by the order of the parameters, checkpoints the weights by name."""

    def linear_norm_linear(prefix):
        return [f"{prefix}.{name}" for name in ("0.weight", "1.weight", "1.bias", "3.weight")]

    convs = [f"convs.{i}.{name}" for i in range(2) for name in ["edge.weight", *linear_norm_linear("mlp")]]
    norms = [f"norms.{i}.{name}" for i in range(2) for name in ("weight", "bias")]
    virtual = [*linear_norm_linear("virtual_nodes.0.mlp"), "virtual_nodes.0.mlp.4.weight", "virtual_nodes.0.mlp.4.bias"]
    head = [f"head.mlp.{i}.{name}" for i in (0, 3) for name in ("weight", "bias")]
    for virtual_node in (False, True):
        model = GINE(2, hidden_channels=8, num_layers=2, virtual_node=virtual_node)
        start = ["virtual_start"] if virtual_node else []
        names = [*start, "atom.weight", *convs, *norms, *(virtual if virtual_node else []), *head]
        assert [name for name, _ in model.named_parameters()] == names
        statistics = {"running_mean", "running_var", "num_batches_tracked"}
        assert {name.rsplit(".", 1)[1] for name in model.state_dict() if name not in names} == statistics


def test_initialisation_for_a_seed_has_not_changed():
    torch.manual_seed(3)
    model = GINE(2, hidden_channels=8, num_layers=2)
    torch.manual_seed(3)
    for table in torch.split(torch.empty(174, 8), model.atom.sizes):
        torch.nn.init.xavier_uniform_(table)
    for _ in range(2):
        for size in (5, 6, 2):
            torch.nn.init.xavier_uniform_(torch.empty(size, 8))
        torch.nn.Linear(8, 16, bias=False), torch.nn.Linear(16, 8, bias=False)
    first, last = torch.nn.Linear(8, 8), torch.nn.Linear(8, 2)
    assert torch.equal(model.head.mlp[0].weight, first.weight)
    assert torch.equal(model.head.mlp[3].bias, last.bias)


def test_matches_pyg_with_the_same_weights():
    torch.manual_seed(0)
    batch = real_batch(20)
    conv = GINEConv(16, BOND_FEATURE_SIZES).double()
    reference = PyGGINEConv(conv.mlp)  # PyG resets the network that it is given, so it comes first
    x = torch.randn(batch.num_nodes, 16, dtype=torch.float64, requires_grad=True)
    rows = MultiHot(BOND_FEATURE_SIZES)(batch.edge_attr, torch.float64)
    ours, theirs = conv(x, batch.edge_index, rows), reference(x, batch.edge_index, conv.edge(rows))
    assert_same_with_gradients(ours, theirs, [x, *conv.parameters()], value=1e-10)
