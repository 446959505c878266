"""Integrated gradients as an algorithm of PyG's `Explainer`."""

from typing import Any

import torch
from torch import Tensor
from torch_geometric.explain import Explanation
from torch_geometric.explain.algorithm import ExplainerAlgorithm

from xgraph.checks import integer
from xgraph.explanations.names import STEPS


class IntegratedGradients(ExplainerAlgorithm):  # type: ignore[misc]  # PyG's classes are not typed
    r"""Integrated gradients for graphs, an algorithm of PyG's ``Explainer``.

    The attribution of an input :math:`x_i` to a score f is the gradient along the straight path from a baseline
    :math:`x'`, times the distance:

    .. math::
        a_i = (x_i - x'_i) \frac{1}{m} \sum_{k=1}^{m} \partial_i f(x' + \tfrac{k - 1/2}{m} (x - x')), \qquad
        \sum_i a_i \approx f(x) - f(x')

    From Sundararajan, Taly and Yan, "Axiomatic Attribution for Deep Networks", ICML 2017. Node features are varied, and
    so are the edge features ``edge_attr`` and the features of whole graphs ``features`` if they are passed as numbers
    with a fraction. With ``steps=0`` the result is gradient × input: the gradient at x itself, times the distance.

    The `node_mask` of the explanation has the attributions of all node features, ``[N, C]``. `edge_mask` has those of
    the edges, summed over their features, ``[E]``; it is None if there are none. `features_mask` has those of
    ``features``.

    Args:
        steps: Number m of points on the path; 0 for gradient × input.
        baselines: Values of ``x``, ``edge_attr`` or ``features`` at the start of the path, by name; 0 by default.

    Raises:
        ValueError: If `steps` is negative.

    Example:
        >>> from torch_geometric.explain import Explainer
        >>> from torch_geometric.nn import GCN
        >>> model = GCN(in_channels=3, hidden_channels=8, num_layers=2, out_channels=1)
        >>> explainer = Explainer(
        ...     model, IntegratedGradients(steps=32), explanation_type="model", node_mask_type="attributes",
        ...     model_config={"mode": "regression", "task_level": "node", "return_type": "raw"},
        ... )
        >>> edge_index = torch.tensor([[0, 1, 1, 2], [1, 0, 2, 1]])
        >>> explainer(torch.ones(3, 3), edge_index, index=0).node_mask.shape
        torch.Size([3, 3])
    """

    def __init__(self, steps: int = STEPS, baselines: dict[str, Tensor] | None = None) -> None:
        super().__init__()
        self.steps = integer("steps", steps, least=0)
        self.baselines = dict(baselines or {})

    def supports(self) -> bool:
        """Return whether the settings of the `Explainer` fit: all do."""
        return True

    def forward(
        self,
        model: torch.nn.Module,
        x: Tensor,
        edge_index: Tensor,
        *,
        target: Tensor,
        index: int | Tensor | None = None,
        **kwargs: Any,
    ) -> Explanation:
        """Return the attributions of the model's output, or of the rows `index` of it, summed.

        Args:
            model: The model.
            x: Node features. Shape ``[N, C]``.
            edge_index: Edges. Shape ``[2, E]``.
            target: Not used.
            index: Rows of the output to explain; by default all, which suits a batch of separate graphs.
            kwargs: Other inputs of the model.
        """
        named = {"x": x} | {name: kwargs[name] for name in ("edge_attr", "features") if _varies(kwargs.get(name))}
        ends = {name: value.detach() for name, value in named.items()}
        starts = {name: self.baselines.get(name, torch.zeros_like(end)).expand_as(end) for name, end in ends.items()}
        total = {name: torch.zeros_like(end) for name, end in ends.items()}
        for k in range(max(self.steps, 1)):
            share = (k + 0.5) / self.steps if self.steps else 1.0
            points = {n: (starts[n] + share * (end - starts[n])).requires_grad_() for n, end in ends.items()}
            with torch.enable_grad():
                out = model(points["x"], edge_index, **{**kwargs, **{n: p for n, p in points.items() if n != "x"}})
                out = out if index is None else out[index]
                slopes = torch.autograd.grad(out.sum(), list(points.values()), allow_unused=True)
            for name, slope in zip(points, slopes, strict=True):
                if slope is not None:
                    total[name] += slope / max(self.steps, 1)
        own = {name: (ends[name] - starts[name]) * slope for name, slope in total.items()}
        edges = own["edge_attr"].sum(1) if "edge_attr" in own else None
        extra = {"features_mask": own["features"]} if "features" in own else {}
        return Explanation(node_mask=own["x"], edge_mask=edges, **extra)


def _varies(value: Any) -> bool:
    return isinstance(value, Tensor) and value.is_floating_point() and value.dim() == 2
