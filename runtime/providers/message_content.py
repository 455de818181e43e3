"""The content of a message in the form of each API."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..vocabulary.call import Message
from .breakpoints import converse_blocks, cut_blocks, system_blocks


def chat_content(message: Message) -> Any:
    """Write the content of a message for Chat Completions."""
    if not message.images:
        return message.text
    from .image_parts import chat_parts

    return chat_parts(message)


def messages_content(message: Message) -> Any:
    """Write the content of a message for Anthropic's Messages."""
    if message.images:
        from .image_parts import messages_blocks

        return messages_blocks(message)
    return cut_blocks(message) if message.cuts else message.text


def messages_system(messages: Sequence[Message]) -> Any:
    """Write the words of the system for Anthropic's Messages; "" without any."""
    system = [message for message in messages if message.role == "system"]
    if any(message.cuts for message in system):
        return system_blocks(system)
    return "\n\n".join([message.text for message in system])


def converse_content(message: Message) -> list[dict[str, Any]]:
    """Write the content of a message, or of the words of the system, for Bedrock's Converse."""
    if message.images:
        from .image_parts import converse_blocks as with_images

        return with_images(message)
    return converse_blocks(message)


def generate_parts(message: Message) -> list[dict[str, Any]]:
    """Write the parts of a message for Google's generateContent."""
    if not message.images:
        return [{"text": message.text}]
    from .image_parts import inline_parts

    return inline_parts(message)
