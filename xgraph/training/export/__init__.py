"""Files with the model of a run for use without xgraph."""
