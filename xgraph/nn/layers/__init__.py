"""Small layers that all models share: dropout, normalisation, scaling of features, the output head."""
