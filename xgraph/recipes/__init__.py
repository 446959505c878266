"""Recipes: TOML files of named runs, and `reproduce`, which trains, evaluates, compares and reports them."""
