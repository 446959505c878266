"""Members that start from what another member, an encoder or a run elsewhere has learned: whether that can be."""

from collections.abc import Mapping
from dataclasses import replace

from xgraph.options import OptionError, nearest
from xgraph.recipes.schema.recipe import Member, Pretraining, Recipe

_SAME = ("model", "split", "smiles_column", "bag_column", "standardize")


def checked_start(member: Member, recipe: Recipe, names: list[str]) -> Member:
    """A member with its `init` checked; the path of a run elsewhere becomes absolute.

    `names` are those of all members, also of those that a cut-down recipe leaves out.
    """
    encoder, init = recipe.encoder_of(member), member.config.init
    if init is None:
        return member
    if init in names:
        _check_member(member, recipe)
    elif encoder is not None:
        _check_encoder(member, encoder)
    else:
        return _with_path(member, recipe, names)
    return member


def _check_member(member: Member, recipe: Recipe) -> None:
    other, name = recipe.start_of(member), member.config.init
    if other is None:
        where = f"a member that is trained on {member.dataset} too, and is not left out"
        raise OptionError(f"init = {name!r}: expected {where}")
    line = [member]
    while (before := recipe.start_of(line[-1])) is not None and before not in line:
        line.append(before)
    if before is not None:
        words = " from ".join(one.name for one in [*line, before])
        raise OptionError(f"init: {words} is a circle: expected one that starts by itself")
    _check_same(
        member, other.name, {what: (getattr(other.config, what), getattr(member.config, what)) for what in _SAME}
    )
    for what, lacking in (("seed", set(member.seeds) - set(other.seeds)), ("fold", _folds(member) - _folds(other))):
        if lacking:
            raise OptionError(f"init: {other.name!r} has no {what} {min(map(str, lacking))}, which {member.name!r} has")


def _check_encoder(member: Member, encoder: Pretraining) -> None:
    """Weights must fit, and that is to be known before hours of pretraining."""
    one, two = encoder.config, member.config
    pairs: dict[str, tuple[object, object]] = {
        "model": (one.model, two.model),
        "standardize": (one.standardize, two.standardize),
    }
    options = one.model_options, two.model_options
    pairs |= {what: (options[0].get(what), options[1].get(what)) for what in ("hidden_channels", "num_layers")}
    _check_same(member, encoder.name, pairs)


def _check_same(member: Member, start: str, pairs: Mapping[str, tuple[object, object]]) -> None:
    for what, (theirs, own) in pairs.items():
        if theirs != own:
            raise OptionError(
                f"init: {start!r} has {what} = {theirs!r} and {member.name!r} has {own!r}: expected the same"
            )


def _folds(member: Member) -> set[object]:
    return {member.config.fold} if member.folds is None else set(member.folds)


def _with_path(member: Member, recipe: Recipe, names: list[str]) -> Member:
    name = str(member.config.init)
    path = (recipe.path.parent / name).resolve()
    known = list(dict.fromkeys([*names, *(one.name for one in recipe.pretrainings)]))
    if not path.exists():
        has = f"there are {', '.join(known)}"
        raise OptionError(f"init: no member {name!r}{nearest(name, known)} and no run {path}; {has}")
    settings = {**member.settings, "init": str(path)}
    return replace(member, settings=settings, config=member.config.replace(init=str(path)))
