"""Random edits over the protocol: after each one the editor shows just what `validate` finds, and nothing fails."""

from __future__ import annotations

import os
import time
from pathlib import Path
from random import Random
from typing import Any

import pytest

from support.edited_texts import corpus_texts, keys, place_of, plain, random_edit, validated
from support.editor import Editor, RefusedError, editor

SECONDS = float(os.environ.get("FLOWRUN_SECONDS") or (600 if os.environ.get("FLOWRUN_SOAK") else 0))
"""Ten minutes in a soak, for each of the two tests of edits. FLOWRUN_SECONDS says otherwise."""
LEAST = 60
"""The edits of each test in any case."""
REFUSALS = {-32803, -32801}
"""The errors that a server may answer: a request that it refuses, and a text that has changed."""
LIB = """\
type Note = {
  title: text
}

flow shorten(words: text) {
  y = ask "Short: {{ words }}" -> Note
  return y
}
"""
MAIN = """\
import "lib.flow"

prompt head(n: Note) from "head.md"

flow f(mail: text) {
  x = shorten(mail)
  z = ask head(x)
  return z
}
"""
PROMPT = "Write a head for {{ n.title }}.\n"


async def questions(rng: Random, server: Editor, uri: str, text: str) -> None:
    """Ask what an editor asks, at a random place. Every answer is one, or a refusal."""
    at = place_of(text, rng.randrange(len(text) + 1))
    about: list[tuple[str, dict[str, Any]]] = [
        (name, {"position": at})
        for name in ("hover", "completion", "signatureHelp", "definition", "documentHighlight", "prepareRename")
    ]
    whole = {"start": {"line": 0, "character": 0}, "end": {"line": 10**6, "character": 0}}
    about += [
        ("references", {"position": at, "context": {"includeDeclaration": True}}),
        ("rename", {"position": at, "newName": rng.choice(["fresh", "x", "ask", "9"])}),
        ("selectionRange", {"positions": [at, at]}),
        ("formatting", {"options": {"tabSize": 2, "insertSpaces": True}}),
        ("codeAction", {"range": whole, "context": {"diagnostics": []}}),
        ("inlayHint", {"range": whole}),
        *((name, {}) for name in ("documentSymbol", "foldingRange", "semanticTokens/full", "documentLink", "codeLens")),
    ]
    for name, params in rng.sample(about, 4):
        try:
            await server.ask(f"textDocument/{name}", uri, **params)
        except RefusedError as error:
            assert error.code in REFUSALS, (name, error.error, text)


@pytest.mark.parametrize("seed", [int(os.environ.get("FLOWRUN_SEED", "1"))])
async def test_after_each_edit_the_editor_shows_what_validate_finds(seed: int, tmp_path: Path) -> None:
    rng = Random(seed)
    texts = corpus_texts()
    path = tmp_path / "a.flow"
    uri = path.as_uri()
    until = time.monotonic() + SECONDS
    edits = 0
    async with editor(tmp_path, quick=True) as server:
        version = 1
        while edits < LEAST or time.monotonic() < until:
            text = rng.choice(texts)
            if rng.random() < 0.3:
                text = "\ufeff" * rng.randrange(2) + text.replace("\n", rng.choice(["\r\n", "\r"]))
            server.open(uri, text, version)
            for _ in range(rng.randrange(1, 25)):
                for start, end, new in keys(rng, *random_edit(rng, text, texts)):
                    version += 1
                    edits += 1
                    part = {"start": place_of(text, start), "end": place_of(text, end)}
                    text = text[:start] + new + text[end:]
                    server.change(uri, version, {"range": part, "text": new})
                if rng.random() < 0.3:
                    await questions(rng, server, uri, text)
                path.write_bytes(text.encode())
                wanted = validated([path], {uri: text})[uri]
                assert plain(await server.findings(uri, version)) == wanted, text
            server.close(uri)
            version += 1
        assert await server.end() == 0
        assert "bug" not in server.log.decode(), server.log.decode()


async def test_edits_of_several_files_meet(tmp_path: Path) -> None:
    rng = Random(7)
    texts = {"lib.flow": LIB, "main.flow": MAIN, "head.md": PROMPT}
    flows = [tmp_path / "lib.flow", tmp_path / "main.flow"]
    until = time.monotonic() + SECONDS
    edits = 0
    async with editor(tmp_path, quick=True) as server:
        uris = {name: (tmp_path / name).as_uri() for name in texts}
        for name, text in texts.items():
            (tmp_path / name).write_text(text, encoding="utf-8")
            server.open(uris[name], text, language="markdown" if name.endswith(".md") else "flowrun")
        version = 1
        while edits < LEAST or time.monotonic() < until:
            edits += 1
            name = rng.choice(list(texts))
            start, end, new = random_edit(rng, texts[name], list(texts.values()))
            part = {"start": place_of(texts[name], start), "end": place_of(texts[name], end)}
            texts[name] = texts[name][:start] + new + texts[name][end:]
            if rng.random() < 0.2:
                texts[name] = {"lib.flow": LIB, "main.flow": MAIN, "head.md": PROMPT}[name]
            version += 1
            change = {"range": part, "text": new} if rng.random() < 0.7 else {"text": texts[name]}
            if "range" in change and texts[name] in (LIB, MAIN, PROMPT):
                change = {"text": texts[name]}
            server.change(uris[name], version, change)
            (tmp_path / name).write_bytes(texts[name].encode())
            if rng.random() < 0.5:
                await questions(rng, server, uris["main.flow"], texts["main.flow"])
            found = validated(flows, {uris[one]: text for one, text in texts.items()})
            wanted = {uri: ordered(found.get(uri, [])) for uri in uris.values()}
            await settled(server, wanted)
        assert await server.end() == 0
        assert "bug" not in server.log.decode(), server.log.decode()


async def settled(server: Editor, wanted: dict[str, list[dict[str, Any]]]) -> None:
    """Wait until the editor shows these findings. Findings about one file by several flows come in any order."""

    def shown() -> dict[str, list[dict[str, Any]]]:
        return {uri: ordered(plain(server.shown.get(uri, (None, []))[1])) for uri in wanted}

    try:
        await server.until(lambda: shown() == wanted)
    except TimeoutError:
        assert shown() == wanted


def ordered(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(found, key=str)
