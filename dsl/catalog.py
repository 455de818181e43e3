"""The catalog: the declarations of reducers, functions, splitters and options.

The checker gets a catalog and looks nothing up. The program that runs flows builds the catalog.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from dataclasses import field, replace
from typing import Literal

from .plain_data import Json
from .records import dataclass
from .types import NONE, Type, show

MEND = "bring the package in order or uninstall it; `flowrun plugins` lists what other packages add"
"""The help beside a fault of another package."""
LATER: Json = object()
"""The value of an option that is known only when the flow runs."""
_KINDS = {(True, False): "TYPE", (False, True): "FIELD"}


@dataclass(frozen=True, slots=True)
class AskSpec:
    """The declaration of an ask that a reducer makes.

    ``answer`` makes the type of its answer from the type of one result. ``least`` and ``most`` say how often it is made
    if there are two or more results, and ``alone`` how often at most if there is one. Its prompt sees the candidates as
    ``results``. The reducer sets the answer's type, so a flow writes none.

    An ask that ``compares`` sees two results as ``a`` and ``b``. A flow writes its type, or names an extern instead.
    It may be made twice for each pair of results, so ``most`` says nothing there.
    ``each`` marks an ask about each result by itself, which it sees as ``result``: the ask judges whether the result
    passes. Instead of the ask, a flow may give a condition, or the call of an extern. ``times`` returns the number of
    asks about so many results, and how many of them run one after another, from the known arguments; None if ``least``
    and ``most`` tell it.
    """

    answer: Callable[[Type], Type]
    least: int
    most: int
    alone: int = 0
    each: bool = False
    times: Callable[[int, Mapping[str, object]], tuple[int, int] | None] | None = None
    compares: bool = False

    def comparisons(self, results: int | None) -> int | None:
        """Return the most comparisons of so many results. None stands for no greatest number."""
        return None if results is None else results * (results - 1)


@dataclass(frozen=True, slots=True)
class ParamSpec:
    """The declaration of a parameter of a function, a reducer or a flow.

    ``rules`` are the rules that the parameter takes by name, with or without arguments (``heading``, ``chars(800)``).
    ``takes_type`` marks a parameter that takes the name of a type, ``takes_field`` the name of a field of the results,
    ``of_item`` a value of the results' type, and ``asks`` an ask. ``low`` and ``high`` bound a number. ``takes`` tells
    which types fit, if ``type`` alone does not tell, and ``taken`` says the same in words.
    """

    name: str
    type: Type
    required: bool = False
    rules: Mapping[str, tuple[ParamSpec, ...]] = field(default_factory=dict)
    asks: AskSpec | None = None
    takes_type: bool = False
    takes_field: bool = False
    of_item: bool = False
    low: float | None = None
    high: float | None = None
    takes: Callable[[Type], bool] | None = None
    taken: str = ""


@dataclass(frozen=True, slots=True)
class FunctionSpec:
    """The declaration of a built-in function.

    ``result`` makes the type of its value from the types of its arguments by name. For a vote that is a panel it also
    gets ``over``, the type of the panel's items.

    ``reads`` marks a function whose argument is a path. The path must lie where the user allows reading. ``of_step``
    marks a function whose argument is the name of a vote and not its value. ``of_ask`` marks a function whose argument
    is the answer of an ask, by its name: the ask then keeps the probabilities of its answer. ``known`` works out the
    value before the flow runs, or returns None if it cannot. It gets the arguments as far as the file decides them. A
    part that only the run decides is an object of no type of the language. ``yields`` marks a function that gives way
    to a flow or an extern of its name.
    """

    name: str
    params: tuple[ParamSpec, ...]
    result: Callable[[Mapping[str, Type]], Type]
    summary: str
    reads: bool = False
    of_step: bool = False
    of_ask: bool = False
    known: Callable[[Mapping[str, object]], object] | None = None
    yields: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refusal of a reducer: the results or the argument that it does not take, and what it takes instead.

    ``code`` is the code of the diagnostic; "" for the code of all refusals of results or of arguments. ``instead`` is
    a value that the argument could have; "" if there is none.
    """

    message: str
    help: str
    arg: str = ""
    code: str = ""
    instead: str = ""


@dataclass(frozen=True, slots=True)
class Given:
    """The results and arguments that a reducer gets, as far as the checker knows them.

    ``item`` is the type of one result. ``branches`` has the types of a fan-out's results, by name. ``least`` and
    ``most`` bound the number of results; None if only the run knows it. ``args`` has the arguments: the value of a
    constant, None for the others. ``asking`` names the arguments that are asks. ``panel`` is True if the results
    are those of a panel: different items, such as models, give them.
    """

    item: Type
    least: int | None = None
    most: int | None = None
    args: Mapping[str, object] = field(default_factory=dict)
    branches: Mapping[str, Type] | None = None
    asking: Set[str] = frozenset()
    panel: bool = False

    @property
    def each(self) -> tuple[Type, ...]:
        """The types of the results: one for every branch of a fan-out, or a single type for all results."""
        return (self.item,) if self.branches is None else tuple(self.branches.values())

    @property
    def chooses(self) -> bool:
        """True if the reducer chooses the number of samples, as in ``repeat 3..9``."""
        return self.least is not None and self.least != self.most

    def number(self, name: str) -> float | None:
        """Return an argument that is a constant number; None otherwise."""
        value = self.args.get(name)
        return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


@dataclass(frozen=True, slots=True)
class ReducerSpec:
    """A reducer. ``result`` returns the type of its value, or a refusal.

    ``votes`` marks a reducer that counts ballots and keeps a tally. ``spares`` marks a reducer that does without failed
    results: a vote takes them for abstentions. ``needs`` marks a reducer that fails without results, as every vote
    does. ``adaptive`` marks a reducer that may choose the number of samples between two, as in ``repeat 3..9``.
    ``typed`` marks a reducer, beside votes, whose value depends on the type of its results. ``lists`` tells that
    the value is a list: of the results, or of the items in the results.

    ``fewest`` returns the smallest number of results that can settle it, from the planned least and most. ``expected``
    returns its average number of samples, if each sample is right by itself with the given probability and all wrong
    ones are alike; None if that is not known. Both get the known arguments.
    """

    name: str
    params: tuple[ParamSpec, ...]
    result: Callable[[Given], Type | Refusal]
    summary: str
    votes: bool = False
    spares: bool = False
    adaptive: bool = False
    needs: bool = False
    fewest: Callable[[int, int, Mapping[str, object]], int] = lambda least, most, args: most
    expected: Callable[[int, int, Mapping[str, object], float], float | None] | None = None
    typed: bool = False
    lists: Literal["", "results", "items"] = ""

    @property
    def goes_by_type(self) -> bool:
        """True if the value depends on the results and also on their declared type."""
        return self.votes or self.typed


Where = Literal["ask", "model", "map", "repeat", "fanout", "chain", "match", "cascade", "flow"]


@dataclass(frozen=True, slots=True)
class OptionSpec:
    """The declaration of an option of ``with``: its type, and the parts of a flow that may have it.

    ``rules`` are the words that it takes with arguments. With ``several`` it also takes a list of values. ``sent`` says
    that it goes to the model's API, which may not take it. ``reserved`` tells for some fields of a constant object, by
    their plain names, why it must not have them; the option takes nothing but such an object then.
    """

    name: str
    type: Type
    on: frozenset[Where]
    summary: str
    low: float | None = None
    high: float | None = None
    rules: Mapping[str, tuple[ParamSpec, ...]] = field(default_factory=dict)
    several: bool = False
    sent: bool = False
    reserved: Mapping[str, str] = field(default_factory=dict)


def outside(value: float, low: float | None, high: float | None) -> str | None:
    """Describe the numbers between two bounds, if a number lies outside of them; None if it lies between them."""
    if (low is None or value >= low) and (high is None or value <= high):
        return None
    if low is None:
        return f"of {_written(high or 0.0)} or less"
    return f"of {_written(low)} or more" if high is None else f"from {_written(low)} to {_written(high)}"


def _written(number: float) -> str:
    """Write a number as a file has it: the language has no exponents."""
    found = f"{number:.12g}"
    return found if "e" not in found else f"{number:.12f}".rstrip("0").rstrip(".")


@dataclass(frozen=True, slots=True)
class Catalog:
    """The declarations of everything that flows may use.

    ``fault`` gets a kind (``reducer`` or ``splitter``) and a name. It returns the reason why another package's reducer
    or splitter cannot be used: "" if it can, None if no other package has one of this name. ``places`` gets the name of
    a provider. It returns the most requests at once if the provider never takes more, None otherwise. ``refused`` gets
    the address of a model and the options of an ask that are sent to its API. It returns the options that the API does
    not take, with the reasons. An option that is known only when the flow runs has the value ``LATER``. ``limits`` gets
    the name of a provider and returns the name of the one whose limits of types it has. ``built_in``
    tells whether flowrun itself has a provider of a name. ``lacks`` gets the address of a model, or the name of a
    provider, and returns what its endpoint is known not to serve, in the words of ``plan_endpoints``.
    """

    functions: Mapping[str, FunctionSpec]
    reducers: Mapping[str, ReducerSpec]
    options: Mapping[str, OptionSpec]
    providers: Set[str]
    fault: Callable[[str, str], str | None] = lambda kind, name: None
    places: Callable[[str], int | None] = lambda provider: None
    refused: Callable[[str, Mapping[str, Json]], Mapping[str, str]] = lambda address, options: {}
    limits: Callable[[str], str] = lambda provider: provider
    built_in: Callable[[str], bool] = lambda provider: False
    lacks: Callable[[str], Set[str]] = lambda address: frozenset()

    def beside(self, names: Iterable[str]) -> Catalog:
        """Return the catalog for a file that declares reducers with these names.

        They take precedence over those of other packages. So a newly installed package changes no flow that does not
        use it.
        """
        hidden = {name for name in names if self.fault("reducer", name) is not None}
        return replace(self, reducers=_Without(self.reducers, hidden)) if hidden else self

    def without(self, names: Set[str]) -> Catalog:
        """Return the catalog for a file that has flows and externs with these names, which come before functions."""
        hidden = {name for name in names if name in self.functions and self.functions[name].yields}
        kept = {name: spec for name, spec in self.functions.items() if name not in hidden}
        return replace(self, functions=kept) if hidden else self


class _Without(Mapping[str, ReducerSpec]):
    """The reducers without those of some names. No reducer is loaded for this."""

    def __init__(self, reducers: Mapping[str, ReducerSpec], hidden: Set[str]) -> None:
        self._reducers = reducers
        self._hidden = hidden

    def __getitem__(self, name: str) -> ReducerSpec:
        if name in self._hidden:
            raise KeyError(name)
        return self._reducers[name]

    def __iter__(self) -> Iterator[str]:
        return (name for name in self._reducers if name not in self._hidden)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def usage(name: str, params: tuple[ParamSpec, ...]) -> str:
    """Return the form of a function, a reducer or a rule, as a flow writes it."""
    if not params:
        return name
    parts = []
    for param in params:
        kind = (
            " | ".join(param.rules)
            if param.rules
            else _KINDS.get((param.takes_type, param.takes_field)) or show(param.type)
        )
        if param.asks is not None:
            kind = kind + " | ask" if param.type != NONE else "ask | EXTERN" if param.asks.compares else "ask"
        parts.append(f"{param.name}: {kind}" + ("" if param.required else "?"))
    return f"{name}({', '.join(parts)})"
