"""What runs and readers survive: kills, damaged files, hostile input, weeks of running."""
