"""Molecules: tables with SMILES, atom and bond features, descriptors, and scaffold splits."""
