"""Evaluation on a part of the run's data set, and on new labelled data."""
