"""A reader that separates a model's answer from its reasoning, for whole replies and for streamed ones."""

from __future__ import annotations

from collections.abc import Iterator

from flowrun.dsl import dataclass, pattern

from ..vocabulary.json_value import Json

_TEXT = frozenset({None, "text", "output_text"})
_REASONING = ("reasoning_content", "reasoning", "thinking")
_BESIDE = (*_REASONING, "refusal")
"""Fields of a message, besides ``content``, that may hold reasoning or a refusal."""
# DeepSeek's and Qwen's templates, Mistral's, ByteDance's. Others use the same tags where no parser is set up.
_TAGS = (("<think>", "</think>"), ("[THINK]", "[/THINK]"), ("<seed:think>", "</seed:think>"))
# The prompts of some templates end in the opening tag: the answer has the closing one only, on a line by itself.
_CLOSED = pattern(r"(?:\A|\n)[ \t]*</think>[ \t]*\r?(?:\n|\Z)")


@dataclass(frozen=True, slots=True)
class Content:
    """The text of a message, its reasoning, and the model's refusal. Each is "" if the message has none."""

    text: str = ""
    reasoning: str = ""
    refusal: str = ""


def read_message(message: Json) -> Content:
    """Read a message of Chat Completions: ``content`` is a text or a list of parts; reasoning has its own fields."""
    if not isinstance(message, dict):
        return Content()
    written = message.get("content")
    if isinstance(written, str) and not any(map(message.get, _BESIDE)):
        thought, text = without_reasoning(written)
        return Content(text, thought)
    content = read_parts(written)
    apart = "".join(_texts([message.get(name) for name in _REASONING]))
    refusal = message.get("refusal")
    return Content(
        content.text,
        apart + content.reasoning,
        refusal if isinstance(refusal, str) and refusal else content.refusal,
    )


def read_parts(content: Json) -> Content:
    """Read a text or a list of parts, in the forms of all three providers."""
    texts: list[str] = []
    reasoning: list[str] = []
    refusal: list[str] = []
    for part in content if isinstance(content, list) else [content]:
        if isinstance(part, str):
            texts.append(part)
        elif isinstance(part, dict):
            kind, text = part.get("type"), part.get("text")
            if part.get("thought") or (isinstance(kind, str) and ("thinking" in kind or "reasoning" in kind)):
                reasoning += _texts([text, part.get("thinking"), part.get("reasoning"), part.get("summary")])
            elif kind == "refusal":
                refusal += _texts([part.get("refusal")])
            elif isinstance(text, str) and (kind is None or (isinstance(kind, str) and kind in _TEXT)):
                texts.append(text)
    thought, text = without_reasoning("".join(texts))
    return Content(text, "".join(reasoning) + thought, "".join(refusal))


def without_reasoning(text: str) -> tuple[str, str]:
    """Split a text into the block of reasoning at its beginning ("" if there is none) and the rest.

    Later tags belong to the answer. A block without a closing tag takes the whole text.
    """
    start = text.lstrip("\ufeff \t\r\n")
    for opening, closing in _TAGS:
        if start.startswith(opening):
            thought, closed, rest = start[len(opening) :].partition(closing)
            return thought, rest.lstrip() if closed else ""
    # If a text quotes the tag, as in a block of code, the answer is about the tag.
    found = _CLOSED.search(text) if "</think>" in text else None
    if found is not None and "<think>" not in text[: found.start()] and "```" not in text[: found.start()]:
        return text[: found.start()], text[found.end() :].lstrip()
    return "", text


def _texts(values: list[Json]) -> Iterator[str]:
    """Yield the texts in a value. It may be a text, a part, or a list of these."""
    for value in values:
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            yield from _texts([value.get("text")])
        elif isinstance(value, list):
            yield from _texts(value)
