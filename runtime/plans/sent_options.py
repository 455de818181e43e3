"""The further options of asks that go to the API of a model, beside temperature, max_tokens and seed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from flowrun.dsl import OptionSpec, ParamSpec, Where, types

from ..vocabulary.json_value import Json

if TYPE_CHECKING:
    from flowrun.dsl import plan as p

_ASKS: frozenset[Where] = frozenset({"ask", "model"})
LEVELS = ("none", "minimal", "low", "medium", "high")
TIERS = ("auto", "default", "flex", "priority", "standard_only")

_RESERVED = {
    "the flow names the model": "model",
    "the ask writes the prompt": "messages contents prompt input system systemInstruction",
    "the type of the answer sets it": "response_format responseMimeType responseSchema responseJsonSchema format",
    "flowrun asks for as many samples as the flow needs": "n candidateCount best_of",
    "flows have no tools": "tools tool_choice toolConfig functions function_call",
    "write the option `stream`": "stream stream_options",
    "write the option `max_tokens`": "max_tokens max_completion_tokens maxOutputTokens",
    "write the option `temperature`": "temperature",
    "write the option `seed`": "seed",
    "write the option `reasoning`": "reasoning reasoning_effort thinking thinkingConfig effort",
    "write the option `top_p`": "top_p",
    "write the option `stop`": "stop stop_sequences",
    "write the option `presence_penalty`": "presence_penalty",
    "write the option `frequency_penalty`": "frequency_penalty",
    "write the option `service_tier`": "service_tier",
    "write the option `verbosity`": "verbosity",
    "write the option `logprobs`": "logprobs top_logprobs responseLogprobs",
    "write the option `user`": "user safety_identifier",
}
"""Fields of requests that `extra` must not set, by the reason. A field has one name in all spellings."""


def _plain(name: str) -> str:
    return name.replace("_", "").lower()


SENT = (
    OptionSpec(
        "reasoning",
        types.Choice(LEVELS),
        _ASKS,
        "how much the model thinks before it answers; `tokens(n)` sets the most tokens",
        sent=True,
        rules={"tokens": (ParamSpec("count", types.INT, required=True, low=1),)},
    ),
    OptionSpec("top_p", types.NUMBER, _ASKS, "the share of likely words that a model chooses from", 0, 1, sent=True),
    OptionSpec("stop", types.TEXT, _ASKS, "a text, or several, that ends the answer", sent=True, several=True),
    OptionSpec("presence_penalty", types.NUMBER, _ASKS, "makes words unlikelier that are there", -2, 2, sent=True),
    OptionSpec("frequency_penalty", types.NUMBER, _ASKS, "makes words unlikelier that are frequent", -2, 2, sent=True),
    OptionSpec("service_tier", types.Choice(TIERS), _ASKS, "the tier in which the provider serves the call", sent=True),
    OptionSpec("verbosity", types.Choice(("low", "medium", "high")), _ASKS, "how long the answer is", sent=True),
    OptionSpec("logprobs", types.BOOL, _ASKS, "keeps the probabilities of the answer's tokens", sent=True),
    OptionSpec("user", types.TEXT, _ASKS, "your name for the user on whose behalf the call is made", sent=True),
    OptionSpec(
        "extra",
        types.JSON,
        _ASKS,
        "further fields of the request, which flowrun sends and does not understand",
        sent=True,
        reserved={_plain(name): why for why, names in _RESERVED.items() for name in names.split()},
    ),
)
NAMES = tuple(spec.name for spec in SENT)


def sends_options(plan: p.Plan) -> bool:
    """Tell whether a model or an ask of a plan has one of these options, or a temperature that not all models take."""
    from flowrun.dsl import plan as p

    each = [model.options for model in plan.models]
    for step in plan.walk():
        each.append(step.options)
        if isinstance(step.node, (p.Map, p.Repeat, p.Fanout)):
            each.append(step.node.reduce.options)
    return not all(options.keys().isdisjoint(NAMES) and _mild(options.get("temperature")) for options in each)


def _mild(temperature: p.Expr | None) -> bool:
    """Tell whether all models take a temperature. It has no sign, so a constant is a plain number."""
    value = 0 if temperature is None else getattr(temperature, "value", None)
    return isinstance(value, int | float) and value <= 1


def further(options: Mapping[str, Json]) -> dict[str, Json]:
    """Return the options that a request carries beside those of every request, as plain JSON.

    Raises InputError for a computed text of `stop` that is empty.
    """
    given = {name: options[name] for name in NAMES if name in options}
    stop = given.get("stop")
    if stop == "" or (isinstance(stop, list) and (not stop or "" in stop)):
        from ..vocabulary.errors import InputError

        raise InputError("`stop` takes texts that are not empty: an empty one ends every answer")
    return {name: as_json(value) for name, value in given.items() if value is not None and value is not False}


def as_json(value: Json) -> Json:
    """Write `tokens(n)` as an object, and a single text of `stop` as it is."""
    from ..values.rules import RuleValue

    return {"tokens": value.args["count"]} if isinstance(value, RuleValue) else value


def is_constant(option: p.Expr) -> bool:
    """Tell whether an option has the same value in every call."""
    from flowrun.dsl import plan as p

    match option:
        case p.Constant():
            return True
        case p.Items(items):
            return all(map(is_constant, items))
        case p.RecordOf(entries):
            return all(is_constant(entry.value) for entry in entries)
        case p.RuleOf(_, args):
            return all(map(is_constant, args.values()))
        case p.ShapeOf(value):
            return is_constant(value)
        case p.Apply("negative", operands):
            return all(map(is_constant, operands))
    return False
