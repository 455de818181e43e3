"""The parameters of a flow as options of a command. All commands with such options read them here."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from copy import copy
from dataclasses import field
from pathlib import Path
from typing import Any

import click

from flowrun.dsl import Checked, FlowError, dataclass, did_you_mean, types
from flowrun.dsl import plan as p

from ..files.files import Files
from ..inputs.cuts import Cut, Taken
from ..inputs.file_lists import takes_files
from ..inputs.inputs import read_input
from ..session.loading import load, plan_of
from ..vocabulary.errors import FlowrunError, UsageError
from ..vocabulary.quoting import inert, shown
from ..vocabulary.remarks import Tell
from .console import standard_input
from .flags import Flags, first_and_flow, spellings
from .paths import refuse_pipe

FIRST = "Take only the first N elements of the lists that the flow maps over, to try it out."
GIVEN = "given_"
"""Begins the internal names of a flow's parameters, so that they differ from those of the command's options."""


@dataclass
class ChosenFlow:
    """The flow that a command line names, and the texts that the command line gives for the flow's parameters.

    ``taken`` has the lists of which `--first` takes a part.
    """

    checked: Checked
    plan: p.Plan
    flags: Flags
    texts: dict[str, str] = field(default_factory=dict)
    taken: dict[str, Taken] = field(default_factory=dict)

    @property
    def missing(self) -> list[p.Param]:
        """The parameters that need a value and have none."""
        return [param for param in self.plan.params if param.required and param.name not in self.texts]

    def require_all(self) -> None:
        """Raise UsageError if a parameter that needs a value has none."""
        if missing := self.missing:
            add = " ".join(f"{self.flags.of[param.name][0]} {_metavar(param.type)}" for param in missing)
            raise UsageError(f"the flow `{self.plan.flow}` needs a value: add {add}")

    def inputs(
        self,
        files: Files,
        tell: Tell,
        by_row: Callable[[str], bool] = lambda name: False,
        first: int | None = None,
    ) -> dict[str, Any]:
        """Read the values. ``by_row`` tells for a parameter whether the rows of a large file may stay on the disk.

        ``first`` is the most elements of each list that the flow maps over, or of all lists if it maps over none of
        them. None takes all elements.

        Raises: UsageError, InputError.
        """
        from ..session.images import paged_inputs  # a command that only helps reads no inputs

        with paged_inputs(self.plan):
            return self._inputs(files, tell, by_row, first)

    def _inputs(self, files: Files, tell: Tell, by_row: Callable[[str], bool], first: int | None) -> dict[str, Any]:
        cut = frozenset() if first is None else self._cut_lists()
        values = {}
        for param in self.plan.params:
            if param.name in self.texts:
                narrow = Cut(first, param.type) if first is not None and param.name in cut else None
                values[param.name] = read_input(
                    *(param, self.texts[param.name], standard_input, files),
                    by_row=by_row(param.name),
                    tell=tell,
                    cut=narrow,
                    urls=True,
                )
                if narrow is not None and narrow.taken is not None:
                    self.taken[param.name] = narrow.taken
                    tell(f"`{param.name}`: {narrow.taken.told()}")
        return values

    def _cut_lists(self) -> frozenset[str]:
        """Return the lists that `--first` cuts. Raises UsageError if the command line gives no list."""
        lists = {one.name for one in self.plan.params if isinstance(types.unwrapped(one.type), types.ListOf)}
        given = frozenset(lists.intersection(self.texts))
        if not given:
            named = ", ".join(f"`{name}`" for name in sorted(lists))
            raise UsageError(
                "--first takes the first elements of lists, and "
                + (f"no value is given for {named}" if lists else f"the flow `{self.plan.flow}` takes no list")
            )
        from ..plans.mapped_parameters import mapped_lists

        return given & mapped_lists(self.plan) or given


def first_option() -> click.Option:
    """Return the option that cuts lists."""
    return click.Option(["--first"], type=click.IntRange(min=1), metavar="N", help=FIRST)


class FlowCommand(click.Command):
    """A command whose options are its own options and the parameters of one flow.

    ``path`` is the flow's file; None if the first argument of the command names it. The callback finds its
    ``ChosenFlow`` in ``ctx.obj``, which is None if no file is named. With ``holes`` the file may leave values open: the
    plan is that of its first setting.
    """

    holes = False

    def __init__(self, name: str, *, params: list[click.Parameter], path: Path | None = None, **settings: Any) -> None:
        shared: list[click.Parameter] = [
            click.Option(
                ["--flow"],
                metavar="NAME",
                expose_value=False,
                help="The flow to run; by default the last one of the file.",
            ),
            click.Option(["--param", "pairs"], multiple=True, metavar="NAME=VALUE", help="A parameter, by its name."),
            click.Option(
                ["-h", "--help"],
                is_flag=True,
                is_eager=True,
                expose_value=False,
                callback=_help,
                help="Show this message and exit.",
            ),
        ]
        extra = {"allow_extra_args": True}
        super().__init__(name, params=[*params, *shared], add_help_option=False, context_settings=extra, **settings)
        self.path = path

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            chosen = ctx.obj = self._chosen(args)
        except (FlowrunError, FlowError):
            # A shell that completes a line gets the command's own options.
            if not ctx.resilient_parsing:
                raise
            chosen = None
        if chosen is None:
            super().parse_args(ctx, args)
            del ctx.params["pairs"]
            if ctx.args and not ctx.resilient_parsing:
                raise click.UsageError(f"{shown(ctx.args[0])} is an extra argument", ctx)
            return ctx.args
        try:
            super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            raise _unknown(error.option_name, chosen, error.possibilities or ()) from None
        except click.BadOptionUsage as error:
            if any(error.option_name in flags for flags in chosen.flags.of.values()):
                raise UsageError(f"`{error.option_name}` needs a value after it") from None
            raise
        if ctx.args and not ctx.resilient_parsing:
            raise _unknown(ctx.args[0], chosen)
        pairs = [_pair(pair, chosen.plan) for pair in ctx.params.pop("pairs") or ()]
        named = {param.name: ctx.params.pop(GIVEN + param.name) or () for param in chosen.plan.params}
        chosen.texts = _texts([*((name, text) for name, texts in named.items() for text in texts), *pairs])
        return ctx.args

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return the options of the command. If the flow is known, the options for its parameters come first."""
        if ctx.obj is None:
            return self.params
        flags: Flags = ctx.obj.flags
        options = [_option(param, flags.of[param.name]) for param in ctx.obj.plan.params]
        refused = [one.option_that_refuses() for one in flags.clashes]
        return [*options, *(flags.moved(one) for one in self.params), *refused]

    def _chosen(self, args: list[str]) -> ChosenFlow | None:
        first, flow = first_and_flow(self.params, args)
        path = self.path or (Path(first) if first else None)
        if path is None:
            return None
        refuse_pipe(path)
        checked = load(path)
        plan = plan_of(checked.settled if self.holes else checked, flow)
        return ChosenFlow(checked, plan, Flags(self.params, [param.name for param in plan.params]))


class _ParameterOption(click.Option):
    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """Show the plain flags of a parameter. Show `--param-NAME` only if it has no plain flag."""
        brief = copy(self)
        brief.opts = [flag for flag in self.opts if not flag.startswith("--param-")] or self.opts
        return click.Option.get_help_record(brief, ctx)


def _option(param: p.Param, flags: tuple[str, ...]) -> click.Option:
    needed = "" if param.required else " (optional)"
    return _ParameterOption(
        [*flags, GIVEN + param.name],
        multiple=True,
        metavar=_metavar(param.type),
        help=f"{types.show(param.type)}{needed}",
    )


def _metavar(type_: types.Type) -> str:
    match types.unwrapped(type_):
        case types.Simple("document" | "image"):
            return "PATH"
        case types.ListOf(types.Record() | types.Union()):
            return "ROWS"
        case types.Choice(options):
            return "|".join(options)
        case types.Simple(kind):
            return kind.upper()
    return "VALUE"


def _help(ctx: click.Context, param: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        click.echo(inert(ctx.get_help()))
        ctx.exit()


def _unknown(word: str, chosen: ChosenFlow, near: Iterable[str] = ()) -> UsageError:
    flags = [both[0] for both in chosen.flags.of.values()]
    others = set(near).difference(one.flag for one in chosen.flags.clashes)
    guess = did_you_mean(word, [*flags, *sorted(others)]) if word.startswith("-") else ""
    if (
        not word.startswith("-")
        and any(takes_files(param.type) for param in chosen.plan.params)
        and os.path.exists(word)
    ):
        return UsageError(
            f"{shown(word)} is an extra argument: if the shell has replaced a pattern by the names of its files, "
            "put the pattern into quotes, as in 'papers/*.pdf'"
        )
    told = f"{shown(word)} is neither a parameter of the flow `{chosen.plan.flow}` nor an option of the command"
    known = f"its parameters are: {' '.join(flags) or 'none'}"
    return UsageError(f"{told}; {guess or known}")


def _pair(pair: str, plan: p.Plan) -> tuple[str, str]:
    """Read `--param NAME=VALUE`."""
    written, equals, value = pair.partition("=")
    if not equals:
        raise UsageError(f"{shown(f'--param {pair}')}: write NAME=VALUE")
    names = [param.name for param in plan.params]
    name = next((one for one in names if written in spellings("", one)), None)
    if name is None:
        guess = did_you_mean(written, names)
        raise UsageError(f"the flow `{plan.flow}` has no parameter {shown(written)}. {guess}".rstrip())
    return name, value


def _texts(given: Iterable[tuple[str, str]]) -> dict[str, str]:
    texts: dict[str, str] = {}
    for name, text in given:
        if name in texts:
            raise UsageError(f"the parameter `{name}` is given twice; give it only once")
        texts[name] = text
    if list(texts.values()).count("-") > 1:
        raise UsageError("only one parameter can read standard input")
    return texts
