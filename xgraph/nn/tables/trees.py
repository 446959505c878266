"""Decision trees stored as tensors."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from xgraph.nn.layers.learned_buffers import LearnedBuffers

_AT_ONCE = 1 << 20  # maximum number of pairs of a tree and a row


class Trees(LearnedBuffers):
    """Binary decision trees of several tasks, with all nodes in one list."""

    feature: Tensor
    number: Tensor
    left: Tensor
    right: Tensor
    root: Tensor
    task: Tensor

    def __init__(self, num_tasks: int, num_features: int) -> None:
        super().__init__()
        self.num_tasks, self.num_features = num_tasks, num_features
        empty = torch.empty(0, dtype=torch.int32)
        self.register_buffer("feature", empty)  # -1 at a leaf
        self.register_buffer("number", empty.double())  # threshold; at a leaf, the fraction of positives or the mean
        self.register_buffer("left", empty.clone())  # child node; always after the node itself
        self.register_buffer("right", empty.clone())
        self.register_buffer("root", empty.clone())  # first node of each tree
        self.register_buffer("task", empty.clone())  # task of each tree

    def keep(self, of_tasks: Sequence[Sequence[Any]]) -> None:
        """Replace the stored trees by fitted ones, of two classes or of numbers."""
        parts: dict[str, list[Any]] = {name: [] for name in self._buffers}
        begin = 0
        for task, trees in enumerate(of_tasks):
            for tree in (one.tree_ for one in trees):
                leaf = tree.children_left < 0
                parts["feature"].append(np.where(leaf, -1, tree.feature))
                parts["number"].append(np.where(leaf, tree.value[:, 0, -1], tree.threshold))
                parts["left"].append(np.where(leaf, 0, tree.children_left + begin))
                parts["right"].append(np.where(leaf, 0, tree.children_right + begin))
                parts["root"].append([begin])
                parts["task"].append([task])
                begin += len(leaf)
        if begin >= 2**31:
            raise ValueError(f"the trees have {begin} nodes, expected fewer than 2³¹; fit fewer or smaller trees")
        for name, part in parts.items():
            own = getattr(self, name)
            setattr(self, name, torch.as_tensor(np.concatenate([[], *part]), dtype=own.dtype, device=own.device))

    def forward(self, x: Tensor) -> Tensor:
        """Return the mean over each task's trees of the numbers at the leaves, float64 ``[B, T]``; 0 without trees."""
        total = torch.zeros(self.num_tasks, len(x), dtype=torch.float64, device=x.device)
        step = max(_AT_ONCE // max(len(x), 1), 1)
        for root, task in zip(torch.split(self.root, step), torch.split(self.task, step), strict=True):
            total.index_add_(0, task, self._descend(x, root).double())
        count = torch.bincount(self.task, minlength=self.num_tasks).clamp(min=1)
        return (total / count[:, None]).T

    def _descend(self, x: Tensor, root: Tensor) -> Tensor:
        """Return the number at each row's leaf in each tree, ``[trees, B]``; pairs that reach a leaf drop out."""
        leaves = self.number.new_empty(len(root) * len(x))
        pair = torch.arange(len(leaves), device=x.device)
        row = pair % max(len(x), 1)
        node = root.repeat_interleave(len(x))
        while len(pair):
            feature = self.feature[node]
            inner = feature >= 0
            leaves[pair[~inner]] = self.number[node[~inner]]
            pair, row, node, feature = pair[inner], row[inner], node[inner], feature[inner]
            below = x[row, feature] <= self.number[node]
            node = torch.where(below, self.left[node], self.right[node])
        return leaves.view(len(root), len(x))

    def _inconsistency(self) -> str:
        nodes, inner = len(self.feature), self.feature >= 0
        if not len(self.number) == len(self.left) == len(self.right) == nodes or len(self.root) != len(self.task):
            return "the lists of nodes have different lengths"
        if bool((self.feature >= self.num_features).any()):
            return f"a node refers to a feature beyond num_features={self.num_features}"
        own = torch.arange(nodes, device=self.feature.device)[inner]
        for child in (self.left[inner], self.right[inner]):
            if bool(((child <= own) | (child >= nodes)).any()):  # otherwise a descent might not end
                return "a node does not come before its child"
        for name, value, most in (("root", self.root, nodes), ("task", self.task, self.num_tasks)):
            if bool(((value < 0) | (value >= most)).any()):
                return f"a {name} is out of range"
        return ""
