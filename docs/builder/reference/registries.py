"""The pages of the registries: reducers, splitters, readers of documents, functions and options."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from flowrun.dsl import Given, ParamSpec, Refusal, types, usage
from flowrun.dsl.functions.tables import functions_table
from flowrun.runtime.documents.reading import READERS
from flowrun.runtime.plans.options import OPTIONS
from flowrun.runtime.reducers import REDUCERS
from flowrun.runtime.splitters import SPLITTERS
from flowrun.runtime.values.functions import FUNCTIONS

from ..markdown import code, page, table
from .docstrings import paragraphs

_SAMPLES = (
    types.TEXT,
    types.INT,
    types.Range(1, 5),
    types.BOOL,
    types.Choice(("SPAM", "NOT")),
    types.ListOf(types.TEXT),
    types.Record((types.Field("label", types.TEXT), types.Field("score", types.NUMBER))),
)
"""The types of results for which the page of a reducer shows the type of its value."""


def reducers_page() -> str:
    """Make the page with the form, the arguments and the types of each reducer."""
    rows = [(f"[`{name}`](#{name})", REDUCERS[name].spec.summary) for name in REDUCERS.own]
    parts = [
        "A block ends with `reduce` and a reducer, which makes one value of its results. [Reducers](../reducers.md) "
        "tells when to take which one. This page is made from the registry that the checker reads, and "
        "`flowrun explain NAME` shows the same in a terminal.",
        table(("reducer", "its value"), rows),
    ]
    for name in REDUCERS.own:
        parts += [f"## `{name}`", *_reducer(name)]
    return page("Reducers: forms and types", *parts)


def _reducer(name: str) -> Iterator[str]:
    spec = REDUCERS[name].spec
    facts = {
        "It counts ballots, so its step has a tally.": spec.votes,
        "With `repeat a..b` it chooses how many samples it takes.": spec.adaptive,
        "It does without failed results.": spec.spares,
        "It fails without results.": spec.needs,
        "Its value goes by the declared type of the results.": spec.goes_by_type,
    }
    yield f"`reduce {usage(name, spec.params)}`: {spec.summary}."
    yield parameters(spec.params)
    yield " ".join(text for text, holds in facts.items() if holds)
    values = [(code(types.show(item)), value) for item in _SAMPLES if (value := _value(name, item))]
    if values:
        yield table(("results of type", "its value"), values)
    yield paragraphs(REDUCERS.page(name))
    yield f"When to use it: [reducers](../reducers.md#{name})."


def _value(name: str, item: types.Type) -> str:
    """Return the type of a reducer's value for results of one type, with arguments that it needs."""
    spec = REDUCERS[name].spec
    record = isinstance(item, types.Record)
    args: dict[str, object] = {}
    for param in spec.params:
        if param.required and not param.takes_field:
            args[param.name] = 2
        elif param.required or (param.name == "by" and record and param.takes_field):
            args[param.name] = "label" if spec.votes else "score"
    given = Given(item, 3, 3, args)
    result = spec.result(given)
    with_field = " with " + ", ".join(f"`{one}: {args[one]}`" for one in args) if args else ""
    return "" if isinstance(result, Refusal) else f"`{types.show(result)}`{with_field}"


def parameters(params: Iterable[ParamSpec]) -> str:
    """Return the table of the parameters of a reducer, a function or a rule; "" if it has none."""
    rows = [
        (code(param.name), _kind(param), "yes" if param.required else "no", _range(param.low, param.high))
        for param in params
    ]
    return table(("argument", "takes", "needed", "range"), rows) if rows else ""


def _kind(param: ParamSpec) -> str:
    kinds = [code(usage(name, inner)) for name, inner in param.rules.items()]
    if param.takes_field:
        kinds.append("a field of the results")
    if param.takes_type:
        kinds.append("a type")
    if param.asks is not None:
        kinds.append("an ask")
    if param.taken:
        kinds.append(param.taken)
    if not kinds and param.type != types.NONE:
        kinds.append(code(types.show(param.type)))
    return " or ".join(kinds)


def _range(low: float | None, high: float | None) -> str:
    if low is None and high is None:
        return ""
    if high is None:
        return f"{low:g} or more"
    return f"up to {high:g}" if low is None else f"{low:g} to {high:g}"


def splitters_page() -> str:
    """Make the page of the rules of ``split``."""
    parts = [
        "`split(document, by: RULE)` cuts a text into pieces. `overlap` repeats the end of a piece at the begin of the "
        "next one, and `before` and `after` give the words around a piece ([the language](../language.md)).",
        table(
            ("rule", "the pieces"),
            [
                (f"[`{usage(name, SPLITTERS[name].params)}`](#{name})", SPLITTERS[name].summary)
                for name in SPLITTERS.own
            ],
        ),
    ]
    for name in SPLITTERS.own:
        one = SPLITTERS[name]
        parts += [f"## `{name}`", parameters(one.params), paragraphs(SPLITTERS.page(name))]
    return page("Splitters", *parts)


def readers_page() -> str:
    """Make the page of the readers of documents."""
    suffixes: dict[str, list[str]] = {}
    for suffix in READERS:
        if READERS[suffix].name in READERS.registry.own:
            suffixes.setdefault(READERS[suffix].name, []).append(code(suffix) if suffix else "no ending")
    parts = [
        "A parameter of type `document` takes a file. Its ending chooses the reader, which makes text of the bytes. "
        "A package can bring readers for further endings ([plugins](../plugins.md)).",
        table(("reader", "endings"), [(name, ", ".join(found)) for name, found in suffixes.items()]),
    ]
    for name in suffixes:
        parts += [f"## {name}", paragraphs(READERS.registry.page(name))]
    return page("Readers of documents", *parts)


def functions_page() -> str:
    """Make the page of all functions and filters."""
    special = {
        name: one.spec for name, one in FUNCTIONS.items() if one.spec.reads or one.spec.of_step or one.spec.of_ask
    }
    others = {name: FUNCTIONS[name].spec for name in ("split", "pages", "place_of")}
    parts = [
        "A function stands in an expression: `length(notes)`. Most of them are filters in templates, too: "
        "`{{ notes | length }}`. [The language](../language.md) tells where expressions stand.",
        "## Functions of values",
        functions_table(),
        "## Functions that read files",
        "They read below the flow's folder, or where `--allow-read` allows it.",
        table(
            ("function", "its value"),
            [(code(usage(name, spec.params)), spec.summary) for name, spec in special.items() if spec.reads],
        ),
        "## Functions of documents",
        table(
            ("function", "its value"), [(code(usage(name, spec.params)), spec.summary) for name, spec in others.items()]
        ),
        "## Functions of votes and answers",
        "Their argument is the name of a step, and not its value.",
        table(
            ("function", "its value"),
            [(code(usage(name, spec.params)), spec.summary) for name, spec in special.items() if not spec.reads],
        ),
    ]
    return page("Functions and filters", *parts)


def options_page() -> str:
    """Make the page of the options of ``with``."""
    parts = [
        "Options follow `with`, as in `with temperature: 0, retries: 2`. They stand behind a step, a block, a model or "
        "the head of a flow. "
        "An option of a model holds for its asks, and an option of a step comes before it."
    ]
    for title, where in (
        ("Options of asks and models", {"ask", "model"}),
        ("Options of blocks and flows", {"map", "repeat", "fanout", "chain", "match", "flow"}),
    ):
        rows = [
            (
                code(name),
                _option_kind(name),
                _range(spec.low, spec.high),
                ", ".join(code(one) for one in sorted(spec.on & where)),
                spec.summary + ("; it goes to the model's API" if spec.sent and where == {"ask", "model"} else ""),
            )
            for name, spec in OPTIONS.items()
            if spec.on & where
        ]
        parts += [f"## {title}", table(("option", "takes", "range", "on", "meaning"), rows)]
    return page("Options of `with`", *parts)


def _option_kind(name: str) -> str:
    spec = OPTIONS[name]
    kinds = [types.show(spec.type)]
    kind = kinds[0] if isinstance(spec.type, types.Quantity) else code(kinds[0])
    rules = [code(usage(rule, params)) for rule, params in spec.rules.items()]
    return " or ".join([kind, *rules]) + (", or a list" if spec.several else "")
