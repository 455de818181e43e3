"""The search for a quote in a text. It finds the words of the quote, and never a part of a word or of a number."""

from __future__ import annotations

import unicodedata
from bisect import bisect_left
from collections.abc import Iterator

from flowrun.dsl import dataclass, pattern

from .normal_text import GONE, Joint, NormalText, normal

MOST_WORK = 100_000
"""The most places that are tried for a quote; a long quote has fewer. Only a text made to waste time has more."""

_UNSPACED = (
    "\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u2e80-\u2fdf\u3005-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
"""The scripts that put no blanks between words: Thai, Lao, Tibetan, Burmese, Khmer, Chinese and Japanese."""
_FREE = pattern(f"[{_UNSPACED}]")
_BREAK = pattern(rf"[\W_{_UNSPACED}]")
_GAP = pattern(r"\.{3,}|\[\.\.")


@dataclass(frozen=True, slots=True)
class Passage:
    """A part of a text, by the offsets of its first character and of the character behind its last, in code points."""

    start: int
    end: int


class Quote:
    """A quote in its normal form, without the blanks around it."""

    def __init__(self, form: NormalText, first: int, end: int) -> None:
        self.text = form.text[first:end]
        self.joints = {place - first: joint for place, joint in form.joints.items() if first < place < end}

        self.sure_joints = sum(not joint.spellings & GONE for joint in self.joints.values())

    @property
    def has_word(self) -> bool:
        return any(char.isalnum() for char in self.text)

    @property
    def has_gap(self) -> bool:
        """True if an ellipsis inside the quote seems to stand for words that were left out."""
        return _GAP.search(self.text) is not None


def quotes_in(said: str) -> Iterator[Quote]:
    """Yield the quote as an answer has it, then without the quotation marks and ellipses around it."""
    form = NormalText(said)
    first, end = _trimmed(form.text, 0, len(form.text))
    yield Quote(form, first, end)
    bare, last = (first, end), None
    while bare != last:
        last, bare = bare, _bared(form, *bare)
    # A dash right beside the marks may be the sign of a number, so it must not get lost with them.
    if bare == (first, end) or not all(bare[0] < place < bare[1] for place in form.joints):
        return
    if not _beside_dash(form.text, *bare):
        yield Quote(form, *bare)


def _beside_dash(text: str, first: int, end: int) -> bool:
    """Return True if the marks around a quote stand right beside a dash of it."""
    opens = text[first : first + 1] == "-" and text[max(0, first - 1) : first] not in ("", " ")
    closes = text[max(first, end - 2) : end][-1:] == "-" and text[max(first, end - 2) : end - 1] not in ("", " ")
    return opens or (closes and text[end:].strip(" ") != "")


def _trimmed(text: str, first: int, end: int) -> tuple[int, int]:
    """Return the bounds of a text without the blanks around it."""
    while first < end and text[first] == " ":
        first += 1
    while first < end and text[end - 1] == " ":
        end -= 1
    return first, end


def _bared(form: NormalText, first: int, end: int) -> tuple[int, int]:
    """Return the bounds of a text without one pair of quotation marks, or one ellipsis, around it."""
    text = form.text
    for mark in ("[...]", "(...)"):
        if text.startswith(mark, first, end):
            first += len(mark)
        if text.endswith(mark, first, end):
            end -= len(mark)
    first += _dots(form, range(first, end))
    end -= _dots(form, range(end - 1, first - 1, -1))
    if end - first >= 2 and text[first] == text[end - 1] and text[first] in "'\"":
        first, end = first + 1, end - 1
    return _trimmed(text, first, end)


def _dots(form: NormalText, places: range) -> int:
    """Count the dots from the first of some places on. Fewer than three are no ellipsis."""
    count = 0
    for place in places:
        joined = count and (place if places.step > 0 else place + 1) in form.joints
        if form.text[place] != "." or joined:
            break
        count += 1
    return count if count >= 3 else 0


def passages(said: str, text: str) -> Iterator[Passage]:
    """Yield the places of a quote in a text, from the first to the last. No two of them overlap."""
    source = normal(text)
    for quote in quotes_in(said):
        found = _places(quote, source) if quote.has_word else iter(())
        if (first := next(found, None)) is not None:
            yield first
            yield from found
            return


def _places(quote: Quote, source: NormalText) -> Iterator[Passage]:
    size = len(quote.text)
    place, work = source.text.find(quote.text), 0
    while place >= 0 and work < MOST_WORK:
        work += 1
        end = place + size
        if not _begins_word(source, place):
            place = source.text.find(quote.text, _next_edge(source, place))
            continue
        found = _passage(quote, source, place, end)
        if found is not None:
            yield found
            place = source.text.find(quote.text, end)
        else:
            work += len(quote.joints) // 8
            place = source.text.find(quote.text, place + 1)


def _passage(quote: Quote, source: NormalText, place: int, end: int) -> Passage | None:
    """Return the passage at a place, None if it cuts a letter or a word there, or if it has other joints."""
    start, stop = source.start(place), source.end(end)
    if start is None or stop is None or not _ends_word(source, end) or not _joined_alike(quote, source, place, end):
        return None
    return Passage(start, stop)


def _joined_alike(quote: Quote, source: NormalText, place: int, end: int) -> bool:
    """Tell whether the joints inside a place may be spelled like those of the quote."""
    places = source.joint_places
    first, behind = bisect_left(places, place + 1), bisect_left(places, end)
    if behind - first < quote.sure_joints:
        return False
    seen = 0
    for number in range(first, behind):
        at = places[number]
        own = quote.joints.get(at - place)
        seen += own is not None
        if not source.joints[at].spellings & (GONE if own is None else own.spellings):
            return False
    return seen == len(quote.joints) or all(
        joint.spellings & GONE for at, joint in quote.joints.items() if place + at not in source.joints
    )


def _next_edge(source: NormalText, place: int) -> int:
    """Return the next place after this one at which a word may begin."""
    joints = source.joint_places
    at = bisect_left(joints, place + 1)
    edge = joints[at] if at < len(joints) else len(source.text)
    found = _BREAK.search(source.text, place + 1, edge)
    return found.start() if found else edge


def _word(char: str) -> bool:
    return char.isalnum() or unicodedata.category(char)[0] == "M"


def _free(char: str) -> bool:
    return _FREE.match(char) is not None


def _begins_word(source: NormalText, place: int) -> bool:
    """Tell whether a quote may begin at a place: at the edge of a word or of a number."""
    return _edge(source, place, -1)


def _ends_word(source: NormalText, place: int) -> bool:
    return _edge(source, place, 1)


def _edge(source: NormalText, place: int, way: int) -> bool:
    """Tell whether a quote may end at a place. ``way`` is 1 if the quote is before the place, -1 if it is behind it."""
    text = source.text
    inner, outer = (place - 1, place) if way > 0 else (place, place - 1)
    if not 0 <= outer < len(text):
        return True
    own, other = text[inner], text[outer]
    joint = source.joints.get(place)
    if joint is not None:
        return not _word(own) or joint.parts or (way < 0 and _only_blank(joint))
    beyond = outer + way
    far = text[beyond] if 0 <= beyond < len(text) and max(outer, beyond) not in source.joints else " "
    back = inner - way
    near = text[back] if 0 <= back < len(text) and max(inner, back) not in source.joints else " "
    if _word(own):
        if _word(other):
            return _free(own) or _free(other)
        return not (_links(own, other, far) or (own.isdigit() and _of_number(other, way, far)))
    return not (_word(other) and _links(near, own, other)) and not (_measures(own) and other.isdigit())


def _links(one: str, between: str, other: str) -> bool:
    """Tell whether a sign is inside of a word, as in `can\'t`, or inside of a number, as in 1.5."""
    if between in "'_":
        return _word(one) and _word(other)
    return between in ".,:" and one.isdigit() and other.isdigit()


def _measures(sign: str) -> bool:
    """Tell whether a sign gives a number its measure, as in 5% and $5."""
    return sign in "%\u2030\u00b0" or unicodedata.category(sign) == "Sc"


def _of_number(sign: str, way: int, far: str) -> bool:
    """Tell whether a sign before (``way`` -1) or behind a digit belongs to the number, as in -5, .5 and 5%."""
    return _measures(sign) or (way < 0 and (sign == "-" or (sign == "." and not _word(far))))


def _only_blank(joint: Joint) -> bool:
    return joint.spellings == 4
