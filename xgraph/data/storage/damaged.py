"""What reading damaged files raises."""

import lzma
import struct
import zipfile
import zlib

DAMAGED_ARCHIVE = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, struct.error, RuntimeError)
"""Errors of `zipfile` for damaged archives; RuntimeError, and thus NotImplementedError, where a damaged record claims
to be encrypted, or packed in an unknown way."""
