"""A flow with another prompt: the text of a file takes the place of the prompt of one ask."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import replace
from itertools import accumulate
from pathlib import Path

from flowrun.dsl import Checked, Diagnostic, FlowError, Source, Span, dataclass, did_you_mean, quoted

from ..files.files import read_plain_text
from ..session.loading import check_source
from ..vocabulary.errors import UsageError
from ..vocabulary.quoting import shown


@dataclass(frozen=True, slots=True)
class _Ask:
    """An ask of a flow: the name of its step, and the place of its last message in the file."""

    step: str
    template: Span


def with_prompt(checked: Checked, flow: str, given: str) -> tuple[str, Checked]:
    """Return the name of the prompt's file, and the checked flow file with that prompt. ``given`` is [STEP=]FILE.

    The prompt is a template, as in the flow. Raises UsageError if the file or the step is not there, FlowError with
    places in the prompt's file if the prompt does not fit the flow.
    """
    step, equals, file = given.rpartition("=")
    text = read_plain_text(Path(file)).removesuffix("\n")
    if not text.strip():
        raise UsageError(f"--against-prompt {shown(given)}: {shown(file)} has no prompt: it is empty")
    asks = list(_asks(checked, flow))
    chosen = [one for one in asks if one.step == step] if equals else asks
    if len(chosen) != 1:
        raise UsageError(f"--against-prompt {shown(given)}: {_which(asks, step, flow)}")
    template = chosen[0].template
    source = template.source
    if source is not checked.file.span.source:
        return file, _with_file(checked, source, Source(text, file))
    literal = quoted(text)
    changed = Source(source.text[: template.start] + literal + source.text[template.end :], source.name)
    try:
        return file, check_source(changed)
    except FlowError as error:
        starts = accumulate((len(quoted(letter)) - 2 for letter in text), initial=1)
        place = _Place(changed, template.start, Source(text, file), tuple(starts))
        raise FlowError([place.moved(one) for one in error.diagnostics]) from None


def _with_file(checked: Checked, old: Source, new: Source) -> Checked:
    """Check the flow file with another text in the place of the file of a prompt."""
    changed = Source(new.text, old.name)
    try:
        return check_source(checked.file.span.source, {old.name: changed})
    except FlowError as error:
        raise FlowError(
            replace(one, span=Span(new, one.span.start, one.span.end), labels=(), fix=None)
            if one.span.source is changed
            else one
            for one in error.diagnostics
        ) from None


def _which(asks: list[_Ask], step: str, flow: str) -> str:
    named = sorted({one.step for one in asks if one.step})
    if not asks:
        return f"the flow `{flow}` asks nothing itself"
    listed = ", ".join(f"`{one}`" for one in named)
    if not step:
        return f"the flow `{flow}` has {len(asks)} asks: name the step of one as STEP=FILE ({listed})"
    if any(one.step == step for one in asks):
        return f"the step `{step}` has more than one ask: give each ask a step with a name of its own"
    guess = did_you_mean(step, named) or f"its asks are in {listed}"
    return f"the flow `{flow}` has no ask in a step {shown(step)}; {guess}"


def _asks(checked: Checked, flow: str) -> Iterator[_Ask]:
    """Yield the asks of a flow's steps, each with the innermost named step around it."""
    program = next(one for one in checked.program.flows if one.decl.name.text == flow)
    for step in program.walk():
        messages = getattr(step.line.node, "messages", ())
        template = messages[-1].template.span if messages else _file(checked, step.line.node.number)
        if template is not None:
            around = step
            while around.symbol is None and around.parent is not None:
                around = around.parent
            yield _Ask(around.symbol.name if around.symbol else "", template)


def _file(checked: Checked, ask: int) -> Span | None:
    """Return the text of the file whose prompt an ask uses. None if it uses none. ``ask`` is the number of its node."""
    prompt = checked.typed.nodes.prompts.get(ask)
    if prompt is None:
        return None
    home = checked.imports[prompt.path] if prompt.path else checked
    return next(one.string.span for one in home.program.prompts if one.decl.name.text == prompt.name)


@dataclass(frozen=True, slots=True)
class _Place:
    """The place of a prompt in the changed flow file. ``starts`` are the offsets of its characters behind ``start``.

    The last one is that of the closing quote.
    """

    changed: Source
    start: int
    prompt: Source
    starts: tuple[int, ...]

    def moved(self, found: Diagnostic) -> Diagnostic:
        """Return a diagnostic with its place in the prompt's own file, if it is in the prompt."""
        span = found.span
        if span.source is not self.changed or not self.start <= span.start <= self.start + self.starts[-1]:
            return found
        begin, stop = (self._offset(at - self.start) for at in (span.start, span.end))
        return replace(found, span=Span(self.prompt, begin, max(begin, stop)), labels=(), fix=None)

    def _offset(self, at: int) -> int:
        return max(0, min(len(self.prompt.text), bisect_right(self.starts, at) - 1))
