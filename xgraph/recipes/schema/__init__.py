"""The schema of recipes: the tables of the TOML file, and the runs and comparisons that they define."""
