"""Write a recipe as a TOML file that repeats it."""

from typing import Any

from xgraph.recipes.schema.recipe import Recipe


def to_toml(recipe: Recipe) -> str:
    """Return a recipe as TOML: every member with all its settings, and without `[quick]`."""
    import tomli_w

    values: dict[str, Any] = {"title": recipe.title, "about": recipe.about}
    values |= {"time": recipe.time, "cut_down": recipe.cut_down, "metrics": recipe.metrics}
    values["pretraining"] = [{"name": one.name, **one.settings} for one in recipe.pretrainings]
    values["member"] = [
        {"name": one.name, "seeds": one.seeds, "dataset": one.dataset, **one.settings} for one in recipe.members
    ]
    tables = (
        ("ensemble", recipe.ensembles),
        ("choice", recipe.choices),
        ("compare", recipe.comparisons),
        ("published", recipe.published),
    )
    for key, rows in tables:
        values[key] = [row.model_dump(exclude_defaults=True) for row in rows]
    if recipe.claim is not None:
        values["claim"] = recipe.claim.model_dump()
    if recipe.partitions is not None:
        values["partitions"] = recipe.partitions.model_dump()
    if recipe.submission is not None:
        values["submission"] = recipe.submission.model_dump()
    return tomli_w.dumps({key: value for key, value in values.items() if value})
