import pytest
import torch

from xgraph.nn import ATOM_FEATURE_SIZES, BOND_FEATURE_SIZES, CategoricalEmbedding, MultiHot


def test_vocabulary_sizes_match_ogb():
    from ogb.utils.features import get_atom_feature_dims, get_bond_feature_dims

    assert list(ATOM_FEATURE_SIZES) == get_atom_feature_dims()
    assert list(BOND_FEATURE_SIZES) == get_bond_feature_dims()


@pytest.mark.parametrize("sizes", [ATOM_FEATURE_SIZES, BOND_FEATURE_SIZES, (1,)])
@pytest.mark.parametrize("dtype", [torch.int64, torch.int32, torch.uint8])
def test_matches_a_sum_of_look_ups_and_its_gradients(sizes, dtype):
    torch.manual_seed(0)
    codes = torch.stack([torch.randint(size, (50,)) for size in sizes], 1)
    embed = CategoricalEmbedding(sizes, 6).double()
    out = embed(MultiHot(sizes)(codes.to(dtype), torch.float64))
    tables = [t.detach().clone().requires_grad_() for t in torch.split(embed.weight, list(sizes))]
    reference = sum(torch.nn.functional.embedding(codes[:, f], t) for f, t in enumerate(tables))
    torch.testing.assert_close(out, reference, rtol=1e-12, atol=1e-12)
    weight = torch.randn_like(out)
    (out * weight).sum().backward()
    (reference * weight).sum().backward()
    torch.testing.assert_close(embed.weight.grad, torch.cat([t.grad for t in tables]), rtol=1e-12, atol=1e-12)


def test_each_table_has_the_glorot_range():
    torch.manual_seed(0)
    embed = CategoricalEmbedding((100, 2), 64)
    for table in torch.split(embed.weight, [100, 2]):
        bound = (6 / (len(table) + 64)) ** 0.5
        assert 0.9 * bound < table.abs().max() <= bound


def test_error_names_a_category_out_of_range():
    rows = MultiHot(BOND_FEATURE_SIZES, "edge_attr")
    codes = torch.zeros(4, 3, dtype=torch.long)
    codes[2, 1] = 6
    with pytest.raises(ValueError, match=r"edge_attr\[2, 1\] is 6, but this feature must be between 0 and 5"):
        rows(codes)
    codes[2, 1] = -1
    with pytest.raises(ValueError, match=r"edge_attr\[2, 1\] is -1"):
        rows(codes)


def test_wrong_type_and_shape_are_rejected():
    rows = MultiHot(ATOM_FEATURE_SIZES, "x")
    for dtype in (torch.float32, torch.bool, torch.complex64):
        with pytest.raises(TypeError, match=f"x must hold integer categories, got {dtype}"):
            rows(torch.zeros(3, 9, dtype=dtype))
    for shape in ((3, 8), (9,), (1, 3, 9)):
        with pytest.raises(ValueError, match=r"x must have shape \[N, 9\], got"):
            rows(torch.zeros(shape, dtype=torch.long))
    assert rows(torch.zeros(0, 9, dtype=torch.long)).shape == (0, 174)
