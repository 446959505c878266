"""Tables: reading of files as columns of text, whole or in pieces."""
