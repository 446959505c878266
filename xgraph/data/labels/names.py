"""What the name of a column says about its content: an identifier, a split, or a property rather than a label."""

from __future__ import annotations

import re

_IDS = frozenset({"", "id", "index", "idx", "row", "no", "num", "number", "title"})
_UNNAMED = re.compile(r"unnamed: \d+|__index_level_\d+__|column \d+")  # what pandas and this package call them
_SPLITS = re.compile(
    r"(is_)?(train|training|valid|validation|val|test|dev)|(cv_)?folds?|splits?|(sub)?set|part(ition)?"
)
_FLAG = re.compile(r"(is|has|was|contains)[ _-]")
_LABEL = re.compile(r"activ|hit|toxic|positive|bind|inhib|label|target|class|mutagen|penetr|permea|resist|kill")
_KEYS = re.compile(r"(.*[ _.-])?(id|ids|no|nr|num|number|idx|index)|cid|sid|aid|uid|molid|rowid|cas(rn)?")
_KEY_IN_CAPITALS = re.compile(r".*[a-z](ID|Id|Idx|No)")
_WEIGHTS = re.compile(r"((sample|row|loss|case|instance)[ _-]?)?weights?")


def is_identifier(name: str) -> bool:
    """Whether a column counts or names the rows."""
    low = name.strip().lower()
    return low in _IDS or _UNNAMED.fullmatch(low) is not None


def is_split(name: str) -> bool:
    """Whether a column is called like a split, such as train, fold or set."""
    return _SPLITS.fullmatch(re.sub(r"[ -]", "_", name.strip().lower())) is not None


def is_flag(name: str) -> bool:
    """Whether a column is called like a property, such as ``is_salt``, and not like a label, such as ``is_active``."""
    low = name.strip().lower()
    return _FLAG.match(low) is not None and _LABEL.search(low) is None


def is_bookkeeping(name: str) -> bool:
    """Whether a column of numbers is called like an identifier, such as CID, or a weight."""
    low = name.strip().lower()
    found = (_KEYS.fullmatch(low), _KEY_IN_CAPITALS.fullmatch(name.strip()), _WEIGHTS.fullmatch(low))
    return is_identifier(name) or any(match is not None for match in found)
