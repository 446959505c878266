"""Bags of instances: MIDAM beside training on whole bags, and beside peers: ``python -m benchmarks.mil``.

Quality. Every (data set, arm, rate, fold) is a cell with a file of its own under ``--out``: a rerun does what is
missing, and several processes started at once share the work. The folds are the given ones, five times ten of each
data set. A cell trains on nine parts and scores the bags of the tenth by all of their instances, after the last epoch:
no epoch is chosen, and nothing by the tested sets. The arms are `benchmarks.mil.grid.ARMS`. The rate of each is chosen
among `RATES`, for two arms γ too among `SLOW`, by the mean ROC-AUC of the first ten folds of `TUNED` data sets, which
are not tested. All other settings are those of MIDAM's protocol: one hidden layer as wide as the input (at least 128),
16 bags a batch, half of them positive (with BCE: as they come), 4 instances, weight decay 1e-4, τ = .1, γ = .9, rate
to a tenth and γ to a half after half and three quarters of the epochs, features standardised by the training bags; but
Adam, not SGD with momentum .1, and `EPOCHS` epochs, not 100.

``--report`` makes ``benchmarks/results/mil.json`` and ``mil.md`` of all finished cells. ``--speed`` measures time and
memory beside torchmil and LibAUC. ``--pictures`` draws which instances made a bag positive: of two runs that it
trains, or of given runs of `xgraph train`, beside their checkpoints. Needs XGRAPH_MIRROR.
"""
