"""The content of a message in the form of each API."""

from __future__ import annotations

from typing import Any

from ..vocabulary.call import Message


def chat_content(message: Message) -> Any:
    """Write the content of a message for Chat Completions."""
    return message.text


def messages_content(message: Message) -> Any:
    """Write the content of a message for Anthropic's Messages."""
    return message.text


def converse_content(message: Message) -> list[dict[str, Any]]:
    """Write the content of a message for Bedrock's Converse."""
    return [{"text": message.text}]


def generate_parts(message: Message) -> list[dict[str, Any]]:
    """Write the parts of a message for Google's generateContent."""
    return [{"text": message.text}]
