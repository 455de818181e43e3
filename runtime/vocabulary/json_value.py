"""The type of values that were read from JSON, or can be written as JSON."""

from __future__ import annotations

from typing import Any

Json = Any
"""JSON from a model, a server, a file or a caller: None, bool, int, float, str, or lists and dicts of those.

Its shape is known only where a type of the flow was checked against it, which no static type can tell. A recursive
union would ask for a check or a cast at each access, beside the check that the flow's type has had already.
"""
