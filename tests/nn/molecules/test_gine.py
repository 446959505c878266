import copy
import io
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from nn_molecules import random_molecule, real_batch, real_molecules
from torch_geometric.data import Batch, Data
from torch_geometric.nn import GINEConv as PyGGINEConv
from torch_geometric.nn import global_add_pool, global_max_pool, global_mean_pool

from xgraph.nn import GINE, MODELS
from xgraph.options import options_of

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
def test_equals_a_network_of_pygs_layers(options):
    torch.manual_seed(0)
    batch = real_batch()
    model = trained(GINE(3, hidden_channels=16, num_layers=3, **options).double(), batch)
    if model.virtual_start is not None:
        torch.nn.init.normal_(model.virtual_start)
    embedding, reference = model.embed(batch), reference_embedding(model, batch)
    torch.testing.assert_close(embedding, reference, rtol=1e-10, atol=1e-10)
    assert embedding.std(0).min() > 1e-3
    torch.testing.assert_close(model(batch), model.head(reference), rtol=1e-10, atol=1e-10)
    parameters = list(model.parameters())
    ours = torch.autograd.grad((model(batch) ** 2).sum(), parameters)
    theirs = torch.autograd.grad((model.head(reference_embedding(model, batch)) ** 2).sum(), parameters)
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("options", VARIANTS)
def test_every_parameter_learns(options):
    torch.manual_seed(0)
    model = GINE(2, hidden_channels=8, num_layers=3, **options)
    model(real_batch()).square().sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


@pytest.mark.parametrize("options", VARIANTS)
def test_the_order_of_atoms_bonds_and_molecules_does_not_matter(options):
    torch.manual_seed(0)
    molecules = list(real_molecules())
    batch = Batch.from_data_list(molecules)
    model = trained(GINE(2, hidden_channels=16, num_layers=3, **options).double(), batch)
    out = model(batch)
    shuffled = []
    for data in molecules:
        atoms, bonds = torch.randperm(data.num_nodes), torch.randperm(data.num_edges)
        place = torch.argsort(atoms)
        shuffled.append(
            Data(
                x=data.x[atoms],
                edge_index=place[data.edge_index][:, bonds],
                edge_attr=data.edge_attr[bonds],
            )
        )
    torch.testing.assert_close(model(Batch.from_data_list(shuffled)), out)
    order = torch.randperm(len(molecules))
    torch.testing.assert_close(model(Batch.from_data_list([molecules[i] for i in order])), out[order])
    alone = torch.cat([model(data) for data in molecules])
    torch.testing.assert_close(alone, out)


def test_bonds_matter_and_so_does_each_feature():
    torch.manual_seed(0)
    molecule = random_molecule(6, 5)
    batch = Batch.from_data_list([molecule])
    model = GINE(hidden_channels=16, num_layers=2).double().eval()
    out = model(batch)
    for name, feature in [("x", f) for f in range(9)] + [("edge_attr", f) for f in range(3)]:
        other = molecule.clone()
        other[name][0, feature] = 1 - other[name][0, feature].clamp(max=1)
        assert (model(other) - out).abs().max() > 1e-9, (name, feature)


@given(
    sizes=st.lists(st.tuples(st.integers(1, 8), st.integers(0, 10)), min_size=1, max_size=6),
    options=st.sampled_from(VARIANTS),
    training=st.booleans(),
)
@settings(max_examples=40, deadline=None)
def test_any_graphs_give_finite_logits_and_gradients(sizes, options, training):
    batch = Batch.from_data_list([random_molecule(n, m, seed) for seed, (n, m) in enumerate(sizes)])
    model = GINE(2, hidden_channels=8, num_layers=2, **options).train(training)
    out = model(batch)
    assert out.shape == (len(sizes), 2)
    out.square().sum().backward()
    assert out.isfinite().all()
    assert all(p.grad.isfinite().all() for p in model.parameters() if p.grad is not None)


@pytest.mark.parametrize("options", VARIANTS)
@pytest.mark.parametrize("training", [True, False])
def test_one_atom_without_bonds(options, training):
    model = GINE(hidden_channels=8, num_layers=2, **options).train(training)
    atom = random_molecule(1, 0)
    assert model(atom).shape == (1, 1)
    assert model(Batch.from_data_list([atom])).isfinite().all()


def test_graphs_without_atoms_keep_their_rows():
    molecules = [random_molecule(3, 2), random_molecule(4, 3)]
    empty = Data(
        x=torch.zeros(0, 9, dtype=torch.long),
        edge_index=torch.zeros(2, 0, dtype=torch.long),
        edge_attr=torch.zeros(0, 3, dtype=torch.long),
    )
    model = GINE(hidden_channels=8, num_layers=2, virtual_node=True).eval()
    out = model(Batch.from_data_list([molecules[0], empty, molecules[1], empty]))
    assert out.shape == (4, 1)
    torch.testing.assert_close(out[[0, 2]], model(Batch.from_data_list(molecules)))
    assert model.train()(empty).isfinite().all()


def test_graphs_are_counted_by_what_the_batch_offers():
    full = real_batch(5)
    model = GINE(hidden_channels=8, num_layers=1).eval()
    parts = {"x": full.x, "edge_index": full.edge_index, "edge_attr": full.edge_attr, "batch": full.batch}
    assert torch.equal(model(SimpleNamespace(**parts)), model(full))
    assert model(SimpleNamespace(**parts, num_graphs=7)).shape == (7, 1)
    assert model(SimpleNamespace(**parts, ptr=torch.cat([full.ptr, full.ptr[-1:]]))).shape == (6, 1)


def test_small_integers_are_categories_too():
    batch = real_batch(5)
    model = GINE(hidden_channels=8).eval()
    out = model(batch)
    batch.x, batch.edge_attr = batch.x.to(torch.uint8), batch.edge_attr.to(torch.int8)
    assert torch.equal(model(batch), out)


@pytest.mark.parametrize("options", VARIANTS)
def test_bfloat16_autocast(options):
    torch.manual_seed(0)
    batch = real_batch()
    model = GINE(2, hidden_channels=32, dropout=0.0, **options)
    trained(model, batch)
    exact = model(batch)
    with torch.autocast("cpu", torch.bfloat16):
        out = model(batch)
    assert out.isfinite().all()
    assert (out.float() - exact).norm() < 0.05 * exact.norm()
    with torch.autocast("cpu", torch.bfloat16):
        model.train()(batch).sum().backward()
    assert all(p.grad.dtype == torch.float32 and p.grad.isfinite().all() for p in model.parameters())


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_other_types(dtype):
    model = GINE(2, virtual_node=True).to(dtype)
    out = model(real_batch())
    assert out.dtype == dtype
    out.sum().backward()


@pytest.mark.parametrize("options", VARIANTS)
def test_copy_and_state_dict_round_trip(options):
    batch = real_batch()
    model = trained(GINE(2, hidden_channels=8, **options), batch)
    buffer = io.BytesIO()
    torch.save(model.state_dict(), buffer)
    buffer.seek(0)
    fresh = GINE(2, hidden_channels=8, **options).eval()
    assert not torch.equal(fresh(batch), model(batch))
    fresh.load_state_dict(torch.load(buffer, weights_only=True))
    for twin in (fresh, copy.deepcopy(model)):
        assert torch.equal(twin(batch), model(batch))


@pytest.mark.parametrize("options", VARIANTS)
def test_reset_of_model_and_of_head(options):
    torch.manual_seed(0)
    batch = real_batch()
    model = trained(GINE(2, hidden_channels=8, num_layers=3, **options), batch)
    embedding = model.embed(batch)
    model.head.reset_parameters()
    assert torch.equal(model.embed(batch), embedding)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(7)
    torch.manual_seed(5)
    model.reset_parameters()
    assert not any((p == 7).any() for p in model.parameters())
    fresh = GINE(2, hidden_channels=8, num_layers=3, **options)
    for (name, buffer), other in zip(model.named_buffers(), fresh.buffers(), strict=True):
        assert torch.equal(buffer, other), name


def test_it_learns_to_tell_molecules_with_rings():
    torch.manual_seed(0)
    batch = real_batch(200)
    in_ring = torch.zeros(200).index_add(0, batch.batch, batch.x[:, 8].float())
    target = (in_ring > 6).float().unsqueeze(1)
    model = GINE(hidden_channels=16, num_layers=2, dropout=0.1)
    optimiser = torch.optim.Adam(model.parameters(), 0.01)
    for _ in range(150):
        optimiser.zero_grad()
        torch.nn.functional.binary_cross_entropy_with_logits(model(batch), target).backward()
        optimiser.step()
    assert 0.2 < target.mean() < 0.8
    assert ((model.eval()(batch) > 0) == target).float().mean() > 0.95


def test_compiled_whole_it_gives_the_same():
    batch = real_batch(6)
    model = GINE(hidden_channels=8, num_layers=2, virtual_node=True).eval()
    compiled = torch.compile(model, backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(batch), model(batch))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"x": None}, ValueError, "the batch has no x"),
        ({"edge_attr": None}, ValueError, "the batch has no edge_attr"),
        ({"edge_index": None}, ValueError, "the batch has no edge_index"),
        ({"x": torch.randn(5, 9)}, TypeError, "x must hold integer categories, got torch.float32"),
        ({"x": torch.zeros(5, 7, dtype=torch.long)}, ValueError, r"x must have shape \[N, 9\]"),
        ({"edge_attr": torch.full((8, 3), 5)}, ValueError, r"edge_attr\[0, 0\] is 5.*categories 0 to 4"),
        ({"edge_attr": torch.zeros(7, 3, dtype=torch.long)}, ValueError, r"edge_attr has 7 rows.*8 edges"),
        (
            {"edge_index": torch.zeros(8, 2, dtype=torch.long)},
            ValueError,
            r"edge_index must have shape \[2, E\]",
        ),
        ({"edge_index": torch.full((2, 8), 5)}, IndexError, "edge_index.*5.*5 atoms"),
    ],
)
def test_a_bad_batch_is_named(change, error, message):
    batch = Batch.from_data_list([random_molecule(5, 4)])
    for name, value in change.items():
        batch[name] = value
    with pytest.raises(error, match=message):
        GINE(hidden_channels=8)(batch)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_tasks": 0}, "num_tasks must be at least 1, got 0"),
        ({"hidden_channels": 0}, "hidden_channels must be at least 1"),
        ({"num_layers": 0}, "num_layers must be at least 1"),
        ({"dropout": 1.0}, "dropout must be in"),
        ({"pool": "median"}, "pool must be one of mean, sum, max, got 'median'"),
        ({"jk": "max"}, "jk must be one of last, sum, got 'max'"),
    ],
)
def test_bad_options_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        GINE(**options)


def test_registered_and_described():
    assert MODELS["gine"] is GINE
    model = GINE(2, virtual_node=True)
    assert repr(model).startswith(
        "GINE(2, hidden_channels=64, dropout=0.2, pool='max', num_layers=5, virtual_node=True"
    )
    assert all(f"{option.name}=" in repr(model) for option in options_of(GINE))


def test_weights_are_named_and_ordered_as_in_checkpoints_that_exist():
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


def test_the_same_seed_gives_the_weights_that_it_always_gave():
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
