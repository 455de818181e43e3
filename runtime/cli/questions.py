"""The questions for the inputs of a flow, put to the person at the terminal before the run begins."""

from __future__ import annotations

import os
import select
import sys
from functools import partial

from flowrun.dsl import param_comments, types
from flowrun.dsl import plan as p

from ..files.files import Files
from ..inputs.inputs import read_input
from ..plans.streaming import only_mapped
from ..session.ready import must_be_ready
from ..vocabulary.errors import FlowrunError, InputError
from ..vocabulary.quoting import inert, one_line
from .params import ChosenFlow
from .plans import chosen_model

_PASTE = 0.05
"""The seconds within which the next line of a pasted text comes."""
_YES_NO = {"yes": "true", "y": "true", "no": "false", "n": "false"}


class _NoMoreError(Exception):
    """The person has ended the input with ^D."""


def ask_inputs(chosen: ChosenFlow, files: Files, model: str | None) -> None:
    """Ask for the inputs that the flow needs and the command line does not give, and check each at once.

    The models are looked for first, so that nobody types a text for a run that cannot begin. At the end of the input
    (^D) the other values stay missing. Raises UsageError for a model that is missing.
    """
    must_be_ready(chosen.plan, chosen_model(chosen.plan, model), os.environ)
    comments = param_comments(chosen.checked.file, chosen.plan.flow)
    keyboard = _Keyboard(sys.stdin.fileno())
    try:
        for param in chosen.missing:
            keyboard.say(f"\n{one_line(param.name)}: {one_line(types.show(param.type))}\n")
            if param.name in comments:
                keyboard.say(f"  {one_line(comments[param.name])}\n")
            keyboard.say(f"  {_form(param.type)}\n")
            chosen.texts[param.name] = _value(param, keyboard, files, by_row=only_mapped(chosen.plan, param.name))
        keyboard.say("\n")
    except _NoMoreError:
        keyboard.say("\n")
    except KeyboardInterrupt:
        keyboard.say("\n")
        raise


class _Keyboard:
    """The lines that a person types. Questions go to standard error."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._typed = b""

    def say(self, text: str) -> None:
        sys.stderr.write(text)
        sys.stderr.flush()

    def line(self, prompt: str) -> str:
        """Read a line. Raise _NoMoreError at the end of the input."""
        self.say(prompt)
        while b"\n" not in self._typed:
            try:
                data = os.read(self._number, 65536)
            except OSError:  # the terminal is gone
                data = b""
            if not data:
                if not self._typed:
                    raise _NoMoreError
                self._typed += b"\n"
            self._typed += data
        line, _, self._typed = self._typed.partition(b"\n")
        return line.decode("utf-8", "replace").removesuffix("\r")

    def more(self) -> bool:
        """Tell whether the next line is there already, as in a pasted text."""
        return bool(self._typed) or bool(select.select([self._number], [], [], _PASTE)[0])

    def text(self) -> str:
        """Read lines up to an empty one that nothing follows at once. A path behind @ is one line."""
        lines = [self.line("> ")]
        if lines[0].startswith("@") and not self.more():
            return lines[0]
        while True:
            try:
                line = self.line("… ")
            except _NoMoreError:
                break
            if not line.strip() and not self.more():
                break
            lines.append(line)
        return "\n".join(lines)


def _value(param: p.Param, keyboard: _Keyboard, files: Files, *, by_row: bool) -> str:
    """Ask until the value fits. Return it as a command line has it."""
    inner = types.unwrapped(param.type)
    words = _words(inner)
    while True:
        typed = keyboard.text() if types.plain(inner) == types.TEXT else keyboard.line("> ").strip()
        if typed == "-":
            keyboard.say("  standard input is this terminal: type the value, or @FILE\n")
            continue
        if words:
            typed = _chosen(typed, words)
        elif inner == types.BOOL:
            typed = _YES_NO.get(typed.lower(), typed)
        if not typed.strip():
            keyboard.say("  a value is needed; ^C leaves\n")
            continue
        tell = partial(_tell, keyboard)
        try:
            read_input(param, typed, _no_stdin, files, by_row=by_row, tell=tell, urls=True)
        except FlowrunError as error:
            _tell(keyboard, str(error))
            continue
        return typed


def _tell(keyboard: _Keyboard, line: str) -> None:
    keyboard.say(f"  {inert(line)}\n")


def _no_stdin() -> str:
    raise InputError("standard input is this terminal")


def _words(type_: types.Type) -> tuple[str, ...]:
    return type_.options if isinstance(type_, types.Choice) else ()


def _chosen(typed: str, words: tuple[str, ...]) -> str:
    """Return the word that a line names by its number or as it is written."""
    number = typed.strip()
    if number.isascii() and number.isdigit() and number not in words and 1 <= int(number[:9]) <= len(words):
        return words[int(number) - 1]
    return typed.strip()


def _form(type_: types.Type) -> str:
    """Describe how to answer."""
    inner = types.unwrapped(type_)
    if words := _words(inner):
        return "   ".join(f"{number} {one_line(word)}" for number, word in enumerate(words, 1))
    if types.plain(inner) == types.TEXT:
        return "a text, with an empty line at its end; or @FILE"
    if inner == types.BOOL:
        return "yes or no"
    if inner in (types.DOCUMENT, types.IMAGE):
        return "the path of a file"
    if isinstance(inner, types.ListOf) and types.unwrapped(inner.item) in (types.DOCUMENT, types.IMAGE):
        return "the path of a folder or of a file, or a pattern such as papers/*.pdf"
    if isinstance(inner, types.ListOf):
        return "the path of a .jsonl, .json or .csv file; or JSON that begins with ["
    if isinstance(inner, types.Record | types.Union) or inner == types.JSON:
        return "the path of a .json file; or JSON that begins with {"
    if inner == types.MODEL:
        return "a model, such as openai:gpt-4o-mini"
    return "a value on one line"
