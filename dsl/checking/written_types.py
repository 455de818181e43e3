"""The reader of written types. It looks up their names and refuses circles."""

from __future__ import annotations

from collections.abc import Sequence

from .. import syntax as s
from .. import types as t
from ..diagnostics import Diagnostic, Edit, Fix, Label, did_you_mean, nearest
from ..graph import components, cycles
from ..parsing.build_values import LABEL_WORDS
from ..picture_words import no_row
from ..source import Span
from ..spelling import MOST_GUESSED
from ..texts import text_key
from .callees import Imported
from .extents import Extents
from .label_places import LABEL_WAY
from .long_lists import few, shortened
from .sizes import sized_list, sized_text
from .unions import ELSEWHERE, WORDS_ONLY, Kind, union

_RESERVED = frozenset(t.NAMED) - t.YIELDING
_KINDS: dict[type, Kind] = {s.TypeRecord: "record", s.TypeUnion: "record", s.TypeChoice: "choice"}


class WrittenTypes:
    """The reader of the types of one file. When it is made, it reports the problems of the declarations once."""

    def __init__(self, file: s.File, problems: list[Diagnostic], imported: Imported) -> None:
        self.problems = problems
        self.imported = imported
        self.declared = {decl.name.text: decl for decl in file.types}
        self._known: dict[str, t.Type] = dict(t.NAMED)
        self._extents = Extents()
        self._told_of_size = False
        self._declaring = ""
        self._asked: set[str] = set()
        for decl in file.types:
            if decl.name.text in _RESERVED:
                self._report(
                    "F0202", f"the language has a type `{decl.name.text}`", decl.name.span, "choose another name"
                )
        self._declarations({name: decl for name, decl in self.declared.items() if name not in _RESERVED})

    def _declarations(self, declared: dict[str, s.TypeDecl]) -> None:
        """Read the declarations of types. Each is read after the types that it mentions, without recursion."""
        if not declared:
            return
        from .type_parts import mentioned

        mentions = {name: mentioned(decl.type) for name, decl in declared.items()}
        needs = {name: [need for need in words if need in declared] for name, words in mentions.items()}
        for circle in cycles(needs):
            self._circle(circle, declared, mentions)
        for knot in components(needs):
            # A type that contains itself, directly or through others, is unknown in this place.
            self._known.update(dict.fromkeys(knot, t.UNKNOWN))
            self._known.update({name: self._declaration(name, declared[name]) for name in knot})

    def _declaration(self, name: str, decl: s.TypeDecl) -> t.Type:
        self._declaring = name
        type_ = self._read(decl.type)
        self._declaring = ""
        if isinstance(type_, t.Record):
            type_ = t.Record(type_.fields, name)
        elif isinstance(type_, t.Union):
            type_ = t.Union(type_.members, type_.tag, name)
        return self.limited(type_, decl.name.span)

    def _circle(
        self, circle: list[str], declared: dict[str, s.TypeDecl], mentions: dict[str, dict[str, s.Word]]
    ) -> None:
        name = circle[0]
        way = " → ".join(few([*circle, name]))
        self.problems.append(
            Diagnostic(
                "F0204",
                f"the type `{shortened(name)}` contains itself: {way}",
                mentions[circle[-1]][name].span,
                labels=(Label(declared[name].name.span, "declared here"),),
                note="a type that contains itself has no fixed shape, and an answer needs one",
                help="keep the parts in a separate list, and refer to each part by an id",
            )
        )

    def limited(self, type_: t.Type, span: Span, what: str = "this type") -> t.Type:
        """Return the type, or unknown if it is too large.

        Only the first type that is too large is reported, because all types made from it are too large as well.
        """
        too_much = self._extents.too_much(type_)
        if too_much is None:
            return type_
        if not self._told_of_size:
            self._told_of_size = True
            self.problems.append(
                Diagnostic(
                    "F0104",
                    f"written out, {what} {too_much}",
                    span,
                    note="each mention of a type counts all parts of that type",
                    help="pass on only the fields that later steps need, or write `json` for a field that no "
                    "step reads",
                )
            )
        return t.UNKNOWN

    def _report(self, code: str, message: str, span: Span, help: str = "", fix: Fix | None = None) -> None:
        self.problems.append(Diagnostic(code, message, span, help=help, fix=fix))

    def read(self, written: s.TypeExpr) -> t.Type:
        return self.limited(self._read(written), written.span)

    def read_data(self, written: s.TypeExpr, what: str) -> t.Type:
        """Read the type of a value that no model answers. ``what`` tells what the value is."""
        return self.of_data(self.read(written), written.span, what)

    def of_data(self, type_: t.Type, span: Span, what: str) -> t.Type:
        """Report the quotes in the type of a value that no model answers, and read them as texts."""
        if sources := t.quotes_of(type_):
            named = (
                f"`{type_.name}` has a quote of `{sources[0]}`"
                if isinstance(type_, t.Record | t.Union) and type_.name
                else ""
            )
            self._report(
                "F0532",
                f"{named or 'a quote stands here'}, and {what} is no answer of a model",
                span,
                "write `text` instead of the quote: only the answer of an ask is checked against its source",
            )
        return t.without_quotes(type_)

    def row(self, word: s.Word, prefix: s.Word | None = None) -> t.Type:
        """Return the type that a function such as `csv` gets by its name."""
        type_ = self.named(word, prefix)
        if refused := no_row(type_, word.span):
            self.problems.append(refused)
            return t.UNKNOWN
        return self.of_data(type_, word.span, "a row of a file")

    def _read(self, written: s.TypeExpr) -> t.Type:
        match written:
            case s.TypeName(word):
                return self.named(word, written.prefix)
            case s.TypeUnion(options):
                bare = [one.word.text for one in options if isinstance(one, s.TypeName) and not one.prefix]
                if not all(map(self._kind, bare)):
                    for one in options:
                        if not isinstance(one, s.TypeName) or one.prefix:
                            self._report("F0301", "a choice has only words, and this is a type", one.span, WORDS_ONLY)
                    return t.UNKNOWN
                return self._union(written, options)
            case s.TypeChoice(options) if all(map(self._is_record, options)):
                return self._union(written, [s.TypeName(one, one.span) for one in options if isinstance(one, s.Word)])
            case s.TypeChoice(options):
                if refused := union(written, self._kind):
                    self.problems.append(refused)
                    return t.UNKNOWN
                return self._choice(options)
            case s.TypeRange(low, high):
                if low > high:
                    help = f"write `{high}..{low}`"
                    fix = Fix(help, (Edit(written.span, f"{high}..{low}"),))
                    self._report("F0402", f"the range is empty: {low} is greater than {high}", written.span, help, fix)
                return t.Range(low, high)
            case s.TypeSized():
                return sized_text(written, self.problems)
            case s.TypeList(item):
                return sized_list(written, self._read(item), self.problems)
            case s.TypeQuote():
                return t.Quote(written.source)
            case s.TypeOptional(item):
                return t.Optional(self._read(item))
            case s.TypeRecord():
                return self._record(written)

    def read_offer(self, words: tuple[s.Word | s.String, ...], span: Span) -> t.Type:
        """Read the words that a person is offered beside any other text."""
        if refused := union(s.TypeChoice(words, span), self._kind):
            self.problems.append(refused)
            return t.UNKNOWN
        return t.OpenChoice(self._choice(words).options)

    def _choice(self, options: tuple[s.Word | s.String, ...]) -> t.Choice:
        words: list[str] = []
        seen: dict[str, str] = {}
        twice: list[tuple[s.Word | s.String, s.Word | s.String]] = []
        for place, option in enumerate(options):
            word = option.text if isinstance(option, s.Word) else option.value
            key = text_key(word)
            if not key:
                self._report("F0301", "an empty text cannot be a choice", option.span)
            elif key not in seen:
                words.append(word)
                seen[key] = word
            elif word.lower() == seen[key].lower():
                twice.append((options[place - 1], option))
            else:
                from .type_parts import alike

                self.problems.append(alike(seen[key], word, option.span))
        for before, option in twice:
            from .type_parts import repeated

            word = option.text if isinstance(option, s.Word) else option.value
            self.problems.append(repeated(word, before.span, option.span, single=len(words) == 1))
        return t.Choice(tuple(words))

    def _is_record(self, option: s.Word | s.String) -> bool:
        return isinstance(option, s.Word) and self._kind(option.text) == "record"

    def _union(self, written: s.TypeExpr, options: Sequence[s.TypeExpr]) -> t.Type:
        read = [(self._read(option), option.span) for option in options]
        from .tagged_unions import union_of

        found = union_of(read, written.span)
        if isinstance(found, Diagnostic):
            self.problems.append(found)
            return t.UNKNOWN
        return found

    def _kind(self, name: str) -> Kind | None:
        """Return the kind of type that a word between bars names. A type of this file may not be read yet."""
        if name in self.declared:
            written = self.declared[name].type
            if isinstance(written, s.TypeChoice):
                # A type of this file may be a union, too. A circle of them is told elsewhere.
                if name in self._asked:
                    return "record"
                self._asked.add(name)
                several = all(map(self._is_record, written.options))
                self._asked.discard(name)
                return "record" if several else "choice"
            return _KINDS.get(type(written), "other")
        known = None if name in t.YIELDING else t.NAMED.get(name)
        known = known or self.imported.types.get(("", name))
        if known is None:
            return None
        return (
            "record" if isinstance(known, t.Record | t.Union) else "choice" if isinstance(known, t.Choice) else "other"
        )

    def _of_import(self, prefix: s.Word, word: s.Word) -> t.Type:
        from .imported_types import imported_type

        found = imported_type(self.imported, prefix, word)
        if isinstance(found, Diagnostic):
            self.problems.append(found)
            return t.UNKNOWN
        return found

    def _record(self, written: s.TypeRecord) -> t.Record:
        fields: dict[str, t.Field] = {}
        for field in written.fields:
            name = field.name.text
            if name in fields:
                self._report("F0202", f"the field `{name}` appears twice", field.name.span, "keep only one of the two")
            fields[name] = t.Field(name, self._read(field.type), field.description.value if field.description else "")
        if not fields:
            self._report("F0404", "a record needs at least one field", written.span)
        return t.Record(tuple(fields.values()))

    @property
    def declared_types(self) -> dict[str, t.Type]:
        """The types that this file declares."""
        return {name: self._known[name] for name in self.declared if name in self._known and name not in _RESERVED}

    def named(self, word: s.Word, prefix: s.Word | None = None) -> t.Type:
        """Return the type of a name, which may have the prefix of an import. Report an unknown name."""
        name = word.text
        if prefix is not None:
            return self._of_import(prefix, word)
        if ("", name) in self.imported.types and (name not in self._known or name in t.YIELDING - {*self.declared}):
            return self.imported.types["", name]
        if name in self._known:
            return self._known[name]
        if "" in self.imported.broken:
            return t.UNKNOWN
        few_so_far = len(self.problems) < MOST_GUESSED
        known = [*t.NAMED, *self.declared, *self.imported.names("", "types")] if few_so_far else [*t.NAMED]
        there = ELSEWHERE.get(name.lower())
        guess = f"write `{there}`" if there else LABEL_WAY if name in LABEL_WORDS else did_you_mean(name, known)
        near = nearest(name, known)
        if near and near == self._declaring:
            # A type cannot contain itself. In a field that tells records apart, its name was meant as a word.
            word_fix = Fix(f'write `"{name}"`', (Edit(word.span, f'"{name}"'),), safe=False)
            self._report("F0206", f"no type is called `{name}`", word.span, f'for the word write `"{name}"`', word_fix)
            return t.UNKNOWN
        from .type_parts import instead

        self._report(
            "F0206",
            f"no type is called `{name}`",
            word.span,
            guess or "declare the type, `type Name = { … }`; for a choice write two or more words, `YES | NO`",
            instead(word, there or near),
        )
        return t.UNKNOWN
