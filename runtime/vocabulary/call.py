"""The terms of a call: the request, its messages, and its answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import field
from functools import cached_property
from typing import Any, Literal

from flowrun.dsl import dataclass

from .image import Image
from .json_value import Json
from .receipt import Receipt
from .usage import Rates, Usage

Role = Literal["system", "user", "assistant"]
Finish = Literal["stop", "length", "filtered", "unterminated", "other"]
SAMPLES = 8
"""The most samples that one request asks for, if its endpoint gives several."""


@dataclass(frozen=True, slots=True)
class Message:
    """A part of a prompt, and the role of its speaker.

    ``heads`` are the lengths of the beginnings of the text that are the same for all elements of a map or samples of a
    vote, one for each of the innermost blocks around the call, the outermost of them first. ``cuts`` are the places in
    the text where the provider shall ask its server to keep the prompt up to there. Neither changes the answer.
    ``images`` stand in the text, each in the place of its mark, in the order of their places.
    """

    role: Role
    text: str
    images: tuple[Image, ...] = ()
    heads: tuple[int, ...] = field(default=(), compare=False)
    cuts: tuple[int, ...] = field(default=(), compare=False)

    @property
    def head(self) -> int:
        """The length of the beginning that is the same for all elements or samples of the innermost block."""
        return self.heads[-1] if self.heads else 0

    @property
    def parts(self) -> Iterator[str | Image]:
        """The texts and the images, in their order. A text is not empty."""
        at = 0
        for image in self.images:
            if image.at > at:
                yield self.text[at : image.at]
            yield image
            at = image.until
        if at < len(self.text) or not self.images:
            yield self.text[at:]


class Schema(dict[str, Any]):
    """A JSON Schema that many calls share. ``text`` is its JSON with sorted keys, made once."""

    @cached_property
    def text(self) -> str:
        return json.dumps(self, sort_keys=True)


def schema_text(schema: Mapping[str, Any]) -> str:
    """Write a schema as JSON with sorted keys."""
    return schema.text if isinstance(schema, Schema) else json.dumps(schema, sort_keys=True)


class _NoOptions(dict[str, Json]):
    """An empty mapping with a hash, so that requests without further options have one."""

    def __hash__(self) -> int:  # type: ignore[override]
        return 0


NO_OPTIONS: Mapping[str, Json] = _NoOptions()
"""The further options of most requests. All of them share this object, which stays empty."""


@dataclass(frozen=True, slots=True)
class Request:
    """A prompt and the form that its answer must have.

    ``choices`` and ``schema`` exclude each other. With ``choices`` the answer is one of these words and nothing else.
    With ``schema`` it is JSON text that satisfies the JSON Schema, whatever its root type is. A provider that needs an
    object at the root wraps and unwraps the value by itself. ``timeout`` is in seconds, for one attempt; 0 if a
    person may take any time. ``stream`` says that the answer may come in pieces; ``hear`` is called with the number of
    characters so far. Neither changes the answer. ``options`` are further options that the flow sets, in the words of
    the language: each provider translates them.
    """

    messages: tuple[Message, ...]
    choices: tuple[str, ...] = ()
    schema: Mapping[str, Any] | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    seed: int | None = None
    timeout: float = 600.0
    stream: bool = False
    hear: Callable[[int], None] | None = field(default=None, compare=False, repr=False)
    options: Mapping[str, Json] = NO_OPTIONS


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of a model: its text, and ``finish``, the reason why the model stopped.

    Only ``stop`` is a good end. For any other end ``said`` is a sentence about it, with the server's own word if it has
    one. ``final`` says that the same request would end in the same way again. ``more`` holds further facts as JSON. The
    journal keeps them untouched.
    """

    text: str
    finish: Finish = "stop"
    said: str = field(default="", compare=False)
    final: bool = field(default=False, compare=False)
    more: Mapping[str, Json] | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Reply:
    """The answers to one request, in the order of the samples.

    ``rates`` are the rate limits in its headers, and ``receipt`` tells the model that answered and the request's id.
    Both are None if the server tells nothing of the kind.
    """

    answers: tuple[Answer, ...]
    usage: Usage = field(default_factory=Usage)
    rates: Rates | None = None
    receipt: Receipt | None = None
