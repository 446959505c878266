"""Labels in the columns of a table: which columns hold them, and what a cell means."""
