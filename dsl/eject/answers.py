"""The types of answers as readers of the program."""

from __future__ import annotations

from .. import types as t
from .output import Output, literal, text_literal


def reader_of(out: Output, type_: t.Type) -> str:
    """Write the reader of the values of a type."""
    use = out.use
    match type_:
        case t.Simple("text" | "document") | t.Quote() | t.OpenChoice():
            return use("a_text")
        case t.Simple("int"):
            return use("an_int")
        case t.Simple("number") | t.Quantity():
            return use("a_number")
        case t.Simple("bool"):
            return use("a_bool")
        case t.Range(low, high):
            return f"{use('between')}({low!r}, {high!r}, {type_.whole})"
        case t.SizedText(least, most):
            return f"{use('sized')}({least}, {most})"
        case t.Choice(options):
            return f"{use('choice')}({', '.join(map(text_literal, options))})"
        case t.ListOf(item):
            limits = f", {type_.least}, {type_.most}" if type_.sized else ""
            return f"{use('list_of')}({reader_of(out, item)}{limits})"
        case t.Optional(item):
            return f"{use('optional')}({reader_of(out, item)})"
        case t.Record(fields, name):
            readers = ", ".join(f"{text_literal(one.name)}: {reader_of(out, one.type)}" for one in fields)
            lacking = tuple(one.name for one in fields if isinstance(one.type, t.Optional))
            text = f"{use('record')}({{{readers}}}{f', {literal(lacking)}' if lacking else ''})"
            return out.constant(name or "record_type", text)
        case t.Union(members, tag, name):
            readers = ", ".join(f"{text_literal(t.tag_word(one, tag))}: {reader_of(out, one)}" for one in members)
            return out.constant(name or "union_type", f"{use('one_of')}({text_literal(tag)}, {{{readers}}})")
    return use("anything")


def kind_of(out: Output, type_: t.Type, wanted: str) -> str:
    """Return the name of the constant for answers of a type."""
    use = out.use
    match type_:
        case t.Simple("text"):
            read = use("text_answer")
        case t.Choice(options):
            read = f"{use('choice_answer')}({', '.join(map(text_literal, options))})"
        case t.SizedText(least, most):
            read = f"{use('sized_answer')}({least}, {most})"
        case _:
            read = f"{use('data_answer')}({reader_of(out, type_)})"
    shown = t.show(type_ if not isinstance(type_, t.Record) else t.Record(type_.fields))
    form, wrapped = out.wire.form(type_)
    parts = [read, text_literal(shown)]
    if form is not None:
        parts.append(literal(form))
    parts += [f"wrapped={wrapped}"] if wrapped else []
    parts += ["words=True"] if isinstance(type_, t.Choice) else []
    return out.constant(f"{wanted}_answer", f"{use('Kind')}({', '.join(parts)})")
