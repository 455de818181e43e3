"""The outside of a tested flow: the files that it reads and the externs that it calls. No Python of an extern runs."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from flowrun.dsl import dataclass, test_plan
from flowrun.dsl import plan as p
from flowrun.runtime.engine.decisions import LaunchExtern, Read
from flowrun.runtime.engine.frames import NO_STEPS, Frame
from flowrun.runtime.engine.scopes import Context, Scope
from flowrun.runtime.files.files import Files
from flowrun.runtime.reads.quick import is_quick
from flowrun.runtime.reads.reading import read, whole
from flowrun.runtime.values.expressions import evaluate
from flowrun.runtime.values.rules import FileText
from flowrun.runtime.vocabulary.errors import FlowrunError
from flowrun.runtime.vocabulary.json_value import Json
from flowrun.runtime.vocabulary.quoting import shown
from flowrun.runtime.vocabulary.remarks import unheard

from .outcome import Problem, times_text
from .path_patterns import path_fits
from .places import Places


class ScriptedFiles(Files):
    """The files that a tested flow may read: those of the test, and the others from its folder.

    ``lines`` are the test's files with their texts. ``used`` are the paths of those that were read.
    """

    def __init__(self, folder: Path, lines: Sequence[tuple[test_plan.FileReply, str]]) -> None:
        super().__init__(folder)
        self.lines = lines
        self.texts = {os.path.normpath(line.path): text for line, text in lines}
        self.used: set[str] = set()

    def scripted(self, path: str) -> str | None:
        """Return the text that the test gives to a file."""
        known = os.path.normpath(path) if path else ""
        if known not in self.texts:
            return None
        self.used.add(known)
        return self.texts[known]

    def unused(self) -> list[test_plan.FileReply]:
        """Return the files of the test itself that were not read."""
        return [line for line, _ in self.lines if line.own and os.path.normpath(line.path) not in self.used]

    def size_of(self, path: str) -> int:
        text = self.scripted(path)
        return super().size_of(path) if text is None else len(text)

    def matching(self, pattern: str) -> list[str]:
        own = [path for path in self.texts if path_fits(path, os.path.normpath(pattern))]
        try:
            found = super().matching(pattern)
        except FlowrunError:
            if not own:
                raise
            found = []
        return sorted({*own, *found})

    def _read_bytes(self, path: str) -> bytes:
        text = self.scripted(path)
        return super()._read_bytes(path) if text is None else text.encode()

    def value_of(self, wanted: Read) -> Json:
        """Return the value of a read, or the FlowrunError if it failed."""
        function, args = wanted.function, wanted.args
        path = args.get("path")
        try:
            if function == "file" and isinstance(path, str) and (text := self.scripted(path)) is not None:
                return text
            if function == "files" and isinstance(pattern := args.get("pattern"), str) and self.texts:
                return [self._found(path) for path in self.matching(pattern)]
            if is_quick(function, args, self):
                return whole(read(function, args, self, unheard))
            from flowrun.runtime.dispatch.read_pool import read_in_child
            from flowrun.runtime.documents.process import PendingRead

            return read_in_child(function, args, self, unheard, PendingRead())
        except FlowrunError as error:
            return error

    def _found(self, path: str) -> Json:
        text = self.value_of(Read(0, "file", {"path": path}))
        if isinstance(text, FlowrunError):
            raise text
        return FileText(path=self.name_of(path), text=text)


@dataclass(eq=False, slots=True)
class _Values:
    """A line with the values of an extern. ``used`` tells whether one of them was taken."""

    reply: test_plan.ExternReply
    used: bool = False


class ScriptedExterns:
    """The externs of a tested flow. Their values come from the lines of the test, whose own names are ``given``."""

    def __init__(
        self,
        plan: p.Plan,
        replies: Sequence[test_plan.ExternReply],
        places: Places,
        context: Context,
        given: Mapping[str, Json],
    ) -> None:
        self._plan = plan
        self._places = places
        self._context = context
        self._given = given
        self.lines = [_Values(reply) for reply in replies]
        self.lines.sort(key=lambda line: line.reply.when is None)
        self._calls: dict[str, int] = {}
        self.problems: list[Problem] = []

    def value(self, launch: LaunchExtern) -> Json:
        """Return the value of a call, or the FlowrunError if it fails."""
        name = p.plain_name(launch.extern)
        self._calls[launch.extern] = self._calls.get(launch.extern, 0) + 1
        for line in self.lines:
            if line.reply.name == launch.extern and self._true(line.reply, launch.args):
                line.used = True
                return self._taken(line.reply, launch, name)
        only = any(line.reply.name == launch.extern for line in self.lines)
        given = ", ".join(f"{one} = {_short(value)}" for one, value in launch.args.items())
        said = f"no line answers the extern `{name}`" + (f" with {given}" if only and given else "")
        self._complain(None, said, f"write `extern {name}: …`")
        return FlowrunError(f"the test has no value for the extern `{name}`")

    def _taken(self, reply: test_plan.ExternReply, launch: LaunchExtern, name: str) -> Json:
        answers = reply.answers
        number = 0 if len(answers) == 1 else self._number(launch)
        if number >= len(answers):
            said = f"`{name}` is called {number + 1} times or more, and here are {len(answers)} values"
            self._complain(reply.place, said, "write a single value for all calls, or one for each")
            return FlowrunError(said)
        answer = answers[number]
        scope = Scope(self._context, Frame(NO_STEPS, None, given=dict(self._given)))
        try:
            value = None if answer.value is None else evaluate(answer.value, scope)
            if answer.kind == "error":
                return FlowrunError(f"`{name}` failed: {value}")
            from flowrun.runtime.inputs.inputs import check_value

            return check_value(value, self._plan.externs[launch.extern].type, f"`{name}`")
        except FlowrunError as error:
            self._complain(answer.place, str(error), "")
            return error

    def _number(self, launch: LaunchExtern) -> int:
        """Return the number of a call among the calls of its element: by its step, in the order of the file.

        The samples of a step follow each other, and so do the results that the extern judges in a search.
        """
        spot = self._places.spot(launch.path)
        number, of = spot.sample((None,) * len(spot.at))
        return self._places.callers(launch.extern)[spot.shape.step] * of + number + sum(spot.merge)

    def _true(self, reply: test_plan.ExternReply, args: Mapping[str, Json]) -> bool:
        if reply.when is None:
            return True
        given = {**self._given, **args}
        try:
            return bool(evaluate(reply.when, Scope(self._context, Frame(NO_STEPS, None, given=given))))
        except FlowrunError as error:
            self._complain(reply.place, f"the condition of this line has no value: {error}", "")
            return False

    def _complain(self, place: test_plan.Place | None, message: str, help: str) -> None:
        problem = Problem(place, message, help)
        if problem not in self.problems:
            self.problems.append(problem)

    def unused(self) -> Iterator[Problem]:
        """Yield the lines of the test itself that no call has used."""
        used = {line.reply.place for line in self.lines if line.used}
        for line in self.lines:
            reply = line.reply
            if reply.own and reply.place not in used:
                used.add(reply.place)
                times = self._calls.get(reply.name, 0)
                why = f"was called {times_text(times)}, but not for this line" if times else "was not called"
                name = p.plain_name(reply.name)
                yield Problem(reply.place, f"this line was never used: `{name}` {why}", "leave it out")


def _short(value: Json) -> str:
    from flowrun.runtime.vocabulary.quoting import json_line, sentence

    try:
        return sentence(json_line(value), 60)
    except TypeError:
        return shown(str(value), 60)
