"""The pictures of the results pages."""
