"""Constraints of a run: penalties beside its loss, and what is reported about them."""
