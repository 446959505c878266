"""`[quick]`: how a recipe is cut down to a run of minutes."""

from dataclasses import dataclass, field, replace
from typing import Any

from xgraph.options import nearest
from xgraph.recipes.pretraining import shortened
from xgraph.recipes.recipe import Ensemble, Member, Recipe
from xgraph.recipes.table import Table


@dataclass(frozen=True)
class Cut:
    """What a cut-down run leaves out and changes; by default nothing.

    Args:
        table: Where it stands, for messages.
        time: How long the cut-down run takes.
        seeds: Seeds of all members, if not their own.
        datasets: Data sets that stay, if not all.
        leave_out: Members and ensembles that are left out.
        share_of_epochs: What the epochs are multiplied by.
        settings: Settings of the members that have them.
    """

    table: Table
    time: str = ""
    seeds: list[int] | None = None
    datasets: list[str] | None = None
    leave_out: list[str] = field(default_factory=list)
    share_of_epochs: float = 1.0
    settings: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, table: Table, recipe: Recipe) -> "Cut":
        """Read it."""
        cut = cls(
            table,
            table.text("time", ""),
            table.integers("seeds", None),
            table.texts("datasets", None),
            table.texts("leave_out", []),
            table.share("share_of_epochs"),
            table.table("settings", {}).rest(),
        )
        table.done()
        datasets = None if cut.datasets is None else [recipe.find_dataset(one) or one for one in cut.datasets]
        wanted = (("datasets", datasets or [], recipe.datasets), ("leave_out", cut.leave_out, recipe.names))
        for key, given, known in wanted:
            for one in given:
                if one not in known:
                    there = f"there are {', '.join(known)}"
                    raise table.error(f"{key}: no {one!r} in this recipe{nearest(one, known)}; {there}")
        return replace(cut, datasets=datasets)

    def keeps(self, name: str, dataset: str) -> bool:
        """Whether a member stays."""
        return name not in self.leave_out and (self.datasets is None or dataset in self.datasets)

    def shorten(self, recipe: Recipe, members: list[Member]) -> Recipe:
        """The recipe with what is left; what is made of nothing goes too."""
        names, datasets = {one.name for one in members}, {one.dataset for one in members}
        ensembles = []
        for one in recipe.ensembles:
            left = [name for name in one.members if name in names]
            if len(left) > 1 and one.name not in self.leave_out:
                ensembles.append(Ensemble(one.name, left, one.combine))
        names |= {one.name for one in ensembles}
        submission = recipe.submission
        if submission is not None and (submission.of not in names or submission.dataset not in datasets):
            submission = None
        starts = {one.config.init for one in members}
        encoders = [shortened(one, self.share_of_epochs) for one in recipe.pretrainings if one.name in starts]
        return replace(
            recipe,
            pretrainings=encoders,
            time=self.time,
            members=members,
            ensembles=ensembles,
            comparisons=[one for one in recipe.comparisons if {one.one, one.other} <= names],
            published=[one for one in recipe.published if one.dataset in datasets],
            submission=submission,
            cut_down=self.words,
        )

    @property
    def words(self) -> str:
        """What is cut, for reports."""
        parts = [f"of the data sets only {', '.join(self.datasets)}"] if self.datasets else []
        parts += [f"seeds {', '.join(map(str, self.seeds))} only"] if self.seeds else []
        parts += [f"{self.share_of_epochs:g} of the epochs"] if self.share_of_epochs < 1 else []
        parts += [f"{name} = {value}" for name, value in self.settings.items()]
        parts += [f"without {', '.join(self.leave_out)}"] if self.leave_out else []
        return "; ".join(parts) or "nothing"
