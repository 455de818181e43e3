"""The function `split`: its parameters, the type of its pieces, and the pieces with the words around them."""

from __future__ import annotations

from collections.abc import Mapping

from flowrun.dsl import ParamSpec, types

from ..registry.registry import View
from ..splitters import SPLITTERS
from ..splitters.protocol import number
from ..vocabulary.errors import UsageError
from ..vocabulary.json_value import Json
from .rules import RuleValue

SPLIT = (
    ParamSpec("document", types.DOCUMENT, required=True),
    ParamSpec("by", types.TEXT, required=True, rules=View(SPLITTERS, lambda rule: rule.params)),
    ParamSpec("overlap", types.INT, low=0),
    ParamSpec("before", types.INT, low=0),
    ParamSpec("after", types.INT, low=0),
)
_AROUND = ("before", "after")
_PART = types.Record(
    (
        types.Field("before", types.TEXT),
        types.Field("text", types.TEXT),
        types.Field("after", types.TEXT),
        types.Field("heading", types.Optional(types.TEXT)),
        types.Field("page", types.Optional(types.INT)),
        types.Field("place", types.INT),
    ),
    "Part",
)


PAGES = (
    ParamSpec(
        "document",
        types.DOCUMENT,
        required=True,
        takes=lambda type_: type_ == types.DOCUMENT,
        taken="a parameter of type `document`",
    ),
)
PAGE = types.Record(
    (types.Field("number", types.INT), types.Field("image", types.IMAGE), types.Field("text", types.TEXT)), "Page"
)


def pieces_type(given: Mapping[str, types.Type]) -> types.Type:
    """Return the type of the pieces: texts, or records if the call wants the words around them."""
    return types.ListOf(_PART if any(name in given for name in _AROUND) else types.TEXT)


def pieces_of(text: str, rule: RuleValue, args: Mapping[str, Json]) -> Json:
    """Split a text by a rule that the registry has. Raises UsageError for arguments that do not fit."""
    around = {name: number(args, name, 0, 0) for name in _AROUND}
    wanted = any(args.get(name) is not None for name in _AROUND)
    if wanted and args.get("overlap") is not None:
        raise UsageError("`split` takes an `overlap`, or the words `before` and `after` each piece, and not both")
    pieces = SPLITTERS[rule.rule].split(text, {**rule.args, "overlap": args.get("overlap")})
    if not wanted:
        return pieces
    from ..splitters.surroundings import parts  # few flows need it

    return parts(text, pieces, **around)
