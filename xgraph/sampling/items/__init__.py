"""Batches of items with both classes, several tasks or several groups in each; for one or several processes."""
