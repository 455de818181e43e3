"""Types as written, made into types: named ones found, circles refused."""

from __future__ import annotations

from .. import syntax as s
from .. import types as t
from ..diagnostics import Diagnostic, Edit, Fix, Label, did_you_mean, nearest
from ..source import Span
from ..spelling import MOST_GUESSED
from .callees import Imported

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
_SAME = frozenset({"string", "str", "integer", "float", "double", "boolean"})
"""Those of them that can have meant nothing else; of a list, say, the elements are a guess."""


class WrittenTypes:
    """Reads the types of one file. What is wrong with its declarations is reported once, at the start."""

    def __init__(self, file: s.File, problems: list[Diagnostic], imported: Imported) -> None:
        self.problems = problems
        self.imported = imported
        self.declared = {decl.name.text: decl for decl in file.types}
        self._known: dict[str, t.Type] = dict(t.NAMED)
        self._reading: list[str] = []
        for decl in file.types:
            if decl.name.text in t.NAMED:
                self._report(
                    "F0202", f"`{decl.name.text}` is a type of the language", decl.name.span, "choose another name"
                )
            else:
                self.named(decl.name)

    def _report(self, code: str, message: str, span: Span, help: str = "", fix: Fix | None = None) -> None:
        self.problems.append(Diagnostic(code, message, span, help=help, fix=fix))

    def read(self, written: s.TypeExpr) -> t.Type:
        match written:
            case s.TypeName(word):
                return self.named(word, written.prefix)
            case s.TypeChoice(options):
                return self._choice(options)
            case s.TypeRange(low, high):
                if low > high:
                    help = f"write `{high}..{low}`"
                    fix = Fix(help, (Edit(written.span, f"{high}..{low}"),))
                    self._report("F0402", f"from {low} up to {high} there is nothing", written.span, help, fix)
                return t.Range(low, high)
            case s.TypeList(item):
                return t.ListOf(self.read(item))
            case s.TypeOptional(item):
                return t.Optional(self.read(item))
            case s.TypeRecord():
                return self._record(written)

    def _choice(self, options: tuple[s.Word | s.String, ...]) -> t.Type:
        words: list[str] = []
        seen: set[str] = set()
        twice: list[tuple[s.Word | s.String, s.Word | s.String]] = []
        for place, option in enumerate(options):
            word = option.text if isinstance(option, s.Word) else option.value
            if not word.strip():
                self._report("F0301", "an empty text is no choice", option.span)
            elif word.casefold() in seen:
                twice.append((options[place - 1], option))
            else:
                words.append(word)
                seen.add(word.casefold())
        for before, option in twice:
            word = option.text if isinstance(option, s.Word) else option.value
            # With one word left it would be the name of a type.
            fix = _without(word, before.span, option.span) if len(words) > 1 else None
            message = f"the choice `{word}` is there twice"
            self._report("F0202", message, option.span, "answers ignore case: keep one", fix)
        return t.Choice(tuple(words))

    def _of_import(self, prefix: s.Word, word: s.Word) -> t.Type:
        imported = self.imported
        if prefix.text in imported.broken:
            return t.UNKNOWN
        path = imported.paths.get(prefix.text)
        if path is None:
            self._report(
                "F0206",
                f"no import is called `{prefix.text}`",
                prefix.span,
                did_you_mean(prefix.text, imported.paths) or f'write `import "….flow" as {prefix.text}`',
            )
            return t.UNKNOWN
        type_ = imported.types.get((prefix.text, word.text))
        if type_ is None:
            known = imported.names(prefix.text, "types")
            self._report(
                "F0206",
                f"no type of `{path}` is called `{word.text}`",
                word.span,
                did_you_mean(word.text, known)
                or ("it has " + ", ".join(f"`{one}`" for one in known) if known else "it declares no types"),
                _instead(word, nearest(word.text, known)),
            )
        return type_ or t.UNKNOWN

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

    @property
    def declared_types(self) -> dict[str, t.Type]:
        """The types that this file declares."""
        return {name: self._known[name] for name in self.declared if name in self._known and name not in t.NAMED}

    def named(self, word: s.Word, prefix: s.Word | None = None) -> t.Type:
        """The type of a name, with the prefix of an import or without."""
        name = word.text
        if prefix is not None:
            return self._of_import(prefix, word)
        if name in self._known:
            return self._known[name]
        decl = self.declared.get(name)
        if decl is None:
            if ("", name) in self.imported.types:
                return self.imported.types["", name]
            if "" in self.imported.broken:
                return t.UNKNOWN
            few = len(self.problems) < MOST_GUESSED
            known = [*t.NAMED, *self.declared, *self.imported.names("", "types")] if few else [*t.NAMED]
            there = _ELSEWHERE.get(name.lower())
            guess = f"write `{there}`" if there else did_you_mean(name, known)
            self._report(
                "F0206",
                f"no type is called `{name}`",
                word.span,
                guess or "declare it, `type Name = { … }`; for a choice write two or more words, `YES | NO`",
                _instead(word, there or nearest(name, known)),
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


def _instead(word: s.Word, better: str | None) -> Fix | None:
    """Another name for a type. Beyond doubt where it differs in case alone, or is what other languages call it."""
    if better is None:
        return None
    sure = better.casefold() == word.text.casefold() or word.text.lower() in _SAME
    return Fix(f"write `{better}`", (Edit(word.span, better),), safe=sure)


def _without(word: str, before: Span, option: Span) -> Fix | None:
    """A choice's option taken out with the bar before it, where nothing else stands there."""
    gap = option.source.span(before.end, option.end)
    between = option.source.text[before.end : option.start]
    return Fix(f"delete the second `{word}`", (Edit(gap, ""),)) if between.strip() == "|" else None
