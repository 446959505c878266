"""What predictions are written as: names of columns, columns that are kept, files."""
