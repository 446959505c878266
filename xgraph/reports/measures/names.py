"""What metrics are called, and what they mean."""

LABELS = {
    "accuracy": "accuracy",
    "ap": "AP",
    "prc_auc": "PRC AUC",
    "roc_auc": "ROC AUC",
    "ef_1": "EF 1 %",
    "ef_5": "EF 5 %",
    "bedroc": "BEDROC",
    "tied": "tied",
    "balanced_accuracy": "balanced accuracy",
    "f1": "F1",
    "mcc": "MCC",
    "precision@10": "precision@10",
    "hits@10": "hits@10",
    "loss": "loss",
    "rmse": "RMSE",
    "mae": "MAE",
    "r2": "R²",
    "pearson": "Pearson's r",
    "spearman": "Spearman's ρ",
}
MEANINGS = {
    "accuracy": "share of items whose class has the highest score",
    "ap": "average precision: the mean precision over the positives, going down the ranking",
    "prc_auc": "area under the precision-recall curve by trapezoids, as some publications report it",
    "roc_auc": "share of pairs of a positive and a negative that are in the right order",
    "tied": "share of items with the same score as an item of the other class",
    "ef_1": "enrichment: positives in the top 1 % of the ranking, compared with a random order",
    "ef_5": "enrichment: positives in the top 5 % of the ranking, compared with a random order",
    "bedroc": "early recognition, from 0 to 1; 80 % of it comes from the first 8 % of the ranking",
    "precision@10": "share of positives among the ten items with the highest scores",
    "hits@10": "number of positives among the ten items with the highest scores",
    "balanced_accuracy": "mean of the shares of positives and of negatives that are decided rightly",
    "f1": "harmonic mean of precision and recall at the threshold",
    "mcc": "Matthews' correlation between label and decision",
    "rmse": "root of the mean squared error, in the units of the numbers; lower is better",
    "mae": "mean absolute error, in the units of the numbers; lower is better",
    "r2": "share of the variance that is explained; 0 for the mean of the part, 1 for perfect predictions",
    "pearson": "linear correlation of predicted and measured numbers",
    "spearman": "correlation of their ranks",
}
_PREFIXES = {"pauc_mcclish_fpr": "partial AUC (McClish) up to FPR ", "pauc_area_fpr": "partial AUC up to FPR "}
PARTS = {"train": "training", "valid": "validation", "test": "test"}


def label(metric: str) -> str:
    """Return the name of a metric as text shows it.

    Args:
        metric: Its name in ``metrics.json``.

    Example:
        >>> label("ap"), label("pauc_area_fpr0.3"), label("tpauc_tpr0.5_fpr0.5"), label("ogb_rocauc")
        ('AP', 'partial AUC up to FPR 0.3', 'two-way partial AUC, TPR from 0.5, FPR to 0.5', 'OGB rocauc')
    """
    if metric in LABELS:
        return LABELS[metric]
    for prefix, text in _PREFIXES.items():
        if metric.startswith(prefix):
            return text + metric.removeprefix(prefix)
    if metric.startswith("tpauc_tpr"):
        low, _, high = metric.removeprefix("tpauc_tpr").partition("_fpr")
        return f"two-way partial AUC, TPR from {low}, FPR to {high}"
    return f"OGB {metric.removeprefix('ogb_')}" if metric.startswith("ogb_") else metric


def meaning(metric: str) -> str:
    """Return what a metric means; empty if there is no more to say than its name."""
    if metric.startswith("ogb_"):
        return "as the evaluator of the Open Graph Benchmark computes it"
    if metric.startswith(("pauc_", "tpauc_")):
        return "area under a part of the ROC curve"
    return MEANINGS.get(metric, "")
