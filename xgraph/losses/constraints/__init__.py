"""Constraints on a model, as penalties that are added to the loss."""
