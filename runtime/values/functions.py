"""The built-in functions of the language."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from flowrun.dsl import CALLED, FunctionSpec, NoValueError, ParamSpec, applied, dataclass, kind_of, spec_of, types

from ..splitters import SPLITTERS
from ..vocabulary.errors import UsageError
from ..vocabulary.json_value import Json
from ..vocabulary.quoting import shown
from ..vocabulary.tally import Tally
from .pieces import PAGE, PAGES, SPLIT, pieces_of, pieces_type
from .rules import RuleValue

Args = Mapping[str, Json]


TallyOf = Callable[[str], Tally | None]
"""Look up the tally of a vote by its name. The result is None if the vote has no ballots."""
Read = Callable[[str, Args], Json]
"""Call a function that reads files, by its name."""


def call_function(name: str, args: Args, tally: TallyOf) -> Json:
    """Call a function that reads no file. Raises FlowrunError."""
    return FUNCTIONS[name].call(args, World(tally))


def _nothing_to_read(name: str, args: Args) -> Json:
    raise UsageError(f"`{name}` reads a file, and this place may not read files")


@dataclass(frozen=True, slots=True)
class World:
    """The things outside of an expression that functions may use: the tallies of the flow's votes, and files."""

    tally: TallyOf
    read: Read = _nothing_to_read


@dataclass(frozen=True, slots=True)
class Function:
    """A function in the registry. ``call`` gets evaluated arguments, and may raise FlowrunError."""

    spec: FunctionSpec
    call: Callable[[Args, World], Json]


def _split(args: Args, world: World) -> Json:
    by = args["by"]
    if not isinstance(by, RuleValue) or by.rule not in SPLITTERS:
        name = by.rule if isinstance(by, RuleValue) else str(by)
        raise UsageError(
            SPLITTERS.fault(name)
            or f"`split` has no rule {shown(name)}; the rules are " + ", ".join(f"`{rule}`" for rule in SPLITTERS)
        )
    text = args["document"]
    if not isinstance(text, str):
        raise UsageError(f"`split` takes a text, and this is {kind_of(text)}")
    return pieces_of(text, by, args)


def _pages(args: Args, world: World) -> Json:
    raise UsageError("`pages` renders the pages of a document, and only a run does that")


def _votes(args: Args, world: World) -> Json:
    from .vote_records import votes_record  # few flows read a tally

    return votes_record(world.tally(args["of"]))


def _votes_type(given: Mapping[str, types.Type]) -> types.Type:
    from .vote_records import votes_type

    return votes_type(given)


def _agreement(args: Args, world: World) -> Json:
    tally = world.tally(args["of"])
    return tally.agreement if tally else 0.0


def _decided(args: Args, world: World) -> Json:
    tally = world.tally(args["of"])
    return tally is not None and tally.settled


def _sure(args: Args, world: World) -> Json:
    from .sure import sureness

    return sureness(args["of"])


def _place_of(args: Args, world: World) -> Json:
    said = args["quote"]
    if said is None:
        return None
    if not isinstance(said, str):
        raise UsageError(f"`place_of` takes a quote, and this is {kind_of(said)}")
    from .quotes import place_record

    found = place_record(said, args["source"])
    if found is None:
        raise UsageError(f"`place_of` looks for words that do not occur in its source: {shown(said)}")
    return found


def _of_values(name: str) -> Callable[[Args, World], Json]:
    """Make a function that depends only on its arguments."""
    function = CALLED[name]

    def call(args: Args, world: World) -> Json:
        try:
            return applied(function, args)
        except NoValueError as error:
            raise UsageError(str(error)) from None

    return call


def _reader(name: str) -> Callable[[Args, World], Json]:
    """Make a function that reads files. The ``World`` of its caller does the reading."""
    return lambda args, world: world.read(name, args)


def _place_type(given: Mapping[str, types.Type]) -> types.Type:
    fields = ("start", "end", "page", "source", "count")
    place = types.Record(tuple(types.Field(name, types.INT) for name in fields), "Place")
    return types.optional(place) if isinstance(given.get("quote"), types.Optional) else place


def _always(type_: types.Type) -> Callable[[Mapping[str, types.Type]], types.Type]:
    return lambda given: type_


def _list_of(bare: types.Type) -> Callable[[Mapping[str, types.Type]], types.Type]:
    return lambda given: types.ListOf(given.get("of", bare))


_TEXTS = types.ListOf(types.TEXT)
_FOUND = types.ListOf(types.Record((types.Field("path", types.TEXT), types.Field("text", types.TEXT))))
_PATH = ParamSpec("path", types.TEXT, required=True)


def _plain(type_: types.Type) -> bool:
    simple = (types.TEXT, types.INT, types.NUMBER, types.BOOL, types.JSON)
    return type_ in simple or isinstance(type_, types.Choice | types.Range)


def _row(type_: types.Type) -> bool:
    return (isinstance(type_, types.Record | types.Union) or type_ == types.JSON) and not types.holds_model(type_)


def _rows(takes: Callable[[types.Type], bool], taken: str) -> tuple[ParamSpec, ParamSpec]:
    return _PATH, ParamSpec("of", types.JSON, takes_type=True, takes=takes, taken=taken)


_VOTE = _ANSWER = ParamSpec("of", types.JSON, required=True)
_PLACE = (
    ParamSpec("quote", types.Optional(types.TEXT), required=True),
    ParamSpec("source", types.JSON, required=True, takes=types.quotable, taken="a text, a document or a list of them"),
)
FUNCTIONS: dict[str, Function] = {
    spec.name: Function(spec, call)
    for spec, call in (
        (FunctionSpec("file", (_PATH,), _always(types.TEXT), "the text of a file", reads=True), _reader("file")),
        (
            FunctionSpec(
                "files",
                (ParamSpec("pattern", types.TEXT, required=True),),
                _always(_FOUND),
                "the files that match a pattern such as `inbox/*.md`, in the order of their paths; a template "
                "inserts the text of a file",
                reads=True,
            ),
            _reader("files"),
        ),
        (
            FunctionSpec(
                "lines",
                _rows(_plain, "a text, a number, a bool, a choice or a range"),
                _list_of(types.TEXT),
                "the lines of a file that are not blank",
                reads=True,
            ),
            _reader("lines"),
        ),
        (
            FunctionSpec(
                "jsonl",
                _rows(lambda type_: not types.holds_model(type_), "data"),
                _list_of(types.JSON),
                "the rows of a file of JSON lines",
                reads=True,
            ),
            _reader("jsonl"),
        ),
        (
            FunctionSpec(
                "csv",
                _rows(_row, "a record of data"),
                _list_of(types.JSON),
                "the rows of a CSV file; without a type all cells are texts",
                reads=True,
            ),
            _reader("csv"),
        ),
        (
            FunctionSpec(
                "split",
                SPLIT,
                pieces_type,
                "the pieces of a document; with `before` and `after` records with the words around each piece",
            ),
            _split,
        ),
        (
            FunctionSpec(
                "pages",
                PAGES,
                _always(types.ListOf(PAGE)),
                "the pages of a PDF: records with the fields `number`, `image` and `text`",
                yields=True,
            ),
            _pages,
        ),
        (
            FunctionSpec("place_of", _PLACE, _place_type, "the place of a quote in its source"),
            _place_of,
        ),
        (
            FunctionSpec(
                "votes", (_VOTE,), _votes_type, "the outcome of a vote: the answers and their counts", of_step=True
            ),
            _votes,
        ),
        (
            FunctionSpec(
                "agreement",
                (_VOTE,),
                _always(types.NUMBER),
                "the share of the winner in a vote, from 0 to 1",
                of_step=True,
            ),
            _agreement,
        ),
        (
            FunctionSpec(
                "decided",
                (_VOTE,),
                _always(types.BOOL),
                "true if the rule of a vote held at its end, false if the vote was not decided or not held",
                of_step=True,
                yields=True,
            ),
            _decided,
        ),
        (
            FunctionSpec(
                "sure",
                (_ANSWER,),
                _always(types.Optional(types.Range(0.0, 1.0))),
                "the probability of an answer among its words, from 0 to 1; none if the endpoint does not tell",
                of_ask=True,
                yields=True,
            ),
            _sure,
        ),
        *((spec_of(function), _of_values(name)) for name, function in CALLED.items()),
    )
}
