"""Compares MIDAM with training on whole bags, and with other libraries: ``python -m benchmarks.mil``.

Quality: every combination of data set, arm, learning rate and fold is a cell with a file of its own under ``--out``. A
rerun does only what is missing, and several processes started at the same time share the work. The folds are those of
the data sets: ten, repeated five times. A cell trains on nine parts and scores the bags of the tenth on all of their
instances after the last epoch; no epoch is chosen. The arms are `benchmarks.mil.grid.ARMS`. The learning rate of each
is chosen among `RATES` (for two arms also γ among `SLOW`) by the mean ROC-AUC of the first ten folds of the data sets
in `TUNED`, which are not tested. All other settings are those of MIDAM's protocol: one hidden layer as wide as the
input (at least 128), 16 bags per batch, half of them positive (with BCE: as they come), 4 instances, weight decay 1e-4,
τ = .1, γ = .9, the rate divided by ten and γ halved after a half and three quarters of the epochs, features
standardised by the training bags. Unlike in that protocol: Adam instead of SGD with momentum .1, and `EPOCHS` epochs
instead of 100.

``--report`` writes ``benchmarks/results/mil.json`` and ``mil.md`` from all finished cells. ``--speed`` measures time
and memory, compared with torchmil and LibAUC. ``--pictures`` draws the instances with the largest weights: of two runs
that it trains, or of given runs of `xgraph train`, beside their checkpoints. Needs XGRAPH_MIRROR. Results:
``docs/results/bags.md``.
"""
