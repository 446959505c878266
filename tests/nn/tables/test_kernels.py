import pytest
import torch
from scipy.spatial.distance import cdist

from xgraph.nn.tables import kernels
from xgraph.nn.tables.kernels import squared_distances, tanimoto


def counts(n, seed, most=4, channels=30):
    g = torch.Generator().manual_seed(seed)
    x = torch.randint(0, most + 1, (n, channels), generator=g) * (torch.rand(n, channels, generator=g) < 0.4)
    return x.float()


def test_squared_distances():
    g = torch.Generator().manual_seed(0)
    a, b = torch.randn(5, 7, generator=g), torch.randn(4, 7, generator=g)
    torch.testing.assert_close(squared_distances(a, b).numpy(), cdist(a.numpy(), b.numpy(), "sqeuclidean"))
    assert bool((squared_distances(a, a) >= 0).all())


@pytest.mark.parametrize("few", [256, 0], ids=["bits", "pairs"])
@pytest.mark.parametrize("transform", [torch.Tensor.float, torch.log1p], ids=["counts", "log1p"])
def test_tanimoto_is_sum_of_minima_over_sum_of_maxima(few, transform, monkeypatch):
    monkeypatch.setattr(kernels, "_FEW", few)
    a, b = transform(counts(9, 0)), transform(counts(8, 1))
    expected = torch.tensor(
        [[float(torch.minimum(x, z).sum() / torch.maximum(x, z).sum()) for z in b.double()] for x in a.double()]
    )
    torch.testing.assert_close(tanimoto(a, b), expected.double(), rtol=0, atol=1e-6)
    assert tanimoto(a, b).dtype == torch.float64


def test_tanimoto_with_values_in_one_operand_only():
    a, b = torch.tensor([[1.0, 0.0]]), torch.tensor([[2.0, 3.0]])
    assert tanimoto(a, b).tolist() == tanimoto(b, a).T.tolist() == [[0.2]]


def test_tanimoto_with_many_distinct_values():
    g = torch.Generator().manual_seed(0)
    a, b = torch.rand(6, 100, generator=g), torch.rand(7, 100, generator=g)
    expected = [[float(torch.minimum(x, z).sum() / torch.maximum(x, z).sum()) for z in b] for x in a]
    torch.testing.assert_close(tanimoto(a, b), torch.tensor(expected).double(), rtol=0, atol=1e-6)


def test_tanimoto_of_bits_matches_rdkit():
    from rdkit import DataStructs
    from rdkit.DataStructs import ExplicitBitVect

    bits = counts(6, 2, most=1)
    vectors = []
    for row in bits.tolist():
        vector = ExplicitBitVect(len(row))
        vector.SetBitsFromList([i for i, bit in enumerate(row) if bit])
        vectors.append(vector)
    expected = [[DataStructs.TanimotoSimilarity(one, other) for other in vectors] for one in vectors]
    torch.testing.assert_close(tanimoto(bits, bits), torch.tensor(expected, dtype=torch.float64))


@pytest.mark.parametrize("few", [256, 0])
def test_tanimoto_of_zero_rows_is_one(few, monkeypatch):
    monkeypatch.setattr(kernels, "_FEW", few)
    x = torch.tensor([[0.0, 0.0], [1.0, 2.0]])
    assert tanimoto(x, x).tolist() == [[1.0, 0.0], [0.0, 1.0]]
    assert tanimoto(x[:0], x).shape == (0, 2)
