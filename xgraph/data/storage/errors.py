"""Errors of files that are fetched."""


class FetchError(OSError):
    """A file could not be fetched, or its checksum is wrong."""


class MissingFileError(FetchError):
    """The server does not have the file."""


class TooLargeError(FetchError):
    """A file, or what an archive unpacks to, is larger than expected."""
