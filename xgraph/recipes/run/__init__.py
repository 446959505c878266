"""The runs of a recipe in one directory: trained one after the other, resumed, timed."""
