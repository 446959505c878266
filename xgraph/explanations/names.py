"""Names of the methods, which the command knows without importing torch."""

GRADIENTS, SLOPE, LEAVE_OUT = "integrated-gradients", "gradient-input", "leave-one-out"
SHAP, PERMUTATION, ATTENTION = "shap", "permutation", "attention-value"
METHODS = (GRADIENTS, SLOPE, LEAVE_OUT, SHAP, PERMUTATION, ATTENTION)
"""Names of all methods."""

STEPS = 64
"""Number of points on the path of integrated gradients: the sums of attributions are then within about 1 % of the
difference of scores."""
