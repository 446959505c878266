"""Batches of items: both classes, several tasks or groups in each; for one process or several."""
