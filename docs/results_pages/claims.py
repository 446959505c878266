"""The table of the strongest claims, on the first page and in the README."""

from __future__ import annotations

from results_pages.bags import bag_ms, bag_times
from results_pages.feature_momentum import momentum, step_ms, step_times
from results_pages.formats import markdown
from results_pages.losses import loss_ms, loss_times, memory_mib
from results_pages.molecules import molhiv_score
from results_pages.robustness import robust_count
from results_pages.sampling import sampling_ms, sampling_times
from results_pages.speed import epoch_s, epoch_times, rate, rate_times


def strongest() -> list[tuple[str, str, str, str, str]]:
    """What is claimed, our figure, the peer's, the page and the benchmark."""
    return [
        (
            "SOAP loss (average precision), forward and backward on 512 scores; with 128 tasks",
            f"{loss_ms('soap', 512)} ms; {loss_ms('soap', 512, 128)} ms",
            f"LibAUC {loss_ms('soap', 512, 1, 'LibAUC')} ms ({loss_times('soap', 512)}); "
            f"{loss_ms('soap', 512, 128, 'LibAUC')} ms ({loss_times('soap', 512, 128)})",
            "losses",
            "python -m benchmarks.losses",
        ),
        (
            "Memory of a partial-AUC loss (SOPA-s) on 65,536 scores, 1 % positive",
            f"{memory_mib('sopa-s')} MiB",
            f"LibAUC {memory_mib('sopa-s', 'libauc')} MiB",
            "losses",
            "python -m benchmarks.losses",
        ),
        (
            "Losses that stay finite at scores of ±10,000 and resume exactly from a checkpoint",
            f"{robust_count('xgraph')}",
            f"LibAUC {robust_count('libauc')}",
            "robustness",
            "python -m benchmarks.robustness",
        ),
        (
            "Sampling 15, 10 and 5 neighbours of 1,024 nodes, graph of 25 million edges; the same in a loader, "
            "with 100 features per node",
            f"{sampling_ms('power-law', '15-10-5')} ms; {sampling_ms('power-law', '15-10-5', 'loader')} ms",
            f"PyG on torch-sparse {sampling_ms('power-law', '15-10-5', 'sampler', 'torch-sparse')} ms "
            f"({sampling_times('power-law', '15-10-5')}); "
            f"{sampling_ms('power-law', '15-10-5', 'loader', 'torch-sparse')} ms "
            f"({sampling_times('power-law', '15-10-5', 'loader')})",
            "sampling",
            "python -m benchmarks.sampling",
        ),
        (
            "GraphSAGE with one sampled neighbour per layer and feature momentum: test ROC-AUC on tolokers "
            "(3 layers, 5 seeds)",
            f"{momentum('tolokers', 3, 1)}",
            f"without momentum {momentum('tolokers', 3, 1, 'plain')}; "
            f"all neighbours {momentum('tolokers', 3, 'all', 'full')}",
            "feature-momentum",
            "python -m benchmarks.feature_momentum",
        ),
        (
            "A training step of that model on a graph of Reddit2's size, processor time",
            f"{step_ms('reddit2-sized', 'momentum', '1,1,1')} ms",
            f"plain GraphSAGE on 25, 10 and 10 neighbours {step_ms('reddit2-sized', 'plain', '25,10,10')} ms "
            f"({step_times('reddit2-sized')})",
            "feature-momentum",
            "python -m benchmarks.feature_momentum --cost",
        ),
        (
            "Training step on 16 bags, one of 10,000 instances and fifteen of 100",
            f"{bag_ms('ragged', 'abmil')} ms",
            f"torchmil, padded batch {bag_ms('ragged', 'abmil', 'all', 'torchmil')} ms "
            f"({bag_times('ragged', 'abmil', 'all', 'torchmil')})",
            "bags",
            "python -m benchmarks.mil --speed",
        ),
        (
            "ogbg-molhiv on OGB's split: average precision of `--model forest` on Morgan and MACCS features (3 seeds)",
            f"{molhiv_score('forest', 'ap')}",
            "published: chemprop, tuned, five networks .308",
            "molecules",
            "xgraph reproduce molhiv",
        ),
        (
            "An epoch of a GINE network on 8,000 molecules, batches of 64, checkpoints included",
            f"{epoch_s('xgraph', 64)} s",
            f"bare PyG loop {epoch_s('bare', 64)} s ({epoch_times('bare', 64)}); "
            f"LibAUC's trainer {epoch_s('libauc', 64)} s ({epoch_times('libauc', 64)})",
            "speed",
            "python -m benchmarks.epoch",
        ),
        (
            "From SMILES to OGB's atom and bond features, one core, with the `fast` extra",
            f"{rate('featurise', 'xgraph, cuik-molmaker')} molecules/s",
            f"`ogb` {rate('featurise', 'ogb smiles2graph')} molecules/s "
            f"({rate_times('featurise', 'xgraph, cuik-molmaker')})",
            "speed",
            "python -m benchmarks.featurize",
        ),
    ]


def claims(folder: str = "", commands: bool = True) -> str:
    """The strongest claims as a table; `folder` is where the results pages are, as seen from the page that shows it."""
    rows = []
    for what, ours, peer, page, command in strongest():
        rows.append([what, ours, peer, f"[{page}]({folder}{page}.md)", *([f"`{command}`"] if commands else [])])
    return markdown(["", "xgraph", "compared with", "details", *(["measure it yourself"] if commands else [])], rows)
