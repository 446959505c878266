"""Loggers of a run: TensorBoard, Weights & Biases, MLflow and CSV, through Lightning's loggers."""
