"""Check the `init` of members that start from another member, a pretrained encoder or an existing run."""

from collections.abc import Mapping
from dataclasses import replace

from xgraph.options import OptionError, nearest
from xgraph.recipes.schema.recipe import Member, Pretraining, Recipe

_SAME = ("model", "split", "smiles_column", "bag_column", "standardize")


def checked_start(member: Member, recipe: Recipe, names: list[str]) -> Member:
    """Return a member with its `init` checked; the path of an existing run becomes absolute.

    `names` are those of all members, including those that a reduced recipe leaves out.
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
        raise OptionError(
            f"init = {name!r}: expected a member that is also trained on {member.dataset} and not left out"
        )
    line = [member]
    while (before := recipe.start_of(line[-1])) is not None and before not in line:
        line.append(before)
    if before is not None:
        words = " from ".join(one.name for one in [*line, before])
        raise OptionError(f"init: circular chain of members: {words}")
    _check_same(
        member, other.name, {what: (getattr(other.config, what), getattr(member.config, what)) for what in _SAME}
    )
    for what, lacking in (("seed", set(member.seeds) - set(other.seeds)), ("fold", _folds(member) - _folds(other))):
        if lacking:
            raise OptionError(
                f"init: {member.name!r} has {what} {min(map(str, lacking))}, but {other.name!r}, which it starts from, "
                "does not"
            )


def _check_encoder(member: Member, encoder: Pretraining) -> None:
    """Check that the encoder's weights will fit, before hours of pretraining."""
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
                f"init: {start!r} and {member.name!r} must have the same {what}, got {theirs!r} and {own!r}"
            )


def _folds(member: Member) -> set[object]:
    return {member.config.fold} if member.folds is None else set(member.folds)


def _with_path(member: Member, recipe: Recipe, names: list[str]) -> Member:
    name = str(member.config.init)
    path = (recipe.path.parent / name).resolve()
    known = list(dict.fromkeys([*names, *(one.name for one in recipe.pretrainings)]))
    if not path.exists():
        raise OptionError(
            f"init: no member or run {name!r}{nearest(name, known)}; expected one of {', '.join(known)}, or a run "
            f"directory ({path} does not exist)"
        )
    settings = {**member.settings, "init": str(path)}
    return replace(member, settings=settings, config=member.config.replace(init=str(path)))
