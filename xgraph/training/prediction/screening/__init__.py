"""Screening of more than one machine can hold: predictions batch by batch and file by file, in any process."""
