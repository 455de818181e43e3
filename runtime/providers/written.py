"""The content of a message in the form of each API."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..vocabulary.call import Message
from .breakpoints import cut_blocks, system_blocks


def chat_content(message: Message) -> Any:
    """Write the content of a message for Chat Completions."""
    return message.text


def messages_content(message: Message) -> Any:
    """Write the content of a message for Anthropic's Messages."""
    return cut_blocks(message) if message.cuts else message.text


def messages_system(messages: Sequence[Message]) -> Any:
    """Write the words of the system for Anthropic's Messages; "" without any."""
    system = [message for message in messages if message.role == "system"]
    if any(message.cuts for message in system):
        return system_blocks(system)
    return "\n\n".join([message.text for message in system])


def generate_parts(message: Message) -> list[dict[str, Any]]:
    """Write the parts of a message for Google's generateContent."""
    return [{"text": message.text}]
