"""Unions of records. One field has a single word in each member, and the word tells the members apart."""

from __future__ import annotations

from collections.abc import Sequence

from .. import types as t
from ..diagnostics import Diagnostic, Label
from ..source import Span
from ..texts import text_key
from .long_lists import few

Members = Sequence[tuple[t.Type, Span]]


def union_of(read: Members, span: Span) -> t.Type | Diagnostic:
    """Return the union of some types, each with its place, or the reason why they make none."""
    if any(type_ == t.UNKNOWN for type_, _ in read):
        return t.UNKNOWN
    for type_, place in read:
        if not isinstance(type_, t.Record | t.Union):
            return Diagnostic(
                "F0301", f"a union is one of several records, and this is {t.show(type_)}", place,
                help="write records between the bars, each with a field that has one word, such as `kind: \"mail\"`",
            )  # fmt: skip
    members = [(one, place) for type_, place in read for one in _members(type_)]
    tags = [field.name for field in members[0][0].fields if all(t.tag_word(one, field.name) for one, _ in members)]
    # With several such fields the first one whose words differ is the tag.
    for tag in tags:
        keys = [text_key(t.tag_word(one, tag)) for one, _ in members]
        if len(set(keys)) == len(keys):
            return t.Union(tuple(one for one, _ in members), tag)
    if tags:
        return _twice(members, tags[0])
    return _without_tag(members, span)


def _members(type_: t.Type) -> tuple[t.Record, ...]:
    return type_.members if isinstance(type_, t.Union) else (type_,) if isinstance(type_, t.Record) else ()


def _twice(members: Sequence[tuple[t.Record, Span]], tag: str) -> Diagnostic:
    first: dict[str, Span] = {}
    for one, place in members:
        word = t.tag_word(one, tag)
        key = text_key(word)
        if key in first:
            return Diagnostic(
                "F0611", f"two members of this union have the tag `{word}`", place,
                labels=(Label(first[key], "the first one is here"),),
                note=f"the word in the field `{tag}` tells the members apart",
                help=f"give each member a word of its own: `{tag}: \"{word}\"`, `{tag}: \"…\"`",
            )  # fmt: skip
        first[key] = place
    raise AssertionError("no two members have the same tag")


def _without_tag(members: Sequence[tuple[t.Record, Span]], span: Span) -> Diagnostic:
    # A field that tells some of the members apart was meant as the tag.
    meant = [field.name for one, _ in members for field in one.fields if t.tag_word(one, field.name)]
    for name in dict.fromkeys(meant):
        for one, place in members:
            field = one.field(name)
            if t.tag_word(one, name):
                continue
            shown = one.name or t.show(one)
            if field is None:
                what = f"`{shown}` has no field `{name}`, which tells the other members apart"
                return _no_tag("F0610", what, place, name)
            what = f"the field `{name}` of `{shown}` is {t.show(field.type)}, and a tag is a single word"
            return _no_tag("F0612", what, place, name)
    shared = [
        field.name for field in members[0][0].fields if all(one.field(field.name) is not None for one, _ in members)
    ]
    for name in shared:
        if any(isinstance(field.type, t.Choice) for one, _ in members if (field := one.field(name))):
            one, place = next((one, at) for one, at in members if not t.tag_word(one, name))
            found = one.field(name)
            assert found is not None
            what = (
                f"the field `{name}` of `{one.name or t.show(one)}` is {t.show(found.type)}, and a tag is a single word"
            )
            return _no_tag("F0612", what, place, name)
    names = ", ".join(few([f"`{one.name or t.show(one)}`" for one, _ in members]))
    return _no_tag("F0610", f"nothing tells {names} apart", span, "kind")


def _no_tag(code: str, what: str, span: Span, name: str) -> Diagnostic:
    return Diagnostic(
        code, what, span,
        note="a value of the union says by one word which of the records it is",
        help=f"give each of the records a field with one word in quotes: `{name}: \"mail\"`",
    )  # fmt: skip
