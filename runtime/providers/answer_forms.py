"""Answers in the form of the protocol: without wrapping, without fences, and without the key."""

from __future__ import annotations

from dataclasses import replace

from ..vocabulary.call import Answer
from .endpoints import HttpEndpoint
from .further_options import kept_facts
from .posts import Post
from .structured import clean, unfence


def shaped(answer: Answer, call: Post, at: HttpEndpoint, best: str) -> tuple[Answer, bool | None]:
    """Return the answer in the protocol's form, and whether it fits the form of the call; None where not tested.

    ``best`` is the first mode of asking for a shape, which the server enforces.
    """
    text, form, fits = answer.text, call.form, None
    if form is not None and answer.finish == "stop" and text:
        taken = form.unwrap(text) if call.wrapped else None
        text = unfence(text) if taken is None else taken
        # A server that enforces the form also wraps the value.
        fits = form.holds(text) and (taken is not None or not call.wrapped or call.mode != best)
        text = text.strip() if form.choices else text
    kept, why = at.keepable(clean(text))
    if why:
        # A server that sends the key back does so every time.
        return Answer("", "filtered", why), fits
    more = kept_facts(answer.more, at) if answer.more else answer.more
    if kept is answer.text and not answer.said and more is answer.more:
        return answer, fits
    return replace(answer, text=kept, said=at.quote(answer.said), more=more), fits
