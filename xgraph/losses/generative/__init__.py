"""Losses of scores that a generator's samples get: discriminative fine-tuning."""
