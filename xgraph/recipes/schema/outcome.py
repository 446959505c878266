"""Check the ensembles, choices, comparisons and other tables of a recipe against its members."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TypeVar

from xgraph.options import OptionError
from xgraph.recipes.schema.entries import Choice, Comparison, Ensemble, Partitions, Published, Submission
from xgraph.recipes.schema.file import RecipeFile
from xgraph.recipes.schema.places import at, check_known
from xgraph.recipes.schema.recipe import Member, Recipe
from xgraph.training.config.parts import scored_parts
from xgraph.training.config.traits import DatasetTraits

_SAME = ("split", "target_columns", "smiles_column", "bag_column", "standardize")
OnDataset = TypeVar("OnDataset", Published, Partitions, Submission)


def with_outcome(recipe: Recipe, file: RecipeFile) -> Recipe:
    """Return a recipe with the checked ensembles, choices, comparisons, published rows and the rest of a file."""
    for member in recipe.members:
        _check_labels(member)
    for number, ensemble in enumerate(file.ensemble, 1):
        with at(f"[[ensemble]] {number}"):
            _check_ensemble(ensemble, recipe)
            recipe = replace(recipe, ensembles=[*recipe.ensembles, ensemble])
    for number, choice in enumerate(file.choice, 1):
        with at(f"[[choice]] {number}"):
            choice = choice if choice.metric else choice.model_copy(update={"metric": recipe.metrics[:1]})
            _check_choice(choice, recipe)
            recipe = replace(recipe, choices=[*recipe.choices, choice])
    for number, row in enumerate(file.published, 1):
        with at(f"[[published]] {number}"):
            recipe = replace(recipe, published=[*recipe.published, _with_dataset(row, recipe)])
    for number, pair in enumerate(file.compare, 1):
        with at(f"[[compare]] {number}"):
            _check_comparison(pair, recipe)
            pair = pair if pair.metric else pair.model_copy(update={"metric": recipe.metrics[0]})
            recipe = replace(recipe, comparisons=[*recipe.comparisons, pair])
    if file.claim is not None:
        with at("[claim]"):
            check_known("of", file.claim.of, recipe.names)
            check_known("board", file.claim.board, list(dict.fromkeys(row.source for row in recipe.published)))
            if file.claim.former:
                check_known("former", file.claim.former, [*recipe.names, *recipe.by_fold])
            recipe = replace(recipe, claim=file.claim)
    if file.partitions is not None:
        with at("[partitions]"):
            partitions = _with_dataset(file.partitions, recipe)
            for name in partitions.rows:
                check_known("rows", name, recipe.names)
                if not recipe.members_of(name, partitions.dataset):
                    raise OptionError(f"rows: {name!r} is not trained on {partitions.dataset}")
            recipe = replace(recipe, partitions=partitions)
            recipe.on_partition(0)  # the settings of its members fit
    if file.submission is not None:
        with at("[submission]"):
            submission = _with_dataset(file.submission, recipe)
            _check_submission(submission, recipe)
            recipe = replace(recipe, submission=submission)
    return recipe


def _with_dataset(table: OnDataset, recipe: Recipe) -> OnDataset:
    """Return a table with its data set filled in; by default, the recipe's only one."""
    text = table.dataset or (recipe.datasets[0] if len(recipe.datasets) == 1 else "")
    expected = f"expected one of {', '.join(recipe.datasets)}"
    if not text:
        raise OptionError(f"dataset is missing: {expected}")
    dataset = recipe.find_dataset(text)
    if dataset is None:
        raise OptionError(f"dataset = {text!r}: {expected}")
    return table.model_copy(update={"dataset": dataset})


def _check_ensemble(one: Ensemble, recipe: Recipe) -> None:
    _check_name(one.name, recipe)
    known = list(dict.fromkeys(member.name for member in recipe.members))
    for name in one.members:
        check_known("members", name, known)
    combined = _combined("members", one.members, replace(recipe, ensembles=[one]), one.name)
    for members in combined:
        if one.combine == "rank" and _classes(members):
            raise OptionError("combine = 'rank': expected 'mean' for mutually exclusive classes")


def _check_choice(one: Choice, recipe: Recipe) -> None:
    _check_name(one.name, recipe)
    known = [name for name in recipe.names if recipe.choice_of(name) is None]
    for name in one.candidates:
        check_known("candidates", name, known)
    recipe = replace(recipe, choices=[*recipe.choices, one])
    for members in _combined("candidates", one.candidates, recipe, one.name):
        if one.how == "greedy" and _classes(members):
            raise OptionError("how = 'greedy': expected 'best' for mutually exclusive classes, which have no ranks")
        for member in members:
            if one.inner is None and "valid" not in scored_parts(member.config):
                raise OptionError(
                    f"candidates: {member.name!r} has train_on = {member.config.train_on!r}, so it has no validation "
                    "part to be chosen by; give a number of inner folds (inner = 5)"
                )
            start = recipe.start_of(member)
            if one.inner is not None and start is not None:
                raise OptionError(
                    f"inner = {one.inner}: {member.name!r} starts from {start.name!r}, which has been trained on the "
                    "items of the inner folds; choose among members without `init`, or leave out `inner`"
                )


def _check_name(name: str, recipe: Recipe) -> None:
    if name.lower() in {one.lower() for one in recipe.names}:
        raise OptionError(f"name = {name!r}: this name is taken by a member, or by an earlier ensemble or choice")


def _combined(key: str, names: Sequence[str], recipe: Recipe, of: str) -> list[list[Member]]:
    """Return the members that are combined on each data set, after checking that they score the same items."""
    combined = [members for dataset in recipe.datasets if (members := recipe.members_of(of, dataset))]
    for members in combined:
        _check_same_items(members)
    if not combined:
        raise OptionError(f"{key} = {list(names)!r}: expected {key} with at least one data set in common")
    return combined


def _check_labels(member: Member) -> None:
    """Raise `OptionError` for a member whose labels are numbers, which recipes cannot measure."""
    if DatasetTraits.of(member.config.flat()).numbers:
        raise OptionError(
            f"datasets: the labels of {member.dataset!r} are numbers, but recipes measure labels 0 and 1 or classes; "
            "train on it with xgraph train --seeds or --folds"
        )


def _classes(members: Sequence[Member]) -> bool:
    return DatasetTraits.of(members[0].config.flat()).several_classes


def _check_comparison(pair: Comparison, recipe: Recipe) -> None:
    check_known("one", pair.one, recipe.names)
    check_known("other", pair.other, [*recipe.names, *recipe.by_fold])
    if pair.other not in recipe.names:
        _check_by_fold(pair, recipe)
        return
    both = [[recipe.members_of(name, dataset) for name in (pair.one, pair.other)] for dataset in recipe.datasets]
    both = [members for members in both if all(members)]
    if not both:
        raise OptionError(f"one: {pair.one!r} and {pair.other!r} have no data set in common")
    for one, other in both:
        _check_same_items([*one, *other])
        if one[0].parts == [None] and not same_seeds([*one, *other]):
            raise OptionError(f"one: {pair.one!r} and {pair.other!r} are paired by seed and must have the same seeds")


def _check_by_fold(pair: Comparison, recipe: Recipe) -> None:
    """Check a comparison with a published row that has values by fold."""
    for row in recipe.published:
        members = recipe.members_of(pair.one, row.dataset)
        if row.name == pair.other and row.folds and (not members or members[0].folds is None):
            raise OptionError(f"other: {row.name!r} has values by fold, but {pair.one!r} has no folds on {row.dataset}")


def same_seeds(members: Iterable[Member]) -> bool:
    """Whether all members have the same seeds."""
    return len({frozenset(member.seeds) for member in members}) == 1


def _check_same_items(members: Sequence[Member]) -> None:
    """Raise `OptionError` if members do not score the same items."""
    first = members[0]
    for member in members[1:]:
        for name in _SAME:
            one, other = getattr(first.config, name), getattr(member.config, name)
            if one != other:
                raise OptionError(
                    f"members: {first.name!r} and {member.name!r} must score the same items, but have {name} = {one!r} "
                    f"and {other!r}"
                )
        if first.parts != member.parts or first.config.fold != member.config.fold:
            what = "seeds, which determine the split" if first.drawn_by_seed else "folds"
            raise OptionError(f"members: {first.name!r} and {member.name!r} must have the same {what}")


def _check_submission(one: Submission, recipe: Recipe) -> None:
    from xgraph.data import load_card
    from xgraph.data.cards.named import names

    check_known("of", one.of, recipe.names)
    members = recipe.members_of(one.of, one.dataset)
    card = load_card(one.dataset) if one.dataset in names() else None
    if not members or members[0].config.bag_column or card is None or card.kind != "graph":
        raise OptionError(
            f"dataset = {one.dataset!r}: expected a registered data set of molecules that {one.of!r} is trained on"
        )
    paths = [file.path for file in card.files]
    if one.file not in paths:
        raise OptionError(f"file = {one.file!r}: expected a file of {one.dataset}, such as {', '.join(paths[:3])}")
    tasks = members[0].config.target_columns or card.target_columns
    if len(one.columns) != 1 + len(tasks):
        raise OptionError(f"columns = {one.columns!r}: expected one SMILES column and {len(tasks)} score column(s)")
