import math

import pytest
import torch

from xgraph.losses import Hinge, Logistic, Sigmoid, Squared, SquaredHinge
from xgraph.losses.pairs.surrogates import as_surrogate

DEFINITIONS = [
    (SquaredHinge(0.7), lambda s: max(0.7 + s, 0) ** 2),
    (Hinge(0.7), lambda s: max(0.7 + s, 0)),
    (Squared(0.7), lambda s: (0.7 + s) ** 2),
    (Logistic(2.0), lambda s: math.log1p(math.exp(2 * s))),
    (Sigmoid(2.0), lambda s: 1 / (1 + math.exp(-2 * s))),
]
EACH = pytest.mark.parametrize(("surrogate", "definition"), DEFINITIONS, ids=lambda x: type(x).__name__)


@EACH
def test_value_matches_the_definition(surrogate, definition):
    s = torch.linspace(-5, 5, 41, dtype=torch.float64)
    assert surrogate(s).tolist() == pytest.approx([definition(x) for x in s.tolist()], abs=1e-12)


@EACH
def test_slope_is_the_derivative(surrogate, definition):
    s = torch.linspace(-5.01, 5.02, 40, dtype=torch.float64).requires_grad_()
    (numeric,) = torch.autograd.grad(surrogate(s).sum(), s)
    torch.testing.assert_close(surrogate.slope(s.detach()), numeric)


@EACH
def test_arguments_are_not_modified_and_results_do_not_overflow(surrogate, definition):
    s = torch.tensor([-2e4, -1.0, 0.0, 1.0, 2e4])
    before = s.clone()
    assert surrogate(s).isfinite().all()
    assert surrogate.slope(s).isfinite().all()
    assert torch.equal(s, before)


def test_surrogates_can_be_names_or_objects():
    assert as_surrogate("squared_hinge", 0.5) == SquaredHinge(0.5)
    assert as_surrogate("squared") == Squared(1.0)
    assert as_surrogate("logistic") == Logistic()
    assert as_surrogate("sigmoid") == Sigmoid()
    own = Logistic(3.0)
    assert as_surrogate(own) is own


def test_invalid_surrogates_are_rejected():
    with pytest.raises(ValueError, match="surrogate must be one of squared_hinge, hinge, .*, got 'square'"):
        as_surrogate("square")
    with pytest.raises(ValueError, match=r"margin must lie in \[1e-06, 1e\+06\], got 0"):
        as_surrogate("hinge", 0)
    with pytest.raises(TypeError, match=r"with a slope\(\) method"):
        as_surrogate(torch.relu)
