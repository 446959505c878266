"""Prediction for new data, evaluation of finished runs, and ensembles."""
