"""Members that start from what another member has learned: who is meant, and who comes first."""

from collections.abc import Sequence
from dataclasses import replace

from xgraph.options import nearest
from xgraph.recipes.pretraining import Pretraining
from xgraph.recipes.recipe import Member
from xgraph.recipes.table import Table

_SAME = ("model", "split", "smiles_column", "bag_column", "standardize")


def check_starts(
    members: Sequence[Member], tables: Sequence[Table], names: Sequence[str], encoders: Sequence[Pretraining] = ()
) -> list[Member]:
    """Check what members say under `init`: another member on the same data set, an encoder, or the place of a run."""
    made = []
    pretrained = {one.name: one for one in encoders}
    for member, table in zip(members, tables, strict=True):
        if member.config.init is None:
            made.append(member)
        elif member.config.init in names:
            _check(member, members, table)
            made.append(member)
        elif member.config.init in pretrained:
            _check_encoder(member, pretrained[member.config.init], table)
            made.append(member)
        else:
            made.append(_with_path(member, [*names, *pretrained], table))
    return made


def start_of(member: Member, members: Sequence[Member]) -> Member | None:
    """The member that another starts from; None if it starts by itself, or from a run elsewhere."""
    here = (one for one in members if one.dataset == member.dataset and one.name == member.config.init)
    return next(here, None)


def in_order(members: Sequence[Member]) -> list[Member]:
    """The members as they are to be run: each after the one that it starts from."""
    done: list[Member] = []
    for member in members:
        line = [member]
        while (before := start_of(line[-1], members)) is not None:
            line.append(before)
        done += [one for one in reversed(line) if one not in done]
    return done


def _check(member: Member, members: Sequence[Member], table: Table) -> None:
    other, name = start_of(member, members), str(member.config.init)
    if other is None:
        raise table.refuse("init", name, f"a member that is trained on {member.dataset} too, and is not left out")
    line = [member]
    while (before := start_of(line[-1], members)) is not None and before not in line:
        line.append(before)
    if before is not None:
        words = " from ".join(one.name for one in [*line, before])
        raise table.error(f"init: {words} is a circle: expected one that starts by itself")
    for what in _SAME:
        one, two = getattr(member.config, what), getattr(other.config, what)
        if one != two:
            raise table.error(f"init: {name!r} has {what} = {two!r} and {member.name!r} has {one!r}: expected the same")
    for what, lacking in (("seed", set(member.seeds) - set(other.seeds)), ("fold", _folds(member) - _folds(other))):
        if lacking:
            raise table.error(f"init: {name!r} has no {what} {min(map(str, lacking))}, which {member.name!r} has")


def _check_encoder(member: Member, encoder: Pretraining, table: Table) -> None:
    """Weights must fit, and that is to be known before hours of pretraining."""
    pairs = {what: (getattr(encoder.config, what), getattr(member.config, what)) for what in ("model", "standardize")}
    options = [one.config.model_options for one in (encoder, member)]
    pairs |= {what: (options[0].get(what), options[1].get(what)) for what in ("hidden_channels", "num_layers")}
    for what, (there, here) in pairs.items():
        if there != here:
            raise table.error(
                f"init: {encoder.name!r} has {what} = {there!r} and {member.name!r} has {here!r}: expected the same"
            )


def _folds(member: Member) -> set[object]:
    return {member.config.fold} if member.folds is None else set(member.folds)


def _with_path(member: Member, names: Sequence[str], table: Table) -> Member:
    """The member with the place of the run that it starts from; a path in a recipe is one from its folder on."""
    name = str(member.config.init)
    path = (table.file.parent / name).resolve()
    if not path.exists():
        there = ", ".join(dict.fromkeys(names))
        raise table.error(f"init: no member {name!r}{nearest(name, names)} and no run {path}; there are {there}")
    settings = {**member.settings, "init": str(path)}
    return replace(member, settings=settings, config=replace(member.config, init=str(path)))
