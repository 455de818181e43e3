"""The content of a message in the form of each API."""

from __future__ import annotations

from typing import Any

from ..vocabulary.call import Message


def chat_content(message: Message) -> Any:
    """Write the content of a message for Chat Completions."""
    if not message.images:
        return message.text
    from .image_parts import chat_parts

    return chat_parts(message)


def messages_content(message: Message) -> Any:
    """Write the content of a message for Anthropic's Messages."""
    if not message.images:
        return message.text
    from .image_parts import messages_blocks

    return messages_blocks(message)


def generate_parts(message: Message) -> list[dict[str, Any]]:
    """Write the parts of a message for Google's generateContent."""
    if not message.images:
        return [{"text": message.text}]
    from .image_parts import inline_parts

    return inline_parts(message)
