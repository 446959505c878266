import re

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
NUMBERS = CARD.replace("binary classification", "regression").replace('"ap"', '"mae"').replace("positives = 1", "")
KEYS = (
    "valid keys are name, kind, title, description, origin, licence, citation, task, metric, items, labels, "
    "splits, target_columns, positives, num_tasks, label_meaning, smiles_column, num_classes, class_names, table, "
    "embedded, reader, ogb, archive_bytes, archive_sha256, given, files"
)
CLASSES = "if and only if the task is multiclass"


def test_cards_match_their_files() -> None:
    card = parse_card(CARD, "toy.toml")
    assert (card.name, card.items, card.folds, card.splits[0]) == ("toy", 3, 1, "given")
    assert (card.edges, card.features, card.instances) == (0, 0, 0)
    assert card.given is not None
    assert card.given.paths() == ["toy/a/train.csv", "toy/all.csv", "toy/all.csv"]
    assert card.file("toy/all.csv").derive == ""
    card = parse_card(NODES, "web.toml")
    assert (card.kind, card.num_classes, card.folds, card.smiles_column, card.ogb) == ("node", 2, 2, "", False)
    assert card.given is not None
    assert card.given.paths() == ["web.npz"]
    card = parse_card(BAGS, "sacks.toml")
    assert (card.kind, card.items, card.instances, card.folds, card.reader) == ("bag", 20, 39, 2, "mil")
    card = parse_card(NUMBERS, "toy.toml")
    assert (card.is_regression, card.metric, card.tasks) == (True, "mae", 1)
    # the split of an embedded set comes with its bags
    head = BAGS.split("[given]")[0].replace('reader = "mil"', 'embedded = "digits_bags"')
    assert parse_card(head, "sacks.toml").given is None


@pytest.mark.parametrize(
    ("card", "old", "new", "text"),
    [
        (CARD, "items = 3", "", "key 'items' is missing"),
        (CARD, "items = 3", 'items = "3"', "items = '3': expected an integer"),
        (CARD, "items = 3", "items = true", "items = True: expected an integer"),
        (CARD, "items = 3", "items = 3\nitms = 4", f"unknown key 'itms' (did you mean 'items'?); {KEYS}"),
        (CARD, "items = 3", "items = 3\nedges = 4", f"unknown key 'edges'; {KEYS}"),
        (CARD, "items = 3", "items = 3\nogb = 1", "ogb = 1: expected true or false"),
        (CARD, "items = 3", "items = 3\nnum_classes = 2", f"num_classes = 2: expected a number {CLASSES}"),
        (CARD, 'kind = "graph"', 'kind = "bagel"', "kind = 'bagel': expected graph, node or bag"),
        (CARD, 'metric = "ap"', 'metric = "auc"', "metric = 'auc': expected ap, prc_auc, roc_auc, accuracy, rmse, "),
        (
            CARD,
            'metric = "ap"',
            'metric = "rmse"',
            "metric = 'rmse': expected rmse, mae, r2, pearson, spearman if and ",
        ),
        (CARD, 'task = "binary classification"', 'task = "regression"', "metric = 'ap': expected rmse, mae, r2, pear"),
        (NUMBERS, "items = 3", "items = 3\npositives = 1", "positives: a number is not positive or negative"),
        (CARD, '["y"]', '["y", "z"]', "task = 'binary classification': it has 2 target columns"),
        (NUMBERS, 'task = "', 'task = "multi-task ', "task = 'multi-task regression': it has 1 target columns"),
        (CARD, 'target_columns = ["y"]', "", "expected key 'target_columns'; without names, 'num_tasks'"),
        (CARD, 'target_columns = ["y"]', "num_tasks = 1", "expected key 'target_columns'; without names, 'num_tasks'"),
        (CARD, 'metric = "ap"', 'metric = "accuracy"', f"metric = 'accuracy': expected 'accuracy' {CLASSES}"),
        (
            CARD,
            'task = "binary',
            'task = "trinary',
            "task = 'trinary classification': expected binary classification, ",
        ),
        (CARD, '"random"]', '"stratified"]', "splits[1] = 'stratified': expected given, scaffold or random"),
        (CARD, '["given", "random"]', "[]", "splits = []: expected a list with 1 or more elements"),
        (
            CARD,
            '["given", "random"]',
            '["random"]',
            "key 'given' must be present if and only if splits contains 'given'",
        ),
        (CARD, "table = ", 'table = "none.csv"#', "table = 'none.csv' is not among the files"),
        (CARD, "table = ", "#", "expected exactly one of the keys table, embedded, reader, ogb, got none"),
        (
            CARD,
            "table = ",
            "ogb = true\ntable = ",
            "expected exactly one of the keys table, embedded, reader, ogb, got table and ",
        ),
        (CARD, "table = ", 'reader = "mil"#', "reader = 'mil': expected measured"),
        (CARD, 'smiles_column = "smiles"', "", "key 'smiles_column' is missing"),
        (CARD, "positives = 1", "", "key 'positives' is missing"),
        (CARD, '"tables"', '"parquet"', "given.format = 'parquet': expected rows, npz, tables, masks or folds"),
        (CARD, "valid = ", 'valid = "v.csv"#', "key 'given' refers to v.csv, which are not among the files"),
        (CARD, "valid = ", "#", "key 'given.valid' is missing"),
        (
            CARD,
            'path = "toy/a/',
            'path = "../',
            "files[1].path = '../train.csv': expected a relative path below the root",
        ),
        (
            CARD,
            'path = "toy/a/',
            'path = "/',
            "files[1].path = '/train.csv': expected a relative path below the root",
        ),
        (
            CARD,
            "source_sha256 = ",
            'source_sha256 = "XY"#',
            "files[0].source_sha256 = 'XY': expected 64 hexadecimal digits",
        ),
        (CARD, "\nsha256 = ", '\nsha256 = ""#', "files[0].sha256 = '': expected 64 hexadecimal digits"),
        (CARD, "bytes = 3", 'bytes = 3\nderive = "os"', "files[0].derive = 'os': expected a function of xgraph.data."),
        (CARD, "bytes = 3", "", "key 'files[0].bytes' is missing"),
        (CARD, "[given]", "[givn]", f"unknown key 'givn' (did you mean 'given'?); {KEYS}"),
        (
            NODES,
            "heterophilous",
            "pickle",
            "reader = 'pickle': expected planetoid, coauthor, heterophilous, musae-zip, ",
        ),
        (NODES, "reader = ", "#", "expected exactly one of the keys reader, ogb, got none"),
        (NODES, '"b"]\n', '"b", "c"]\n', "class_names must have 2 names, one per class, got 3"),
        (NODES, "num_classes = 2", "", f"num_classes = 0: expected a number {CLASSES}"),
        (NODES, "edges = 4", "edges = 0", "edges = 0: expected a number above 0"),
        (NODES, 'metric = "accuracy"', 'metric = "ap"', f"metric = 'ap': expected 'accuracy' {CLASSES}"),
        (NODES, '"stratified"]', '"scaffold"]', "splits[1] = 'scaffold': expected given, stratified or random"),
        (
            NODES,
            "derive = ",
            "#",
            "files[0].derive = '': expected a function, because a file without one needs a source_sha256",
        ),
        (NODES, 'file = "web', 'file = "no', "key 'given' refers to no.npz, which are not among the files"),
        (BAGS, '"mil"', '"planetoid"', "reader = 'planetoid': expected mil, birds, mnist-bags, matlab or conformers"),
        (BAGS, 'kind = "bag"', 'kind = "graph"', f"unknown key 'instances'; {KEYS}"),
        (BAGS, "instances = 39", 'instances = "39"', "instances = '39': expected an integer"),
        (
            BAGS,
            '["given", "stratified"]',
            '["stratified"]',
            "key 'given' must be present if and only if splits contains 'given'",
        ),
        (CARD, "items = 3", "items = 3\narchive_bytes = 5", "expected key 'archive_bytes' if and only if ogb is true"),
        (BAGS, "positives = 10", "", "key 'positives' is missing"),
    ],
)
def test_mistakes_name_file_and_key(card: str, old: str, new: str, text: str) -> None:
    assert old in card
    # the paths of the second file are needed by [given], so its own mistakes are made without that table
    card = card.replace('"toy/{fold}/train.csv"', '"toy/all.csv"') if "toy/a/" in old else card
    with pytest.raises(ValueError, match=re.escape(f"my.toml: {text}")):
        parse_card(card.replace(old, new, 1), "my.toml")


def test_invalid_toml_is_rejected() -> None:
    with pytest.raises(ValueError, match=r"toy\.toml is not valid TOML: .*line 11"):
        parse_card(CARD.replace("items = 3", "items = "), "toy.toml")
    head = CARD.split("[given]")[0]
    with pytest.raises(ValueError, match=r"files = 'a': expected a list"):
        parse_card('files = "a"\n' + head, "toy.toml")
    with pytest.raises(ValueError, match=r"given = 'a': expected a table"):
        parse_card('given = "a"\n' + head, "toy.toml")
