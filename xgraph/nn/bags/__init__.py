"""Multi-instance models: encoders for instances, and pooling over a bag."""
