"""The drawings of a plan in three formats: Mermaid, DOT and SVG."""

from __future__ import annotations

from .dot import to_dot
from .draw import picture_of
from .mermaid import to_mermaid
from .picture import Picture
from .svg import to_page_svg, to_svg

__all__ = ["Picture", "picture_of", "to_dot", "to_mermaid", "to_page_svg", "to_svg"]
