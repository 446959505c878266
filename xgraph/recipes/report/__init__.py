"""What the runs of a recipe give: figures, comparisons, tables, predictions for a competition."""
