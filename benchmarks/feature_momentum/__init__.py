"""GraphSAGE on few sampled neighbours, with and without feature momentum: ``python -m benchmarks.feature_momentum``.

Every (data set, layers, fan-out, arm, γ, gradient, seed) is a cell with a file of its own under ``--out``: a rerun
does what is missing, the most important first, and several processes started at once share the work. Arms:

- plain: GraphSAGE on sampled batches.
- exact: the same, with the exact means of the input features in the first layer: what of a gain is due to these.
- momentum: the same, with a table for every further layer.
- full: all neighbours, the reference. Two layers by the loader; more by `whole_graph`, which is the same model and
  the same gradient (but for the draws of dropout) without sampling: so its seconds per epoch are none to compare.

The test score is that of the epoch with the best validation score; both are exact, over all neighbours. γ, the
gradient and the learning rate are those of the best mean validation score among `TUNED`, for each data set and fan-out,
at two layers, and among `TUNED_DEEP`, at three layers, for three and more. The rate of the other arms is chosen among
`RATES` in the same way, that of full, and its epochs, at two layers. All else was set beforehand, by the validation
scores of full. ``--cost`` measures time and memory, each configuration in a process of its own. ``--report`` makes
tables, figures and ``benchmarks/results/feature_momentum.json`` of all finished cells. Needs XGRAPH_MIRROR; XGRAPH_CODE
may name the code that runs.
"""
