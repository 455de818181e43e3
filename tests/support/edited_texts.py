"""Random edits of flows as an editor makes them, and the findings of `validate` in the protocol's form."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

from flowrun.dsl import Diagnostic
from flowrun.runtime.cli.checks import Checks

CORPUS = Path(__file__).parent.parent / "corpus"
PIECES = (
    *'ask flow map x in } { " ( ) -> . , | é 😀 0 1.5 with untrusted test expect if else match'.split(),
    *"loop ?? == ' ; && import".split(),
    *("repeat 3 {", "{{ ", " }}", '"""', "reduce majority", "return", "A | B", "model m =", "# c", "type T {"),
    *("\t", " ", "\n", "\r\n", "\n\n", "\ufeff", "\u2028"),
)


def corpus_texts() -> list[str]:
    """The texts of the corpus, without those that need other files."""
    paths = [*sorted((CORPUS / "ok").glob("*.flow")), *sorted((CORPUS / "lint").glob("*.flow"))]
    texts = [path.read_text(encoding="utf-8") for path in paths]
    return [text for text in texts if len(text) < 4000]


def lines_of(text: str) -> list[str]:
    """The lines of an editor's text, each with its end."""
    lines, start, at = [], 0, 0
    while at < len(text):
        wide = text[at : at + 2] == "\r\n"
        at += 2 if wide else 1
        if wide or text[at - 1] in "\r\n":
            lines.append(text[start:at])
            start = at
    return [*lines, text[start:]]


def units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def place_of(text: str, at: int) -> dict[str, int]:
    """The place of an offset in an editor's text, in UTF-16."""
    start = 0
    lines = lines_of(text)
    for number, line in enumerate(lines):
        body = line.rstrip("\r\n")
        if at <= start + len(body) or number == len(lines) - 1:
            return {"line": number, "character": units(body[: at - start])}
        start += len(line)
        if at < start:  # between the two characters of a line end
            return {"line": number + 1, "character": 0}
    raise AssertionError("a text has a line")


def random_edit(rng: Random, text: str, others: list[str]) -> tuple[int, int, str]:
    """Draw a part of a text and what replaces it: a key, a word, a paste, a cut, or a moved line."""
    at = rng.randrange(len(text) + 1)
    if text[at - 1 : at + 1] == "\r\n":
        at += 1
    kind = rng.random()
    if kind < 0.35:
        return at, at, rng.choice(PIECES)
    end = min(len(text), at + rng.choice((1, 1, 2, 5, 20, 200)))
    if text[end - 1 : end + 1] == "\r\n":
        end += 1
    if kind < 0.65:
        return at, end, ""
    if kind < 0.8:
        return at, end, rng.choice(PIECES)
    if kind < 0.9:
        other = rng.choice(others)
        start = rng.randrange(len(other) + 1)
        return at, at, other[start : start + rng.choice((5, 50, 300))]
    lines = lines_of(text)
    return at, at, rng.choice(lines)


def keys(rng: Random, start: int, end: int, new: str) -> Iterator[tuple[int, int, str]]:
    """One edit as an editor sends it: whole, or key by key."""
    if len(new) < 12 and "\r" not in new and start == end and rng.random() < 0.5:
        for number, key in enumerate(new):
            yield start + number, start + number, key
    else:
        yield start, end, new


def validated(paths: list[Path], texts: dict[str, str]) -> dict[str, list[dict[str, Any]]]:
    """The findings of `validate` for files on the disk, by address. ``texts`` are the editor's own texts."""
    found: dict[str, list[dict[str, Any]]] = {path.as_uri(): [] for path in paths}
    for one in Checks().all(sorted(str(path) for path in paths)):
        uri = Path(one.span.source.name).as_uri()
        found.setdefault(uri, []).append(shown(one, texts[uri]))
    return found


def shown(one: Diagnostic, text: str) -> dict[str, Any]:
    """A finding with what an editor shows of it, from its line and column."""
    parts = [one.message]
    parts += [f"note: {one.note}"] if one.note else []
    parts += [f"help: {one.help}"] if one.help else []
    source = one.span.source
    ends = [_place(source.position(at), text) for at in (one.span.start, max(one.span.start, one.span.end))]
    return {
        "code": one.code,
        "message": "\n".join(parts),
        "severity": 1 if one.severity == "error" else 2,
        "range": {"start": ends[0], "end": ends[1]},
    }


def _place(position: tuple[int, int], text: str) -> dict[str, int]:
    line, column = position
    whole = lines_of(text)[line - 1]
    marks = len(text) - len(text.lstrip("\ufeff")) if line == 1 else 0
    return {"line": line - 1, "character": units(whole[: marks + column - 1])}


def plain(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The findings that came over the protocol, as an editor shows them."""
    return [{name: one[name] for name in ("code", "message", "severity", "range")} for one in found]
