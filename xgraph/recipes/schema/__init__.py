"""What a recipe says: the tables of its TOML file, and the runs and comparisons that follow from them."""
