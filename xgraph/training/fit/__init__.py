"""Training itself, from settings to a finished run."""
