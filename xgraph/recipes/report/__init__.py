"""The report of a recipe: metrics, comparisons, tables, and predictions for a competition."""
