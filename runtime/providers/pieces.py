"""The parts of a streamed message, whose texts come in pieces."""

from __future__ import annotations

from ..vocabulary.json_value import Json


class _Pieces(list[str]):
    """Pieces of one text. They are joined at the end."""


def join(parts: list[dict[str, Json]], part: dict[str, Json]) -> None:
    """Add a part to a list. A text joins the last text of its kind, because a separate part takes more memory."""
    text, last = part.get("text"), parts[-1] if parts else {}
    if not isinstance(text, str) or not part.keys() <= {"text", "thought"}:
        parts.append(part)
    elif isinstance(last.get("text"), _Pieces) and last.get("thought") == part.get("thought"):
        last["text"].append(text)
    else:
        parts.append({**part, "text": _Pieces([text])})


def joined(parts: list[dict[str, Json]]) -> list[dict[str, Json]]:
    return [
        {**part, "text": "".join(part["text"])} if isinstance(part.get("text"), _Pieces) else part for part in parts
    ]
