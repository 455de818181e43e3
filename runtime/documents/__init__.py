"""The readers of documents: one kind of file, one file.

A reader is a module of this folder that binds a ``Reader``, or an entry point of the group ``flowrun.readers``.
"""

from __future__ import annotations

from .protocol import Reader

__all__ = ["Reader"]
