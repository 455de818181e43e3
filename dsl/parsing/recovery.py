"""Error recovery. It reads a text with mistakes to its end and reports each of its mistakes once.

After a mistake the parser goes on at the next certain place: the next line of the same block that begins with `name =`
or `return`, the end of the block, or the next declaration. It skips a declaration whose brackets do not pair, because
it cannot know to which block its lines belong.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from ..diagnostics import Diagnostic, Fix
from ..source import Source, Span
from .brackets import Brackets, Unpaired, pair
from .inner_quotes import inner_quote
from .lexer import named
from .neighbours import begins_line, then
from .place import Place
from .readable import MOST_FINDINGS, MOST_TOKENS, too_deep, too_many_tokens
from .strings import read_string
from .syntax_errors import describe
from .tables import BAD, CLASS, END, STAGE, Tables
from .token import Token
from .tolerant import Tolerant

MOST_LOOKED_FOR = 200
"""The most mistakes to collect. It exceeds the number reported, because one fix mends all mistakes of its kind."""


def syntax_errors(source: Source, tables: Tables) -> list[Diagnostic]:
    """Return the diagnostics of a text that did not parse: at least one, and at most one for each line."""
    return Recovery(source, tables).findings()


_MEANT = {":": "COLON", "=": "EQUAL", "==": "COMPARE", "|": "VBAR", "": ""}


def _meant(found: Diagnostic, token: Token) -> str | None:
    """Return the type of the sign that the author certainly meant in place of a token.

    The empty text means that the token should be left out. None means that the intention is unclear.
    """
    if found.fix is None or len(found.fix.edits) != 1 or token.type in ("LPAR", "NAME"):
        return None
    (edit,) = found.fix.edits
    return _MEANT.get(edit.text.strip()) if edit.span.end == token.end_pos else None


def _joined(fixes: Sequence[Fix]) -> Fix:
    """Join fixes into one. If two of them change the same place, keep the first."""
    kept: list[Fix] = []
    taken: list[Span] = []
    for fix in fixes:
        spans = [edit.span for edit in fix.edits]
        if any(span.start < other.end and other.start < span.end for span in spans for other in taken):
            continue
        kept.append(fix)
        taken += spans
    title = ", ".join(dict.fromkeys(fix.title for fix in kept))
    return Fix(title, tuple(edit for fix in kept for edit in fix.edits), all(fix.safe for fix in kept))


class Recovery:
    """The parser of one text that goes on after a mistake."""

    def __init__(self, source: Source, tables: Tables) -> None:
        self.source = source
        self.tables = tables
        self.read = Tolerant(source, tables).read()
        self.tokens = self.read.tokens
        self.found: list[Diagnostic] = []
        self.escapes: list[Diagnostic] = []
        self.skipped: list[tuple[int, int]] = []

    def findings(self) -> list[Diagnostic]:
        if len(self.tokens) > MOST_TOKENS:
            return [too_many_tokens(self.source)]
        if deep := too_deep(self.source, self.tokens):
            return [deep]
        unpaired = Unpaired(self.source, self.tokens)
        for low, high in self._declarations():
            if len(self.found) >= MOST_LOOKED_FOR:
                break
            if brackets := pair(self.tokens, low, high):
                self._parse(low, high, brackets)
            elif stop := next((self._stop_at(place) for place in range(low, high) if self._is_bad(place)), None):
                # An unclosed text may hold the bracket that is missing.
                self._skip(low, high)
                self.found.append(stop)
            elif not (self.read.cut and high == len(self.tokens) - 1) and (blamed := unpaired.blame(low, high)):
                self._skip(low, high)
                self.found.append(blamed)
        return [*self._one_a_line(), *self.escapes]

    def _one_a_line(self) -> Iterable[Diagnostic]:
        """Keep the first diagnostic of each line, because later ones on a line mostly follow from it.

        Its fix also includes the other fixes of that line, and the fixes of equal mistakes that are not reported
        themselves.
        """
        notes = (
            note for note in self.read.notes if not any(low < note.span.start < high for low, high in self.skipped)
        )
        found = sorted([*self.found, *notes], key=lambda found: found.sort_key)
        told: dict[int, Diagnostic] = {}
        for one in found:
            if len(told) < MOST_FINDINGS:
                told.setdefault(one.span.line, one)
        alike = {one.message: line for line, one in told.items() if one.fix}
        more: dict[int, list[Fix]] = {}
        for one in found:
            line = one.span.line
            if told.get(line) is one or not one.fix:
                continue
            if line not in told or not told[line].fix:
                line = alike.get(one.message, 0)
            more.setdefault(line, []).append(one.fix)
        for line, one in told.items():
            yield replace(one, fix=_joined([one.fix, *more.get(line, ())])) if one.fix else one

    def _declarations(self) -> Iterator[tuple[int, int]]:
        """Divide the tokens into ranges, one for each declaration.

        Yield the first index and the index behind the last. A new range begins at a declaration that is indented no
        deeper than the first token.
        """
        tokens, last = self.tokens, len(self.tokens) - 1
        low = 0
        indent = self._column(0)
        for place in range(1, last):
            token = tokens[place]
            if (
                token.type in self.tables.declarations
                and tokens[place + 1].type in ("NAME", "STRING")
                and begins_line(self.source.text, tokens, place)
                and self._column(place) <= indent
            ):
                yield low, place
                low = place
        yield low, last

    def _column(self, place: int) -> int:
        return self.source.position(self.tokens[place].start_pos or 0)[1]

    def _parse(self, low: int, high: int, brackets: Brackets) -> None:
        """Parse one range of tokens and collect its mistakes."""
        tables = self.tables
        states, begins = [tables.start], [low]
        place = low
        while place <= high and len(self.found) < MOST_LOOKED_FOR:
            token = self.tokens[place]
            type = END if place == high else token.type
            if (
                place < high
                and type in tables.keywords.values()
                and tables.reads_as_name(
                    states, type, named(self.source.text, self.tokens, place), then(self.tokens, place)
                )
            ):
                type = token.type = "NAME"
            elif type == "STRING" and tables.begins_branch(states, then(self.tokens, place)):
                type = token.type = CLASS
            elif type == "ELSE" and tables.parts_stages(states, self.tokens[place + 1 : place + 2]):
                type = token.type = STAGE
            if type != BAD and self._step(states, begins, place, type):
                if type in ("STRING", CLASS):
                    self._check_escapes(place)
                place += 1
                continue
            if type == BAD:
                self.found.append(inner_quote(self.source, self.tokens, place) or self._stop_at(place))
            else:
                self.found.append(self._describe(states, place, high, brackets))
            if place == high:
                return
            meant = _meant(self.found[-1], token)
            if meant is not None:
                token.type = meant
                place += not meant
                continue
            resumed = self._resume(states, begins, place, high, brackets)
            self._skip(place, resumed)
            place = resumed

    def _step(self, states: list[int], begins: list[int], place: int, type: str) -> bool:
        """Feed one token to the parser. Return False if the token is not allowed there.

        ``begins`` holds an index for each state of the parser: that of the first token that belongs to the state.
        """
        tables = self.tables
        while True:
            action = tables.actions[states[-1]].get(type)
            if action is None:
                return False
            if action >= 0:
                states.append(action)
                begins.append(place)
                return True
            rule = tables.rules[-1 - action]
            begin = place
            if rule.size:
                begin = begins[-rule.size]
                del states[-rule.size :]
                del begins[-rule.size :]
            states.append(tables.gotos[states[-1]][rule.origin])
            begins.append(begin)
            if type == END and states[-1] == tables.end:
                return True

    def _describe(self, states: list[int], place: int, high: int, brackets: Brackets) -> Diagnostic:
        tables = self.tables
        expected = frozenset(type for type in tables.actions[states[-1]] if tables.advance(states, type) is not None)
        top = tables.declarations <= expected
        return describe(Place(self.source, self.tokens, place, expected, brackets, top, place == high))

    def _resume(self, states: list[int], begins: list[int], place: int, high: int, brackets: Brackets) -> int:
        """Return the index of the token at which to go on. Remove the states that do not hold there."""
        for depth in range(len(states) - 1, 0, -1):
            opener = begins[depth]
            # If a block waits for its reducer, its brace is already read.
            if states[depth] in self.tables.bodies and brackets.closing[opener] >= place:
                del states[depth + 1 :]
                del begins[depth + 1 :]
                closing = brackets.closing[opener]
                if self.tokens[place].type == "EQUAL" and brackets.around[place] == opener:
                    # The parser took the name before the `=` for the value of the line above.
                    place -= 1
                inside = (at for at in range(place, closing) if brackets.around[at] == opener)
                return next((at for at in inside if self._begins_step(states, at)), closing)
        del states[1:]
        del begins[1:]
        words = self.tables.declarations
        outside = (at for at in range(place + 1, high) if brackets.around[at] < 0 and self.tokens[at].type in words)
        return next((at for at in outside if begins_line(self.source.text, self.tokens, at)), high)

    def _begins_step(self, states: list[int], place: int) -> bool:
        type = self.tokens[place].type
        if not begins_line(self.source.text, self.tokens, place):
            return False
        if self.tokens[place + 1].type == "EQUAL" and type != BAD:
            return type in ("NAME", "STRING", CLASS) or self.tables.reads_as_name(
                states, type, True, then(self.tokens, place)
            )
        return type in self.tables.steps and self.tables.advance(states, type) is not None

    def _skip(self, low: int, high: int) -> None:
        self.skipped.append((self.tokens[low].start_pos or 0, self.tokens[high].start_pos or 0))

    def _is_bad(self, place: int) -> bool:
        return self.tokens[place].type == BAD

    def _stop_at(self, place: int) -> Diagnostic:
        return self.read.stops[self.tokens[place].start_pos or 0]

    def _check_escapes(self, place: int) -> None:
        token = self.tokens[place]
        if "\\" in token and len(self.escapes) < MOST_FINDINGS:
            read_string(self.source, token.start_pos or 0, token.end_pos or 0, self.escapes)
