"""Additional features of molecules: descriptors, fingerprints and encodings."""
