import pytest

from xgraph.data.cards.schema import parse_card

HASH = "ab" * 32
CARD = f"""
name = "toy"
kind = "graph"
title = "A toy"
description = "Toys."
origin = "here"
licence = "none"
citation = "nobody"
task = "binary classification"
metric = "ap"
items = 3
labels = 3
positives = 1
smiles_column = "smiles"
target_columns = ["y"]
splits = ["given", "random"]
table = "toy/all.csv"

[given]
format = "tables"
train = "toy/{{fold}}/train.csv"
valid = "toy/all.csv"
test = "toy/all.csv"
folds = ["a"]

[[files]]
path = "toy/all.csv"
bytes = 3
sha256 = "{HASH}"
source_url = "https://host/all.csv"
source_sha256 = "{HASH}"

[[files]]
path = "toy/a/train.csv"
bytes = 3
sha256 = "{HASH}"
source_url = "https://host/all.csv"
source_sha256 = "{HASH}"
"""


def test_card_holds_what_the_file_says() -> None:
    card = parse_card(CARD, "toy.toml")
    assert (card.name, card.items, card.folds, card.splits[0]) == ("toy", 3, 1, "given")
    assert card.given is not None
    assert card.given.paths() == ["toy/a/train.csv", "toy/all.csv", "toy/all.csv"]
    assert card.file("toy/all.csv").derive == ""


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ("items = 3", "", r"toy\.toml: key 'items' is missing"),
        ("items = 3", 'items = "3"', r"toy\.toml: key 'items' must be int, got '3'"),
        ("items = 3", "items = true", r"key 'items' must be int, got True"),
        ("items = 3", "items = 3\nitms = 4", r"toy\.toml: unknown key 'itms'"),
        ("items = 3", "items = ", r"toy\.toml is no valid TOML"),
        ('kind = "graph"', 'kind = "bagel"', r"key 'kind' must be one of graph, node, bag, got 'bagel'"),
        ('metric = "ap"', 'metric = "auc"', r"key 'metric' must be one of .*got 'auc'"),
        ('["given", "random"]', '["given", "lucky"]', r"key 'splits' may hold"),
        ('["given", "random"]', "[]", r"key 'splits' must not be empty"),
        ('["given", "random"]', '["random"]', r"key 'given' and splits disagree"),
        (
            'table = "toy/all.csv"',
            'table = "toy/none.csv"',
            r"key 'table' is not among the files: 'toy/none\.csv'",
        ),
        ('table = "toy/all.csv"', "", r"key 'table' or 'embedded', 'reader' or 'ogb' must be there"),
        ('smiles_column = "smiles"', "", r"key 'smiles_column' is missing"),
        ("positives = 1", "", r"key 'positives' is missing"),
        ('task = "binary', 'task = "trinary', r"key 'task' must be one of .*got 'trinary classification'"),
        ('metric = "ap"', 'metric = "accuracy"', r"key 'metric' must be 'accuracy' for several classes, and only then"),
        ("items = 3", "items = 3\nogb = 1", r"key 'ogb' must be bool, got 1"),
        ("items = 3", "items = 3\nogb = true", r"only one of them"),
        ("items = 3", "items = 3\nnum_classes = 2", r"key 'num_classes' must be there for several classes"),
        ('["given", "random"]', '["given", "stratified"]', r"key 'splits' may hold"),
        ('format = "tables"', 'format = "parquet"', r"key 'given\.format' must be one of"),
        (
            'valid = "toy/all.csv"',
            'valid = "toy/v.csv"',
            r"key 'given' names \['toy/v\.csv'\], which are not among",
        ),
        ('valid = "toy/all.csv"', "", r"toy\.toml: given: key 'valid' is missing"),
        ('path = "toy/a/train.csv"', 'path = "../train.csv"', r"files\[1\]\.path' must stay below the root"),
        ('path = "toy/a/train.csv"', 'path = "/train.csv"', r"files\[1\]\.path' must stay below the root"),
        (
            f'source_sha256 = "{HASH}"',
            'source_sha256 = "XY"',
            r"files\[0\]\.source_sha256' must be 64 hexadecimal",
        ),
        (
            f'source_sha256 = "{HASH}"',
            f'source_sha256 = "{HASH}"\nderive = "os"',
            r"\.derive' is unknown: 'os'",
        ),
        ("bytes = 3", "", r"toy\.toml: files\[0\]: key 'bytes' is missing"),
    ],
)
def test_mistakes_name_file_and_key(old: str, new: str, text: str) -> None:
    assert old in CARD
    # the paths of the second file are needed by [given], so its own mistakes are made without that table
    card = CARD
    if "train.csv" in old:
        card = card.replace('"toy/{fold}/train.csv"', '"toy/all.csv"')
    with pytest.raises(ValueError, match=text):
        parse_card(card.replace(old, new, 1), "toy.toml")


def test_files_and_given_must_be_tables() -> None:
    head = CARD.split("[given]")[0]
    with pytest.raises(ValueError, match=r"key 'files' must be an array of tables"):
        parse_card('files = "a"\n' + head, "toy.toml")
    with pytest.raises(ValueError, match=r"key 'given' must be a table"):
        parse_card('given = "a"\n' + head, "toy.toml")


NODES = f"""
name = "web"
kind = "node"
title = "A web"
description = "Pages."
origin = "here"
licence = "none"
citation = "nobody"
task = "multiclass classification"
metric = "accuracy"
items = 3
labels = 3
edges = 4
features = 2
target_columns = ["kind"]
num_classes = 2
class_names = ["a", "b"]
splits = ["given", "stratified"]
reader = "heterophilous"

[given]
format = "masks"
file = "web.npz"
train = "a"
valid = "b"
test = "c"
folds = ["0", "1"]

[[files]]
path = "web.npz"
bytes = 3
sha256 = "{HASH}"
source_url = "https://host/web.{{a,b}}"
source_sha256 = ""
derive = "planetoid"
content_sha256 = "{HASH}"
"""


def test_card_of_nodes() -> None:
    card = parse_card(NODES, "web.toml")
    assert (card.kind, card.num_classes, card.folds, card.smiles_column, card.ogb) == ("node", 2, 2, "", False)
    assert card.given is not None
    assert card.given.paths() == ["web.npz"]


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ('reader = "heterophilous"', 'reader = "pickle"', r"key 'reader' must be one of planetoid, coauthor"),
        ('reader = "heterophilous"', "", r"'reader' or 'ogb' must be there"),
        ('"b"]\nsplits', '"b", "c"]\nsplits', r"key 'class_names' has 3 names for 2 classes"),
        ("num_classes = 2", "", r"key 'num_classes' must be there for several classes"),
        ('metric = "accuracy"', 'metric = "ap"', r"key 'metric' must be 'accuracy'"),
        ('["given", "stratified"]', '["given", "scaffold"]', r"key 'splits' may hold"),
        ('derive = "planetoid"', "", r"files\[0\]\.source_sha256' must be there for an original"),
        ('file = "web.npz"', 'file = "none.npz"', r"key 'given' names \['none\.npz'\]"),
    ],
)
def test_mistakes_in_cards_of_nodes(old: str, new: str, text: str) -> None:
    assert old in NODES
    with pytest.raises(ValueError, match=text):
        parse_card(NODES.replace(old, new, 1), "web.toml")


BAGS = f"""
name = "sacks"
kind = "bag"
title = "Sacks"
description = "Sacks of toys."
origin = "here"
licence = "none"
citation = "nobody"
task = "binary classification"
metric = "roc_auc"
items = 20
instances = 39
features = 2
labels = 20
positives = 10
target_columns = ["heavy"]
splits = ["given", "stratified"]
reader = "mil"

[given]
format = "folds"
file = "sacks.npz"
train = "fold_train"
valid = ""
test = ""
folds = ["0-0", "0-1"]

[[files]]
path = "sacks.npz"
bytes = 3
sha256 = "{HASH}"
source_url = "https://host/sacks.jld"
source_sha256 = ""
derive = "mil_julia"
content_sha256 = "{HASH}"
"""


def test_card_of_bags() -> None:
    card = parse_card(BAGS, "sacks.toml")
    assert (card.kind, card.items, card.instances, card.folds, card.reader) == ("bag", 20, 39, 2, "mil")
    assert card.given is not None
    assert card.given.paths() == ["sacks.npz"]
    # the split of an embedded set comes with its bags
    head = BAGS.split("[given]")[0].replace('reader = "mil"', 'embedded = "digits_bags"')
    assert parse_card(head, "sacks.toml").given is None


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ('reader = "mil"', 'reader = "planetoid"', r"key 'reader' must be one of mil, birds, mnist-bags, conformers"),
        ('kind = "bag"', 'kind = "graph"', r"key 'splits' may hold"),
        ("instances = 39", 'instances = "39"', r"key 'instances' must be int"),
        ('["given", "stratified"]', '["stratified"]', r"key 'given' and splits disagree"),
        ('file = "sacks.npz"', 'file = "none.npz"', r"key 'given' names \['none\.npz'\]"),
        ('derive = "mil_julia"', "", r"files\[0\]\.source_sha256' must be there for an original"),
        ("positives = 10", "", r"key 'positives' is missing"),
    ],
)
def test_mistakes_in_cards_of_bags(old: str, new: str, text: str) -> None:
    assert old in BAGS
    with pytest.raises(ValueError, match=text):
        parse_card(BAGS.replace(old, new, 1), "sacks.toml")
