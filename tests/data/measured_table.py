"""A small table of measurements, in the layout of ChEMBL's."""

import gzip
from pathlib import Path

HEAD = "dataset,smiles,chembl_id,pki\n"
ALCOHOLS = [f"CHEMBL1075104,{'C' * i}O,CHEMBL{i},{6.0 + (i % 2):.1f}\n" for i in range(1, 11)]
OTHERS = ["CHEMBL1855,CCO,CHEMBL2,7.0\n", "CHEMBL1855,C1CC,CHEMBL90,9.0\n", "CHEMBL1855,CCN,CHEMBL91,6.9\n"]


def write_measured(path: Path) -> Path:
    """Ten alcohols at one protein; one of them, one that cannot be read and an amine at another."""
    path.write_bytes(gzip.compress("".join([HEAD, *ALCOHOLS, *OTHERS]).encode()))
    return path
