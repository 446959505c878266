"""Named runs as TOML files, and `reproduce`, which trains, scores, compares and reports them."""
