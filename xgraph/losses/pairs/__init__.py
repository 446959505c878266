"""Losses over pairs of a positive and a negative: average precision, AUC and partial AUC."""
