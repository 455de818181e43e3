"""The flags of a command and of a flow's parameters. Each flag has only one meaning."""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy

import click

from flowrun.dsl import dataclass, pattern

from ..vocabulary.errors import UsageError

_OPTION = pattern(r"^--(option-)+")


@dataclass(frozen=True)
class Clash:
    """A flag that could mean an option of the command or the parameter ``name``. ``option`` is the option's other flag.

    The plain flag is refused, so that an option of the command never hides a parameter without notice.
    """

    flag: str
    name: str
    option: str

    def option_that_refuses(self) -> click.Option:
        """Make the option that raises UsageError if the flag is on the command line, with or without a value."""

        def refuse(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
            if value is not None and not ctx.resilient_parsing:
                raise UsageError(
                    f"`{self.flag}` could mean an option of the command or the parameter `{self.name}` of this flow: "
                    f"write `{spellings('--param-', self.name)[0]} VALUE` for the parameter, "
                    f"or `{self.option}` for the option"
                )

        return click.Option(
            [self.flag, f"clash_{self.flag.lstrip('-').replace('-', '__')}"],
            is_flag=False,
            flag_value="",
            hidden=True,
            expose_value=False,
            callback=refuse,
        )


class Flags:
    """The meanings of flags, for a command with its own options and the parameters of one flow.

    ``of`` has the flags of each parameter: always ``--param-NAME``, and its plain flags if they mean nothing else.
    ``clashes`` are the flags that are refused.
    """

    def __init__(self, own: Iterable[click.Parameter], names: Iterable[str]) -> None:
        names = tuple(names)
        taken = frozenset(own_flags(own))
        sure = {name: spellings("--param-", name) for name in names}
        # `--param-NAME` reaches NAME even where another parameter is called `param_NAME`.
        reserved = taken.union(*sure.values())
        plain = {name: spellings("--", name) for name in names}
        self._plain = frozenset().union(*plain.values())
        self.clashes = tuple(
            Clash(flag, name, self._instead(both[0] if both[0] in taken else both[-1]))
            for name, both in plain.items()
            if taken.intersection(both)
            for flag in both
        )
        refused = {one.flag for one in self.clashes}
        self.of = {
            name: (*(flag for flag in plain[name] if flag not in reserved | refused), *sure[name]) for name in names
        }

    def moved(self, own: click.Parameter) -> click.Parameter:
        """Return an option of the command with each refused flag replaced by ``--option-NAME``."""
        refused = {one.flag for one in self.clashes}
        if not isinstance(own, click.Option) or not refused.intersection(own.opts):
            return own
        option = copy(own)
        option.opts = [self._instead(flag) if flag in refused else flag for flag in own.opts]
        return option

    def _instead(self, flag: str) -> str:
        other = flag.replace("--", "--option-", 1)
        return self._instead(other) if other in self._plain else other


def own_flags(own: Iterable[click.Parameter]) -> dict[str, click.Option]:
    return {flag: one for one in own if isinstance(one, click.Option) for flag in one.opts}


def spellings(prefix: str, name: str) -> tuple[str, ...]:
    """Return the flags of a name: with hyphens, as in commands, and with underscores, as in flows."""
    return tuple(dict.fromkeys((prefix + name.replace("_", "-"), prefix + name)))


def first_and_flow(own: Iterable[click.Parameter], words: Iterable[str]) -> tuple[str | None, str | None]:
    """Return the first argument that is not an option, and the value of ``--flow``. A missing one is None.

    The parameters of the flow are not known yet. Each of them takes a value, so an unknown option takes a value too.
    """
    known = own_flags(own)
    arguments: list[str] = []
    flow: str | None = None
    left = iter(words)
    for word in left:
        if word == "--":
            arguments += left
        elif word == "-" or not word.startswith("-"):
            arguments.append(word)
        else:
            option, value = _taken_apart(word, known)
            if option is not None and option.is_flag:
                continue
            value = next(left, "") if value is None else value
            if option is not None and option.name == "flow":
                flow = value
    return next(iter(arguments), None), flow


def _taken_apart(word: str, known: dict[str, click.Option]) -> tuple[click.Option | None, str | None]:
    """Return the option that a word names and the value that it contains. Each is None if the word does not contain it.

    If a word has several short options, such as ``-qo``, only the last can take a value.
    """
    if word.startswith("--"):
        flag, equals, value = word.partition("=")
        return known.get(flag) or known.get(_OPTION.sub("--", flag)), value if equals else None
    for at, letter in enumerate(word[1:], 2):
        option = known.get(f"-{letter}")
        if option is None or not option.is_flag:
            return option, word[at:] or None
    return known[f"-{word[-1]}"], None
