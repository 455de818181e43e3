"""The questions of a flow, put to the person at the terminal: one after another, on standard error."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TextIO

from flowrun.dsl import types

from ..engine.answers import read_answer
from ..vocabulary.errors import AnswerError
from ..vocabulary.json_value import Json
from ..vocabulary.question import TRUTH, AskPerson, LeftOpenError, Question, typed
from ..vocabulary.quoting import inert, one_line

Held = Callable[[], AbstractContextManager[TextIO]]
"""A function that keeps the display of a run away while a person types. It gives the stream of the terminal."""
NO_ASK = "Ask no person at the terminal: leave the questions to people open, and refuse missing inputs."
_NAMED = {"int": "a whole number", "number": "a number", "text": "a text"}
_SIMPLE = (types.BOOL, types.INT, types.NUMBER)
_END = ("", ".")
"""The lines that end a text of several lines."""


def at_terminal(held: Held, *, asks: bool = True, away: bool = False) -> AskPerson | None:
    """Return the function that asks the person at the terminal, None without a terminal.

    If nobody is to be asked, the function leaves all questions open. ``away`` says that the run leaves its terminal.
    """
    if not asks:
        return _nobody
    if away or sys.stdin is None or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return None
    return _Terminal(held, sys.stdin.fileno()).ask


async def _nobody(question: Question) -> str:
    raise LeftOpenError


class _Terminal:
    """The terminal with its person. Several questions wait for their turn."""

    def __init__(self, held: Held, number: int) -> None:
        self._held = held
        self._number = number
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._typed = b""

    async def ask(self, question: Question) -> str:
        """Ask until the answer fits. Raise LeftOpenError at the end of the input (^D)."""
        self._waiting += 1
        try:
            async with self._turn:
                # Questions of the same moment are counted.
                await asyncio.sleep(0)
                with self._held() as stream:
                    return await self._asked(question, stream)
        finally:
            self._waiting -= 1

    async def _asked(self, question: Question, stream: TextIO) -> str:
        more = f" ({self._waiting - 1} more behind it)" if self._waiting > 1 else ""
        _write(stream, f"\n{one_line(question.path)} asks a person{more}:\n")
        _write(stream, "".join(f"  {line}\n" for line in inert(question.text).split("\n")))
        try:
            while True:
                _write(stream, f"{_form(question.type)}\n")
                try:
                    return typed(question, await self._answer(question.type, stream))
                except AnswerError as error:
                    _write(stream, f"{inert(str(error))}\n")
        except LeftOpenError:
            _write(stream, "\nThe question is left open.\n")
            raise
        except asyncio.CancelledError:
            _write(stream, "\nThe question is over.\n")
            raise

    async def _answer(self, type_: types.Type, stream: TextIO) -> str:
        """Read one answer. Raise AnswerError if a part of it does not fit."""
        first = await self._line(stream, "> ")
        words = _words(type_)
        if chosen := _chosen(first, words):
            return chosen
        if isinstance(type_, types.Optional) and not first.strip():
            return ""
        inner = types.unwrapped(type_)
        if isinstance(inner, types.Record) and not first.strip().startswith("{") and isinstance(type_, types.Record):
            return await self._fields(inner, first, stream)
        if inner in _SIMPLE or isinstance(inner, types.Range | types.Choice):
            return first
        if inner == types.TEXT or isinstance(inner, types.OpenChoice | types.Quote):
            return await self._text(first, stream)
        return await self._json(first, stream)

    async def _text(self, first: str, stream: TextIO) -> str:
        """Read a text up to an empty line, or to a line that is only a point."""
        lines, line = [], first
        while line.strip() not in _END:
            lines.append(line)
            line = await self._line(stream, "… ")
        return "\n".join(lines)

    async def _json(self, first: str, stream: TextIO) -> str:
        """Read JSON up to its end, or up to an empty line."""
        text = first
        while not _is_json(text):
            line = await self._line(stream, "… ")
            if line.strip() in _END:
                break
            text += f"\n{line}"
        return text

    async def _fields(self, record: types.Record, first: str, stream: TextIO) -> str:
        """Read a record field by field. ``first`` is what was typed for its first field."""
        found: dict[str, Json] = {}
        given: str | None = first if first.strip() else None
        for field in record.fields:
            said = f" ({one_line(field.description)})" if field.description else ""
            optional = isinstance(field.type, types.Optional)
            while field.name not in found:
                prompt = f"  {field.name}{said}, {_short(field.type)}: "
                text = given if given is not None else await self._line(stream, prompt)
                given = None
                if optional and not text.strip():
                    found[field.name] = None
                    break
                try:
                    found[field.name] = _field(text, types.unwrapped(field.type))
                except AnswerError as error:
                    _write(stream, f"  {inert(str(error))}\n")
        return json.dumps(found, ensure_ascii=False)

    async def _line(self, stream: TextIO, prompt: str) -> str:
        """Read a line that the person types. Raise LeftOpenError at the end of the input."""
        _write(stream, prompt)
        while b"\n" not in self._typed:
            data = await self._data()
            if not data:
                self._typed = b""
                raise LeftOpenError
            self._typed += data
        line, _, self._typed = self._typed.partition(b"\n")
        return line.decode("utf-8", "replace").removesuffix("\r")

    async def _data(self) -> bytes:
        loop = asyncio.get_running_loop()
        ready = asyncio.Event()
        try:
            loop.add_reader(self._number, ready.set)
        except (NotImplementedError, OSError):  # an event loop that cannot wait for a terminal
            raise LeftOpenError from None
        try:
            await ready.wait()
        finally:
            loop.remove_reader(self._number)
        try:
            return os.read(self._number, 65536)
        except OSError:  # the terminal is gone
            return b""


def _words(type_: types.Type) -> tuple[str, ...]:
    inner = types.unwrapped(type_)
    if inner == types.BOOL:
        return ("yes", "no")
    return inner.options if isinstance(inner, types.Choice | types.OpenChoice) else ()


def _chosen(line: str, words: tuple[str, ...]) -> str:
    """Return the word that a line names by its number or as it is written; "" if it names none."""
    said = line.strip()
    if said.isascii() and said.isdigit() and 1 <= int(said) <= len(words) and said not in words:
        return words[int(said) - 1]
    return said if said in words else ""


def _field(text: str, type_: types.Type) -> Json:
    """Read one field of a record. Raises AnswerError."""
    words = _words(type_)
    chosen = _chosen(text, words)
    if type_ == types.BOOL:
        return read_answer(TRUTH.get((chosen or text).strip().lower(), text), type_)
    return read_answer(chosen or text, type_)


def _form(type_: types.Type) -> str:
    """Describe how to answer."""
    inner = types.unwrapped(type_)
    none = "; an empty line for none" if isinstance(type_, types.Optional) else ""
    if words := _words(type_):
        listed = "   ".join(f"{number} {one_line(word)}" for number, word in enumerate(words, 1))
        other = "   or a text, with an empty line at its end" if isinstance(inner, types.OpenChoice) else ""
        return f"  {listed}{other}{none}"
    if inner == types.TEXT or isinstance(inner, types.Quote):
        return f"  a text, with an empty line at its end{none}"
    if isinstance(inner, types.Range) or inner in _SIMPLE:
        return f"  {_short(inner)}{none}"
    if isinstance(type_, types.Record):
        return "  a record: press Return to fill in its fields, or type it as JSON"
    return f"  {one_line(types.show(inner))}, as JSON{none}"


def _short(type_: types.Type) -> str:
    inner = types.unwrapped(type_)
    none = ", may be empty" if isinstance(type_, types.Optional) else ""
    if words := _words(inner):
        return " ".join(f"{number} {one_line(word)}" for number, word in enumerate(words, 1)) + none
    if isinstance(inner, types.Range):
        return f"a {'whole ' * inner.whole}number {types.show(inner)}{none}"
    return (_NAMED.get(types.show(inner)) or f"{one_line(types.show(inner))} as JSON") + none


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _write(stream: TextIO, text: str) -> None:
    stream.write(text)
    stream.flush()
