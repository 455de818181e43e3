"""The view of one call: its messages as they were sent, its answers, its attempts, its cost and its vote."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ...plans.run_calls import RunCalls
from ...vocabulary.amounts import count_text, money_text, time_text
from ...vocabulary.call import Message, Request
from ...vocabulary.call_path import label_text
from ...vocabulary.call_record import AnswerRecord, AttemptRecord, CallRecord, End, Tokens
from ...vocabulary.image import described
from ...vocabulary.json_value import Json
from ...vocabulary.quoting import inert, json_text, one_line, sentence
from ...vocabulary.tally import Tally, in_words, votes
from ...vocabulary.waits import Cause
from ..vote_lines import vote_text
from .exchange import exchange
from .probabilities import probabilities_text
from .screen import Screen
from .table import width_of

_WAITS: Mapping[str, str] = {
    Cause.RETRY_AFTER: "the pause that the server asked for",
    Cause.OUTAGE: "the server to serve again",
    Cause.RATE: "the rate",
    Cause.SHARE: "a place that other runs had",
    Cause.WIDTH: "a place at the endpoint",
    Cause.BACKOFF: "the next try",
    Cause.BUDGET: "room in the budget",
}


_ENDS: Mapping[End, str] = {
    "answered": "answered",
    "spoilt": "spoilt",
    "refused": "refused",
    "doubtful": "in doubt",
    "cancelled": "cancelled",
    "unsent": "not sent",
    "open": "open",
}


_NOT_RECORDED = "not recorded"
"""The words for what journals of format 1 do not have."""


def call_lines(calls: RunCalls, at: int, screen: Screen) -> Iterator[str]:
    """Yield the lines about the call at a place in the record. On a terminal, very long texts are cut."""
    call = calls.record.calls[at]
    path = one_line(calls.addresses[at].text)
    yield screen.paint(f"{path}  {call.state}", "bold")
    yield from (f"{name:<9} {text}" for name, text in _facts(calls, call) if text)
    for number, message in enumerate(_messages(call.request)):
        yield from _section(message.role, message.text, screen, first=not number)
        for place, image in enumerate(message.images, 1):
            yield screen.paint(one_line(described(image, place)), "dim")
    if call.request is None:
        yield "the prompt is not known"
    yield from _exchange_lines(call, screen)
    yield from _attempt_lines(call, screen)
    if call.vote:
        yield from _vote_lines(calls, call, screen)


def _exchange_lines(call: CallRecord, screen: Screen) -> Iterator[str]:
    number = 0
    for one in exchange(call):
        if isinstance(one, AnswerRecord):
            number += 1
            yield from _answer_lines(one, number, len(call.answers), screen)
            continue
        attempts = f"attempt{'s' * (len(one.attempts) > 1)} {' and '.join(map(str, one.attempts))}"
        for at, message in enumerate(one.messages):
            yield from _section(f"{message.role}, added in {attempts}", message.text, screen, first=not at)


def _messages(request: Request | None) -> tuple[Message, ...]:
    return () if request is None else request.messages


def _facts(calls: RunCalls, call: CallRecord) -> Iterator[tuple[str, str]]:
    endpoint = calls.record.endpoints.get(call.model)
    answer = call.answer
    yield "element", ", ".join(one_line(label_text(one)) for one in call.labels)
    served = f", served by {one_line(answer.served)}" if answer is not None and answer.served else ""
    where = f" at {one_line(endpoint.url)}" if endpoint is not None and endpoint.url else ""
    yield "model", f"{one_line(call.model)}{where}{served}"
    yield "served by", _NOT_RECORDED if call.is_old and call.answers else ""
    yield "settings", _settings(call.request)
    unknown = _NOT_RECORDED if call.is_old else ""
    yield "time", unknown if call.milliseconds is None else time_text(call.milliseconds)
    if call.answers:
        reused = call.from_journal
        cost = "unknown: the model has no known price" if call.cost is None else money_text(call.cost)
        yield "cost", "$0: the answer came from the journal" if reused else cost
    yield "tokens", _tokens(call)
    yield "request", "" if answer is None or not answer.id else one_line(answer.id)
    yield "reason", one_line(call.reason)


def _settings(request: Request | None) -> str:
    if request is None:
        return ""
    numbers = (("temperature", request.temperature), ("max_tokens", request.max_tokens), ("seed", request.seed))
    parts = [f"{name} {value:g}" for name, value in numbers if value is not None]
    parts += [f"{name} {one_line(json_text(value, indent=None))}" for name, value in request.options.items()]
    if request.choices:
        parts.append("choices " + one_line(" | ".join(request.choices)))
    if request.schema is not None:
        parts.append(f"schema {json_text(request.schema, indent=None)}")
    return ", ".join(parts)


def _tokens(call: CallRecord) -> str:
    """Write the tokens of all answers together, or how many answers have none."""
    silent = sum(one.tokens.read is None or one.tokens.written is None for one in call.answers)
    if silent and len(call.answers) > 1:
        return f"unknown: the server did not report those of {silent:,} of {len(call.answers):,} answers"
    text, found = tokens_text(call.tokens), call.tokens
    told = {one.tier: f"service tier {one.tier}" for one in call.answers if one.tier}
    told |= {one.doubt: f"doubtful: {one_line(one.doubt)}" for one in call.answers if one.doubt}
    text = "; ".join(part for part in (text, *told.values()) if part)
    bare = call.is_old and (found.cached, found.stored, found.reasoning) == (None, None, None)
    return f"{text} (classes {_NOT_RECORDED})" if text and bare else text


def tokens_text(tokens: Tokens) -> str:
    """Write the tokens of an answer by class; "" if the server reported none."""
    kept = f"written to the cache, {tokens.long_stored:,} for an hour" if tokens.long_stored else "written to the cache"
    parts = (("cached", tokens.cached), (kept, tokens.stored), ("of images", tokens.images))
    read = _class("read", tokens.read, parts)
    written = _class("written", tokens.written, (("reasoning", tokens.reasoning),))
    return ", ".join(part for part in (read, written) if part)


def _class(name: str, count: int | None, parts: tuple[tuple[str, int | None], ...]) -> str:
    inner = ", ".join(f"{value:,} {word}" for word, value in parts if value)
    if count is None:
        return inner
    return f"{count:,} {name}" + (f" ({inner})" if inner else "")


def _section(title: str, text: str, screen: Screen, *, first: bool = True) -> Iterator[str]:
    if first:
        yield ""
    yield screen.paint(f"── {title}", "dim")
    yield from _text_lines(text, screen)


def _text_lines(text: str, screen: Screen) -> Iterator[str]:
    """Yield a text line by line. A terminal gets at most as much of it as fits on one screen."""
    lines = inert(text).split("\n")
    if screen.width is None or screen.height is None:
        yield from lines
        return
    room = max(6, screen.height - 6)
    for at, line in enumerate(lines):
        needs = 1 + (width_of(line[: screen.width * room + 1]) - 1) // screen.width
        if needs > room:
            kept = room * screen.width
            if room > 0:
                yield line[:kept]
            rest = len(line) - kept * (room > 0) + sum(len(one) + 1 for one in lines[at + 1 :])
            yield screen.paint(f"… and {count_text(rest, 'more character')}; a pipe, such as `| less`, gets all", "dim")
            return
        room -= max(1, needs)
        yield line


def _answer_lines(answer: AnswerRecord, number: int, of: int, screen: Screen) -> Iterator[str]:
    end = "" if answer.finish == "stop" else f", ended by {one_line(answer.finish)}"
    yield from _section(f"answer{f' {number} of {of}' if of > 1 else ''}{end}", answer.text, screen)
    if answer.error:
        yield screen.paint(f"spoilt: {one_line(answer.error)}", "red")
    elif answer.value != answer.text:
        yield from _section("value", _value(answer.value), screen, first=False)
    for name, value in answer.more.items():
        told = probabilities_text(value) if name == "logprobs" else None
        yield from _section(one_line(name), told or _value(value), screen, first=False)


def _value(value: Json) -> str:
    return value if isinstance(value, str) else json_text(value)


def _attempt_lines(call: CallRecord, screen: Screen) -> Iterator[str]:
    attempts = call.attempts
    if not attempts:
        return
    yield ""
    yield screen.paint("── attempts", "dim")
    for number, one in enumerate(attempts, 1):
        began = "" if one.began is None else f" at {time_text(one.began)}"
        took = "" if one.began is None or one.ended is None else f", {time_text(one.ended - one.began)} long"
        status = "" if one.status is None else f" (HTTP {one.status})"
        reason = f": {one_line(one.reason)}" if one.reason else ""
        by = f" by {one_line(one.model)}" if one.model else ""
        status = status if str(one.status) not in one.reason else ""
        yield f"{number}  {_ENDS[one.end]}{by}{began}{took}{_bill(call, one)}{status}{reason}"
        waits = ", ".join(f"{time_text(ms)} for {_cause(name)}" for name, ms in one.waited.items())
        if waits:
            yield f"   before it waited {waits}"
        elif call.is_old:
            yield f"   its times and what it waited for are {_NOT_RECORDED}"
        if one.correction is None and call.request is not None:
            yield "   the messages that it added to the prompt are not known"


def _bill(call: CallRecord, attempt: AttemptRecord) -> str:
    """Write the tokens and the cost of an attempt. They are the call's own if it had no other."""
    if attempt.answer is None or len(call.attempts) < 2:
        return ""
    answer = call.answers[attempt.answer]
    parts = (tokens_text(answer.tokens), "" if answer.cost is None else money_text(answer.cost))
    return "".join(f", {part}" for part in parts if part)


def _cause(name: str) -> str:
    """Write a cause of waiting in words. Another version of flowrun may know causes that this one does not."""
    return _WAITS.get(name, one_line(name))


def _vote_lines(calls: RunCalls, call: CallRecord, screen: Screen) -> Iterator[str]:
    yield ""
    yield screen.paint(f"── vote {one_line(calls.path_of(call.vote))}", "dim")
    yield f"its answer: {_ballot(call)}"
    tally = calls.record.end.votes.get(call.vote)
    if tally is None:
        yield "the vote has no end"
        return
    yield vote_text(tally)
    yield from (
        f"  {one_line(in_words(answer))}: {votes(count)} of {votes(tally.of)}" for answer, count in tally.ballots
    )
    if tally.panel is not None:
        from ...vocabulary.panel import panel_lines  # few votes are panels

        yield from (f"  {one_line(line)}" for line in panel_lines(tally))
    yield _part(call, tally)


def _ballot(call: CallRecord) -> str:
    if call.state not in ("answered", "reused") or call.answer is None or call.answer.error:
        return f"none, the call is {call.state}"
    return one_line(in_words(call.answer.value))


def _part(call: CallRecord, tally: Tally) -> str:
    """Tell what the call's answer did for the vote."""
    answer = call.answer
    if call.state not in ("answered", "reused") or answer is None or answer.error:
        return "it gave no ballot"
    agreement = f"agreement {tally.agreement:.2f}"
    if answer.value in (tally.first, tally.winner):
        return f"it voted for the {'leader' if tally.winner is None else 'winner'}; {agreement}"
    if answer.value in tally.values or any(answer.value == one for one, _ in tally.ballots):
        return f"it voted for another answer than the winner; {agreement}"
    if tally.classes is not None:
        from ...vocabulary.classes import class_of  # few votes compare answers

        if (said := class_of(tally, answer.value)) is not None:
            return f"it counts as the same as: {sentence(in_words(said), 60)}; {agreement}"
    return f"the ballot is a part of its answer, or the value of its whole sample; {agreement}"
