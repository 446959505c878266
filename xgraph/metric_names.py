"""Names of groups of metrics, for settings and cards, which are checked without the libraries that compute them."""

LIST_METRICS = ("ndcg", "ndcg@10", "ndcg@20", "recall@10", "recall@20", "hit@10", "mrr", "map@10")
"""Metrics of ranked lists, for runs of several label columns."""

NUMBER_METRICS = ("rmse", "mae", "r2", "pearson", "spearman")
"""Metrics of predicted numbers."""
