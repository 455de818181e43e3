"""The readers of documents. Each kind of file has its own module.

A reader is a module of this folder that binds a ``Reader``, or an entry point of the group ``flowrun.documents``.
The group ``flowrun.readers`` means the same.
"""

from __future__ import annotations

from .protocol import Reader

__all__ = ["Reader"]
