"""Scores of new data, evaluation of finished runs, ensembles."""
