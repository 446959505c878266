"""Help as plain text, and commands whose options come from the catalogue."""
