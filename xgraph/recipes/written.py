"""A recipe as a file that repeats it."""

from typing import Any

from xgraph.recipes.recipe import Published, Recipe


def to_toml(recipe: Recipe) -> str:
    """A recipe as TOML: every member with all that it was given, and no `[quick]`."""
    import tomli_w

    return tomli_w.dumps(_values(recipe))


def _values(recipe: Recipe) -> dict[str, Any]:
    values: dict[str, Any] = {"title": recipe.title, "about": recipe.about}
    values |= {name: text for name in ("time", "cut_down") if (text := getattr(recipe, name))}
    values["metrics"] = recipe.metrics
    several = len(recipe.datasets) > 1
    if not several:
        values["settings"] = {"dataset": recipe.datasets[0]}
    if recipe.pretrainings:
        values["pretraining"] = [{"name": one.name, **one.settings} for one in recipe.pretrainings]
    values["member"] = [
        {"name": m.name, "seeds": m.seeds, **({"dataset": m.dataset} if several else {}), **m.settings}
        for m in recipe.members
    ]
    tables: dict[str, list[dict[str, Any]]] = {
        "ensemble": [{"name": e.name, "members": e.members, "combine": e.combine} for e in recipe.ensembles],
        "compare": [{"one": c.one, "other": c.other, "metric": c.metric} for c in recipe.comparisons],
        "published": [_published(row, several) for row in recipe.published],
    }
    values |= {name: rows for name, rows in tables.items() if rows}
    if recipe.submission is not None:
        values["submission"] = dict(vars(recipe.submission))
    return values


def _published(row: Published, several: bool) -> dict[str, Any]:
    values = {name: mean if std is None else [mean, std] for name, (mean, std) in row.values.items()}
    found: dict[str, Any] = {"name": row.name, "source": row.source, "values": values}
    found |= {"dataset": row.dataset} if several else {}
    return found | ({"protocol": row.protocol} if row.protocol else {})
