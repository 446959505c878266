"""Molecules: tables with SMILES, features of atoms and bonds, descriptors, splits by scaffold."""
