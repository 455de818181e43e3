"""The places of an editor: units, line ends, marks, and changes, against conversions that share no code with them."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowrun.dsl import Source, ide
from flowrun.runtime.ide import addresses
from flowrun.runtime.ide.addresses import path_of, uri_of
from flowrun.runtime.ide.documents import Change, Document, Documents, replaced
from flowrun.runtime.ide.kinds import COMPLETION, SYMBOL, TOKEN
from flowrun.runtime.ide.layout import line_edits
from flowrun.runtime.ide.places import Place, Places
from flowrun.runtime.ide.tokens import numbers

ENCODINGS = ("utf-8", "utf-16", "utf-32")
CODECS = {"utf-8": "utf-8", "utf-16": "utf-16-le", "utf-32": "utf-32-le"}
WIDTH = {"utf-8": 1, "utf-16": 2, "utf-32": 4}
PIECES = st.sampled_from([*"aé漢😀\n\r\t\u2028\x0b\x0c\x85\ufeff", "b c", "\r\n", "👩\u200d💻", "{{ x }}", "e\u0301"])
TEXTS = st.lists(PIECES, max_size=30).map("".join)


def editor_lines(text: str) -> list[str]:
    """The lines of a text as the protocol has them, each with its end, found character by character."""
    lines, line, at = [], "", 0
    while at < len(text):
        end = text[at : at + 2] if text[at : at + 2] == "\r\n" else text[at]
        line += end
        at += len(end)
        if end in ("\r\n", "\n", "\r"):
            lines.append(line)
            line = ""
    return [*lines, line]


def counted(text: str, encoding: str) -> int:
    """The units of a text, by its bytes."""
    return len(text.encode(CODECS[encoding])) // WIDTH[encoding]


def every_place(text: str, encoding: str) -> list[tuple[int, Place]]:
    """Each character of an editor's text with its place; the inner of a line end is left out."""
    found, start = [], 0
    for number, line in enumerate(editor_lines(text)):
        body = line.rstrip("\r\n")
        found += [(start + one, Place(number, counted(body[:one], encoding))) for one in range(len(body) + 1)]
        start += len(line)
    return found


def normal(text: str, at: int) -> int:
    """The offset in the text that the checker reads, of an offset in the editor's text."""
    marks = len(text) - len(text.lstrip("\ufeff"))
    return len(text[marks:at].replace("\r\n", "\n"))


@pytest.mark.parametrize("encoding", ENCODINGS)
@settings(max_examples=50, deadline=None)
@given(text=TEXTS)
def test_each_place_of_an_editor_is_the_place_in_the_text(text: str, encoding: str) -> None:
    places = Document("file:///x.flow", text, 1).places(encoding)
    marks = len(text) - len(text.lstrip("\ufeff"))
    for at, place in every_place(text, encoding):
        if at >= marks:
            assert places.offset(place) == normal(text, at)
            assert places.place(normal(text, at)) == place
    assert places.lines == len(editor_lines(text))


@pytest.mark.parametrize("encoding", ENCODINGS)
@settings(max_examples=50, deadline=None)
@given(text=TEXTS, new=TEXTS, data=st.data())
def test_a_change_replaces_just_its_part(text: str, new: str, encoding: str, data: st.DataObject) -> None:
    places = every_place(text, encoding)
    (start, first), (end, last) = sorted(data.draw(st.tuples(st.sampled_from(places), st.sampled_from(places))))
    assert replaced(text, Change(new, first, last), encoding) == text[:start] + new + text[end:]
    assert replaced(text, Change(new, last, first), encoding) == text[:start] + new + text[end:]
    assert replaced(text, Change(new), encoding) == new


def test_a_place_outside_of_the_text_becomes_the_nearest() -> None:
    text = "one\r\ntwö 😀"
    assert replaced(text, Change("!", Place(9, 0), Place(99, 9)), "utf-16") == text + "!"
    assert replaced(text, Change("!", Place(0, 99), Place(0, 99)), "utf-16") == "one!\r\ntwö 😀"
    assert replaced(text, Change("!", Place(1, 99), Place(1, 99)), "utf-16") == text + "!"
    places = Places(Source(text))
    assert places.offset(Place(-1, 5)) == 0
    assert places.offset(Place(0, -5)) == 0
    assert places.offset(Place(1, 5)) == places.offset(Place(1, 4))  # inside of the pair of surrogates
    assert places.offset(Place(5, 0)) == len(places.source.text)
    assert places.place(-3) == Place(0, 0)
    assert places.place(10**9) == Place(1, 6)


def test_the_checker_reads_no_half_characters_and_no_marks() -> None:
    one = Document("file:///x.flow", "\ufeff\ufeffa\ud83d\r\nb", 1)
    assert one.source.text == "a\ufffd\nb"
    assert one.places("utf-16").place(1) == Place(0, 3)
    assert one.places("utf-8").place(1) == Place(0, 7)
    assert one.as_written("x\ny") == "x\r\ny"
    assert Document("file:///x.flow", "a\rb", 1).as_written("x\ny") == "x\ry"
    assert Document("file:///x.flow", "a\nb", 1).as_written("x\ny") == "x\ny"


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("file:///a/b.flow", "/a/b.flow"),
        ("file:///a/%C3%BC%20%23%3F%3B.flow", "/a/ü #?;.flow"),
        ("file:///a/ü;v=1.flow", "/a/ü;v=1.flow"),
        ("file:///a/b#c?d.flow", "/a/b#c?d.flow"),
        ("file://localhost/a/b.flow", "/a/b.flow"),
        ("file:///a/../b.flow", "/b.flow"),
        ("file:///a/%FF.flow", "/a/\udcff.flow"),
        ("file:/a/b.flow", "/a/b.flow"),
        ("untitled:Untitled-1", ""),
        ("vscode-notebook-cell:/a/b.flow", ""),
        ("file:///a%00b", ""),
        ("file://[", ""),
        ("", ""),
    ],
)
def test_an_address_is_a_path_or_none(uri: str, path: str) -> None:
    assert path_of(uri) == path
    if path:
        assert path_of(uri_of(path)) == path


def test_a_path_of_windows_has_its_drive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "_WINDOWS", True)
    assert path_of("file:///C%3A/a/b%20c.flow") == "c:\\a\\b c.flow"
    assert path_of("file:///c:/a.flow") == "c:\\a.flow"
    assert path_of("file://host/share/a.flow") == "\\\\host\\share\\a.flow"


def test_a_name_that_is_an_address_stays() -> None:
    assert uri_of("untitled:Untitled-1") == "untitled:Untitled-1"


def test_the_document_that_was_opened_first_stands_for_its_file() -> None:
    documents = Documents()
    documents.put(Document("file:///a/x.flow", "one", 1))
    documents.put(Document("file:///a/%78.flow", "two", 1))
    assert documents.sources()["/a/x.flow"].text == "one"
    found = documents.at("/a/x.flow")
    assert found is not None and found.text == "one"
    documents.drop("file:///a/x.flow")
    assert documents.sources()["/a/x.flow"].text == "two"
    assert documents.at("") is None


@settings(max_examples=80, deadline=None)
@given(before=TEXTS, after=TEXTS)
def test_edits_of_lines_make_the_other_text(before: str, after: str) -> None:
    source, wanted = Source(before), Source(after).text
    made, at = [], 0
    for one in line_edits(source, wanted):
        made += [source.text[at : one.span.start], one.text]
        at = one.span.end
    assert "".join([*made, source.text[at:]]) == wanted


def test_every_kind_and_role_has_its_place_in_the_protocol() -> None:
    kinds = set(ide.values.NameKind.__args__)  # type: ignore[attr-defined]
    assert set(COMPLETION) == kinds
    assert set(SYMBOL) <= kinds
    assert set(TOKEN) == set(ide.values.ROLES)


def test_tokens_are_numbers_that_lead_from_piece_to_piece() -> None:
    source = Source('ask "ä😀\n\nb" x')
    pieces = (ide.TokenSpan(0, 3, "keyword"), ide.TokenSpan(4, 11, "string"), ide.TokenSpan(12, 13, "step", True))
    made = numbers(pieces, Places(source))
    line = column = 0
    read = []
    for at in range(0, len(made), 5):
        down, right, length, *_ = made[at : at + 5]
        line, column = line + down, (0 if down else column) + right
        read.append((line, column, length))
    assert read == [(0, 0, 3), (0, 4, 4), (2, 0, 2), (2, 3, 1)]
    assert made[-1] & 1


def test_many_places_of_a_long_line_are_found_quickly() -> None:
    text = "é😀" * 200_000
    places = Places(Source(text))
    rng = Random(1)
    for _ in range(2000):
        at = rng.randrange(len(text))
        assert places.offset(places.place(at)) == at
