"""Small layers shared by all models: dropout, normalisation, feature scaling and the output head."""
