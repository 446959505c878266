"""Splits of users' own data: from a column, from files of row numbers, or drawn by class and by group."""
