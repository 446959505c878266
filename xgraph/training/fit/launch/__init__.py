"""Train one run, or one per fold; settings to resume with."""
