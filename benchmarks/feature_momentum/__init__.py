"""Compares GraphSAGE on few neighbours with and without feature momentum: ``python -m benchmarks.feature_momentum``.

Every combination of data set, layers, fan-out, arm, γ, gradient and seed is a cell with a file of its own under
``--out``. A rerun does only what is missing, the most important first, and several processes started at the same time
share the work. Arms:

- plain: GraphSAGE on sampled batches.
- exact: the same with exact means of the input features in the first layer, to show how much of a gain these give.
- momentum: like exact, with a table for every further layer.
- full: all neighbours, the reference. Two layers use the loader. Deeper models use `whole_graph`, which computes the
  same model and gradient (except for dropout's random numbers) without sampling, so its times cannot be compared.

The test score is that of the epoch with the best validation score; both are computed over all neighbours. γ, gradient
and learning rate are those with the best mean validation score for each data set and fan-out: among `TUNED` at two
layers, and for three and more layers among `TUNED_DEEP` at three layers. The learning rate of the other arms is chosen
among `RATES` in the same way; full chooses its rate and its epochs at two layers. All other settings were fixed in
advance by the validation scores of full. ``--cost`` measures time and memory, each configuration in a process of its
own. ``--report`` writes tables, figures and ``benchmarks/results/feature_momentum.json`` from all finished cells. Needs
XGRAPH_MIRROR; XGRAPH_CODE may name the version of the code. Results: ``docs/results/feature-momentum.md``.
"""
