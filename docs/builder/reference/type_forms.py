"""The page of the types: how each is written, and the JSON Schema that a provider gets for an answer of it."""

from __future__ import annotations

import json

from flowrun.dsl import FlowError, Source, check_flow, make_plan, types
from flowrun.runtime.catalog import catalog

from .. import SiteError
from ..markdown import code, fenced, page, table

ANSWERS = {
    "text": "A text of any length.",
    "text(min: 1, max: 140)": "A text with limits of its number of characters.",
    "int": "A whole number.",
    "number": "A number.",
    "1..5": "A whole number of a range.",
    "0..1.5": "A number of a range.",
    "bool": "True or false.",
    "SPAM | NOT": "A choice between words.",
    '"not sure" | YES': "A choice with words in quotes.",
    "[text]": "A list.",
    "[text](1..5)": "A list with a least and a greatest number of elements.",
    "{ label: A | B, why: text }": "A record.",
    "{ name: text, age: int? }": "A record with a value that may be missing.",
    '{ name: text "the full name" }': "A record whose field tells the model what it means.",
    "quote of mail": "A passage of the text `mail`, word for word.",
    "json": "A value of any shape.",
}
"""The types of answers on the page, as a flow writes them."""
INPUTS = {
    "document": "A text. On the command line and in Python it may be a file, which a reader makes text of.",
    "image": "A picture, for parameters and fields of their rows.",
    "model": "The name of a model, for parameters.",
}
"""The types that no answer can have."""


def types_page() -> str:
    """Make the page of the types."""
    parts = [
        "A type stands behind `->` for an answer, and behind the name of a parameter or a field. "
        "[The language](../language.md) tells how types fit each other. This page shows each form with the JSON Schema "
        "that a provider gets for an answer.",
        "## Only for parameters",
        table(("type", "its values"), [(code(name), text) for name, text in INPUTS.items()]),
        "## For answers, too",
    ]
    for written, text in ANSWERS.items():
        schema = types.json_schema(answer_type(written))
        parts += [f"### `{written}`", text, fenced(json.dumps(schema, indent=2, ensure_ascii=False), "json")]
    return page("Types", *parts)


def answer_type(written: str) -> types.Type:
    """Return the type of an answer that a flow writes so."""
    text = f'flow f(mail: text) {{\n  answer = ask "{{{{ mail }}}}" -> {written}\n  return answer\n}}\n'
    try:
        checked = check_flow(Source(text, "type.flow"), catalog())
    except FlowError as error:
        raise SiteError(f"docs/builder/reference/type_forms.py: {written}: {error}") from None
    return make_plan(checked).type
