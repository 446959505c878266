"""The run directory: checkpoints, histories, models read back, locks."""
