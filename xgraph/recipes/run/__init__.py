"""Train and resume the runs of a recipe in one directory, and record their times."""
