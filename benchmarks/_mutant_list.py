"""The mutants: a file, a snippet that occurs in it once, its replacement, and the tests that should notice."""

from __future__ import annotations

from typing import NamedTuple


class Mutant(NamedTuple):
    """One deliberate mistake; the tests are sorted by distance, the closest first."""

    file: str
    old: str
    new: str
    tests: tuple[str, ...]


def _mutant(file: str, old: str, new: str, *tests: str) -> Mutant:
    return Mutant(f"xgraph/{file}", old, new, tuple(f"tests/{test}" for test in tests))


ESTIMATORS = "estimators/test_table.py"
BASE = "losses/test_base.py"
SEGMENTS = "nn/bags/pooling/test_segments.py"
CONVOLUTIONS = "nn/convolutions/test_convolutions.py"
METRICS = "training/scoring/test_metrics.py"
PARTIAL = "training/scoring/test_partial_auc.py"

MUTANTS = [
    # tables of per-item state
    _mutant(
        "estimators/moving_average.py",
        "torch.lerp(old, estimate, gamma)",
        "torch.lerp(estimate, old, gamma)",
        "estimators/test_moving_average.py",
    ),
    _mutant(
        "estimators/moving_average.py",
        "return change.add_(state)",
        "return change.neg().add_(state)",
        "estimators/test_moving_average.py",
    ),
    _mutant(
        "estimators/log_moving_average.py",
        "(fixed - state).exp_()",
        "(state - fixed).exp_()",
        "estimators/test_log_moving_average.py",
    ),
    _mutant(
        "estimators/log_moving_average.py",
        "old + rest, estimate + share",
        "old + share, estimate + rest",
        "estimators/test_log_moving_average.py",
    ),
    _mutant(
        "estimators/log_moving_average.py",
        "total.log() - count.log() + top",
        "total.log() + top",
        "estimators/test_log_moving_average.py",
    ),
    _mutant(
        "estimators/ratio_moving_average.py",
        "value - ratio, weight_change)",
        "ratio - value, weight_change)",
        "estimators/test_ratio_moving_average.py",
    ),
    _mutant(
        "estimators/ratio_moving_average.py",
        "own - rest",
        "rest - own",
        "estimators/test_ratio_moving_average.py",
    ),
    _mutant(
        "estimators/projected_gradient.py", "alpha=self.lr", "alpha=-self.lr", "estimators/test_projected_gradient.py"
    ),
    _mutant(
        "estimators/moving_rows.py",
        "torch.where(known, share, estimate",
        "torch.where(~known, share, estimate",
        "estimators/test_gradient.py",
    ),
    _mutant("estimators/table.py", "fixed = estimate.detach()", "fixed = estimate", "estimators/test_gradient.py"),
    _mutant(
        "estimators/moving_rows.py",
        "index_add_(0, slot, estimate) / count)",
        "index_add_(0, slot, estimate))",
        "estimators/test_moving_average.py",
        ESTIMATORS,
    ),
    _mutant("estimators/rows.py", "high >= num_items", "high > num_items", "estimators/test_rows.py"),
    # losses
    _mutant(
        "losses/pairs/surrogates.py", ".clamp_min_(0).mul_(2)", ".clamp_min_(0)", "losses/pairs/test_surrogates.py"
    ),
    _mutant(
        "losses/pairs/reductions.py", "(count * top - rank)", "(count * top - rank - 1)", "losses/pairs/test_sopa.py"
    ),
    _mutant(
        "losses/pairs/reductions.py", "position.ceil().long()", "position.floor().long()", "losses/pairs/test_sopa.py"
    ),
    _mutant(
        "losses/pairs/reductions.py",
        "else out - math.log(block.values.shape[1])",
        "else out",
        "losses/pairs/test_sopa_s.py",
    ),
    _mutant("losses/pairs/reductions.py", "(excess > 0)", "(excess >= 0)", "losses/pairs/test_sopa.py"),
    _mutant(
        "losses/pairs/reduce.py",
        "torch.stack([batch.positive, batch.known])",
        "torch.stack([batch.positive, batch.negative])",
        "losses/pairs/test_soap.py",
    ),
    _mutant("losses/pairs/prefixes.py", "self.edge - reach", "self.edge + reach", "losses/pairs/test_ordered.py"),
    _mutant("losses/pairs/prefixes.py", "value=-1).mul_(2)", "value=1).mul_(2)", "losses/pairs/test_ordered.py"),
    _mutant("losses/pairs/by_pair.py", "pairs.sum(1), alpha=-1)", "pairs.sum(1))", "losses/pairs/test_auc_pairwise.py"),
    _mutant(
        "losses/pairs/anchors.py",
        "positives.mul_(contributing.sum())",
        "positives",
        "losses/pairs/test_anchors.py",
        "losses/pairs/test_soap.py",
    ),
    _mutant(
        "losses/pairs/sopa.py",
        "pairs.quantile(1 - self.top, ~known)",
        "pairs.quantile(self.top, ~known)",
        "losses/pairs/test_sopa.py",
    ),
    _mutant(
        "losses/pairs/sota_s.py",
        "self.neg_temperature / self.pos_temperature",
        "self.pos_temperature / self.neg_temperature",
        "losses/pairs/test_sota_s.py",
    ),
    _mutant(
        "losses/pairs/staco.py",
        "(tasks.mean(weight) - worst)",
        "(worst - tasks.mean(weight))",
        "losses/pairs/test_staco.py",
    ),
    _mutant("losses/pairs/auc_margin.py", "fixed - at, task", "at - fixed, task", "losses/pairs/test_auc_margin.py"),
    _mutant("losses/robust/kl_dro.py", "level + self.rho - (share", "level - (share", "losses/robust/test_kl_dro.py"),
    _mutant(
        "losses/robust/group_dro.py",
        "part * (self.epsilon / 2)",
        "part * self.epsilon",
        "losses/robust/test_group_dro.py",
    ),
    _mutant(
        "losses/robust/group_dro.py", "share - self.alpha", "self.alpha - share", "losses/robust/test_group_dro.py"
    ),
    _mutant(
        "losses/constraints/base.py",
        "part / self.epsilon * (over - part / 2)",
        "part / self.epsilon * (over - part)",
        "losses/constraints/test_penalty.py",
    ),
    _mutant(
        "losses/constraints/roc_fairness.py",
        "known.index_copy(0, rows, rate)",
        "torch.zeros_like(known).index_copy(0, rows, rate)",
        "losses/constraints/test_roc_fairness.py",
    ),
    _mutant(
        "losses/contrastive/temperature.py",
        "logsumexp(1) - count.log()",
        "logsumexp(1)",
        "losses/contrastive/test_sogclr.py",
    ),
    _mutant(
        "losses/contrastive/temperature.py",
        "state + temperatures.rho - (share * ratio)",
        "state - temperatures.rho - (share * ratio)",
        "losses/contrastive/test_two_tower.py",
    ),
    _mutant(
        "losses/pointwise/focal.py",
        "(1 - self.alpha) * batch.weighted(negative).sum()",
        "self.alpha * batch.weighted(negative).sum()",
        "losses/pointwise/test_focal.py",
    ),
    # pooling of bags
    _mutant(
        "nn/bags/pooling/segments.py",
        "total.log() - self.count.log()[:, None]",
        "total.log()",
        SEGMENTS,
        "nn/bags/pooling/test_smoothed_max.py",
    ),
    _mutant(
        "nn/bags/pooling/segments.py",
        "torch.linalg.vecdot(spread, x)",
        "-torch.linalg.vecdot(spread, x)",
        SEGMENTS,
        "nn/bags/pooling/test_attention.py",
    ),
    _mutant(
        "nn/bags/pooling/smoothed_max.py",
        "return row * self.tau if",
        "return row if",
        "nn/bags/pooling/test_smoothed_max.py",
    ),
    _mutant(
        "nn/bags/pooling/attention.py",
        "self.gate(x).sigmoid_()",
        "self.gate(x).tanh_()",
        "nn/bags/pooling/test_attention.py",
    ),
    # feature momentum and models of nodes
    _mutant(
        "nn/convolutions/base.py",
        "block.degree[: block.num_targets] == 0",
        "block.degree[: block.num_targets] < 0",
        "nn/convolutions/test_feature_momentum.py",
        CONVOLUTIONS,
    ),
    _mutant(
        "nn/convolutions/feature_momentum.py",
        ".index_copy(0, rows, moved)",
        ".index_copy(0, rows, moved.detach())",
        "nn/convolutions/test_feature_momentum.py",
    ),
    _mutant(
        "nn/convolutions/gat.py",
        "own - aggregate[..., -1]",
        "aggregate[..., -1] - own",
        "nn/convolutions/test_gat.py",
    ),
    _mutant("nn/convolutions/gcn.py", "degree.rsqrt()", "degree.reciprocal()", "nn/convolutions/test_gcn.py"),
    _mutant("nn/convolutions/gin.py", "(1 + conv.eps)", "(1 - conv.eps)", "nn/convolutions/test_gin.py"),
    _mutant("nn/nodes/layerwise.py", "return levels[::-1]", "return levels", "nn/nodes/test_layerwise.py"),
    _mutant(
        "nn/nodes/cluster_blocks.py",
        "(edges[0] - size) % count",
        "edges[0]",
        "nn/nodes/test_graphfm_ob.py",
    ),
    _mutant("nn/tables/kernels.py", "a[a > 0]", "a[a > 1]", "nn/tables/test_kernels.py"),
    # samplers
    _mutant("sampling/items/cycle.py", "self._next += len(first)", "self._next += 0", "sampling/items/test_cycle.py"),
    _mutant(
        "sampling/items/group.py",
        "np.minimum(np.diff(self._bounds)",
        "np.maximum(np.diff(self._bounds)",
        "sampling/items/test_group.py",
    ),
    _mutant(
        "sampling/engines/draws.py",
        "degree - (fanout - j)",
        "degree - (fanout - j) - 1",
        "sampling/engines/test_torch_engine.py",
    ),
    _mutant(
        "sampling/engines/draws.py", "(rank < fanout)", "(rank <= fanout)", "sampling/engines/test_torch_engine.py"
    ),
    _mutant(
        "sampling/engines/numba_numbering.py",
        "is_new = value < base",
        "is_new = value <= base",
        "sampling/engines/test_numba_engine.py",
    ),
    _mutant(
        "sampling/bags/instances.py", "(begin[drawn, None] + offsets)", "(offsets)", "sampling/bags/test_instances.py"
    ),
    _mutant(
        "sampling/memory/features.py",
        "if kernels is None",
        "if kernels is not None",
        "sampling/memory/test_features.py",
    ),
    # metrics
    _mutant("training/scoring/metrics.py", "(tp / (tp + fp))) / tp[-1]", "(tp / (tp + fp))) / len(tp)", METRICS),
    _mutant("training/scoring/sweep.py", "np.flatnonzero(s[1:] != s[:-1])", "np.arange(y.size - 1)", METRICS),
    _mutant("training/scoring/partial_auc.py", "chance = max_fpr**2 / 2", "chance = max_fpr**2", PARTIAL),
    _mutant("training/scoring/partial_auc.py", "height = y - min_tpr", "height = y", PARTIAL),
    # splits
    _mutant(
        "data/molecules/splits.py",
        'len(parts["train"]) + len(parts["valid"]) + len(rows)',
        'len(parts["valid"]) + len(rows)',
        "data/molecules/test_splits.py",
    ),
    _mutant(
        "data/molecules/splits.py", "includeChirality=True", "includeChirality=False", "data/molecules/test_splits.py"
    ),
    _mutant(
        "data/nodes/splits.py",
        "(fractions[0] + fractions[1]) * len(nodes)",
        "fractions[1] * len(nodes)",
        "data/nodes/test_splits.py",
    ),
    _mutant("data/splits/classes.py", "rarest_first[::-1]", "rarest_first", "data/bags/test_splits.py"),
    _mutant("training/config/parts.py", "!= number]", "== number]", "training/config/test_parts.py"),
    # tables and keys of molecules
    _mutant("data/molecules/smiles_column.py", "/ len(sample)", "* len(sample)", "data/molecules/test_table.py"),
    _mutant("data/molecules/keys.py", "bond_attr[:, 0]", "bond_attr[:, 1]", "data/molecules/test_keys.py"),
    _mutant(
        "data/molecules/keys.py", "np.delete(graphs.x, 1,", "np.delete(graphs.x, 0,", "data/molecules/test_keys.py"
    ),
]
