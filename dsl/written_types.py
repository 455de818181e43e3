"""Types as written, made into types: named ones found, circles refused."""

from __future__ import annotations

from . import syntax as s
from . import types as t
from .diagnostics import Diagnostic, Label, did_you_mean
from .source import Span

_ELSEWHERE = {
    "string": "text",
    "str": "text",
    "integer": "int",
    "float": "number",
    "double": "number",
    "boolean": "bool",
    "list": "[text]",
    "array": "[text]",
    "dict": "json",
    "object": "json",
    "file": "document",
}
"""What types of other languages are called here."""


class WrittenTypes:
    """Reads the types of one file. What is wrong with its declarations is reported once, at the start."""

    def __init__(self, file: s.File, problems: list[Diagnostic]) -> None:
        self.problems = problems
        self.declared = {decl.name.text: decl for decl in file.types}
        self._known: dict[str, t.Type] = dict(t.NAMED)
        self._reading: list[str] = []
        for decl in file.types:
            if decl.name.text in t.NAMED:
                self._report(
                    "F0202", f"`{decl.name.text}` is a type of the language", decl.name.span, "choose another name"
                )
            else:
                self._named(decl.name)

    def _report(self, code: str, message: str, span: Span, help: str = "") -> None:
        self.problems.append(Diagnostic(code, message, span, help=help))

    def read(self, written: s.TypeExpr) -> t.Type:
        match written:
            case s.TypeName(word):
                return self._named(word)
            case s.TypeChoice(options):
                return self._choice(options)
            case s.TypeRange(low, high):
                if low > high:
                    self._report(
                        "F0402", f"from {low} up to {high} there is nothing", written.span, f"write `{high}..{low}`"
                    )
                return t.Range(low, high)
            case s.TypeList(item):
                return t.ListOf(self.read(item))
            case s.TypeOptional(item):
                return t.Optional(self.read(item))
            case s.TypeRecord():
                return self._record(written)

    def _choice(self, options: tuple[s.Word | s.String, ...]) -> t.Type:
        words: list[str] = []
        for option in options:
            word = option.text if isinstance(option, s.Word) else option.value
            if not word.strip():
                self._report("F0301", "an empty text is no choice", option.span)
            elif any(word.casefold() == known.casefold() for known in words):
                self._report(
                    "F0202", f"the choice `{word}` is there twice", option.span, "answers ignore case: keep one"
                )
            else:
                words.append(word)
        return t.Choice(tuple(words))

    def _record(self, written: s.TypeRecord) -> t.Record:
        fields: dict[str, t.Field] = {}
        for field in written.fields:
            name = field.name.text
            if name in fields:
                self._report("F0202", f"the field `{name}` is there twice", field.name.span, "keep one of the two")
            fields[name] = t.Field(name, self.read(field.type), field.description.value if field.description else "")
        if not fields:
            self._report("F0404", "a record has at least one field", written.span)
        return t.Record(tuple(fields.values()))

    def _named(self, word: s.Word) -> t.Type:
        name = word.text
        if name in self._known:
            return self._known[name]
        decl = self.declared.get(name)
        if decl is None:
            known = [*t.NAMED, *self.declared]
            guess = f"write `{_ELSEWHERE[name.lower()]}`" if name.lower() in _ELSEWHERE else did_you_mean(name, known)
            self._report(
                "F0206",
                f"no type is called `{name}`",
                word.span,
                guess or "declare it, `type Name = { … }`; for a choice write two or more words, `YES | NO`",
            )
            return t.UNKNOWN
        if name in self._reading:
            circle = [*self._reading[self._reading.index(name) :], name]
            self.problems.append(
                Diagnostic(
                    "F0204",
                    f"the type `{name}` contains itself: {' → '.join(circle)}",
                    word.span,
                    labels=(Label(decl.name.span, "declared here"),),
                    note="a type that contains itself has no fixed shape to ask a model for",
                    help="keep the parts in a list of their own and name them by an id",
                )
            )
            return t.UNKNOWN
        self._reading.append(name)
        type_ = self.read(decl.type)
        self._reading.pop()
        if isinstance(type_, t.Record):
            type_ = t.Record(type_.fields, name)
        self._known[name] = type_
        return type_
