"""Texts in XML, for the writers of JUnit's files."""

from __future__ import annotations

from ..patterns import pattern
from .report import encodable

# XML 1.0 cannot hold these characters, not even escaped.
_NO_XML = pattern("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def xml_text(text: str) -> str:
    """Write a text between two tags. A character that XML cannot hold becomes the replacement character."""
    clean = _NO_XML.sub("\N{REPLACEMENT CHARACTER}", encodable(text))
    return clean.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#13;")


def xml_attribute(text: str) -> str:
    """Write the value of an attribute, without its quotes."""
    # A reader makes spaces of line ends and tabs in an attribute unless they are escaped.
    return xml_text(text).replace('"', "&quot;").replace("\n", "&#10;").replace("\t", "&#9;")
