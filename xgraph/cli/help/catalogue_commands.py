"""Commands with options from the catalogue: a short help, and a full one."""

from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any

import typer

from xgraph.cli.catalogue import Catalogue, Part, load_catalogue
from xgraph.cli.checks import check_typed
from xgraph.cli.help.commands import OTHER, PlainCommand, own_rows
from xgraph.cli.help.generated import parameters, take_typed
from xgraph.cli.help.groups import COMMON, Groups, only, pretraining_groups, training_groups
from xgraph.cli.help.options import brief, meaning, shared, term
from xgraph.cli.help.text import paragraphs, section, wrapped

_OPTIONS = "xgraph.options"


class CatalogueCommand(PlainCommand):
    """A command with options from the catalogue: a short help with the common ones, and `--help-all`."""

    common: tuple[str, ...] = ()
    """Settings that the short help shows."""

    rare: tuple[str, ...] = ()
    """Options of the command's own that only the full help shows."""

    details = ""
    """What the full help says before the options of losses and models."""

    prefixed = True
    """Whether options of losses and models can be given with their owner in front."""

    _made: tuple[Catalogue, list[Any]] | None = None

    def groups(self, catalogue: Catalogue) -> Groups:
        """The settings by group."""
        raise NotImplementedError

    def parts(self, catalogue: Catalogue) -> dict[str, Mapping[str, Part]]:
        """The losses and models that can be chosen, under "loss" and "model"."""
        raise NotImplementedError

    @property
    def made(self) -> tuple[Catalogue, list[Any]]:
        """The catalogue, and the parameters from it."""
        if self._made is None:
            catalogue = load_catalogue()
            settings = [option for options in self.groups(catalogue).values() for option in options]
            self._made = catalogue, parameters(settings, self.parts(catalogue), self.prefixed)
        return self._made

    def get_params(self, ctx: Any) -> list[Any]:
        """The function's own parameters, and those from the catalogue."""
        return [*super().get_params(ctx), *self.made[1]]

    def invoke(self, ctx: Any) -> Any:
        """Pass the options from the catalogue on beside the function's own arguments."""
        typed = take_typed(ctx.params)
        catalogue = self.made[0]
        settings = [option for options in self.groups(catalogue).values() for option in options]
        check_typed(typed, settings, self.parts(catalogue), catalogue)
        ctx.meta[_OPTIONS] = typed
        return super().invoke(ctx)

    def all_rows(self, ctx: Any) -> dict[str, list[tuple[str, str]]]:
        """Names and meanings of all arguments and options but those of losses and models, by group."""
        return self._rows(ctx, self.groups(self.made[0]), meaning)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the short help."""
        groups = only(self.groups(self.made[0]), self.common)
        rare = [param for param in self.get_params(ctx) if param.name in self.rare]
        formatter.write(self.help_text(ctx, self._rows(ctx, groups, brief, rare)))

    def full_help(self, ctx: Any) -> str:
        """The help with all options, each once."""
        catalogue = self.made[0]
        parts = self.parts(catalogue)
        lines = []
        for name, texts in shared(parts.get("loss", {}), parts["model"]).items():
            lines += [f"  {name}", *(wrapped(text, 6, 2) for text in texts)]
        return self.help_text(
            ctx, self.all_rows(ctx), paragraphs(self.details), section(f"Options of {_plural(parts)}", "\n".join(lines))
        )

    def _rows(
        self, ctx: Any, groups: Groups, text: Callable[[Any], str], hidden: Iterable[Any] = ()
    ) -> dict[str, list[tuple[str, str]]]:
        generated = {title: [(term(option), text(option)) for option in options] for title, options in groups.items()}
        own = own_rows(self, ctx, without=[*self.made[1], *hidden])
        order = dict.fromkeys([*(title for title in own if title not in (*generated, OTHER)), *generated, OTHER])
        return {title: [*own.get(title, []), *generated.get(title, [])] for title in order}


class TrainCommand(CatalogueCommand):
    """The options of a run, of all losses and of all models."""

    common: tuple[str, ...] = COMMON
    rare = ("report",)
    details = (
        "If the loss and the model both have an option, such as --gamma, it goes to the model. Every option of a loss "
        "or model can be written with its owner in front: --loss-gamma, --model-gamma."
    )
    notes = (
        "Each loss and model has options of its own, such as --gamma or --hidden-channels: `xgraph losses NAME` and "
        "`xgraph models NAME` list them. `xgraph train --help-all` lists every option."
    )

    def groups(self, catalogue: Catalogue) -> Groups:
        """The settings of a run."""
        return training_groups(catalogue)

    def parts(self, catalogue: Catalogue) -> dict[str, Mapping[str, Part]]:
        """All losses and models."""
        return {"loss": catalogue.losses, "model": catalogue.models}


class SearchCommand(TrainCommand):
    """The options of a run, of which some are varied."""

    common = ("split", "fold", "model", "loss", "epochs", "metric", "seed", "device", "threads")
    notes = (
        "All other options of `xgraph train` are accepted too: `xgraph search --help-all` lists every option, and "
        "`xgraph losses NAME` and `xgraph models NAME` list those of a loss or model."
    )

    def groups(self, catalogue: Catalogue) -> Groups:
        """The settings of a run, without those that a search has itself."""
        own = {name: [one for one in some if one.name != "seeds"] for name, some in training_groups(catalogue).items()}
        return {name: some for name, some in own.items() if some}


class PretrainCommand(CatalogueCommand):
    """The options of pretraining, and of all models of molecules."""

    prefixed = False
    common = ("objective", "model", "exclude", "epochs", "batch_size", "lr", "seed", "device", "threads")
    notes = (
        "Each model has options of its own, such as --hidden-channels: `xgraph models NAME` lists them. `xgraph "
        "pretrain --help-all` lists every option."
    )

    def groups(self, catalogue: Catalogue) -> Groups:
        """The settings of pretraining."""
        return pretraining_groups(catalogue)

    def parts(self, catalogue: Catalogue) -> dict[str, Mapping[str, Part]]:
        """The models of molecules."""
        return {"model": catalogue.pretrainable}


def show_all(ctx: typer.Context, requested: bool) -> None:
    """Print the help with all options, for --help-all."""
    if requested:
        command: Any = ctx.command
        typer.echo(command.full_help(ctx), nl=False)
        raise typer.Exit


HelpAll = Annotated[
    bool, typer.Option("--help-all", callback=show_all, is_eager=True, help="Show every option and exit.")
]


def catalogue_options(ctx: typer.Context) -> dict[str, Any]:
    """The options from the catalogue that a call has, by name."""
    options: dict[str, Any] = ctx.meta[_OPTIONS]
    return options


def _plural(parts: Iterable[str]) -> str:
    return " and ".join({"loss": "losses", "model": "models"}[part] for part in parts)
