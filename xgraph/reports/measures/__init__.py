"""What a report computes from predictions: curves, their bands, and calibration."""
