"""Multi-instance models: encoders of instances and the pooling of a bag."""
