"""Models fitted to a table of features: forests, extra trees, support vector machines."""
