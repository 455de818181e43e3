"""Patterns that are compiled at their first use."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from unittest.mock import patch

import pytest

from flowrun.dsl.patterns import _Pattern, pattern

ROOT = Path(__file__).parent.parent
MODULES = sorted(
    "flowrun." + ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for half in ("dsl", "runtime")
    for path in (ROOT / half).rglob("*.py")
    if "import pattern\n" in (text := path.read_text(encoding="utf-8")) or ", pattern" in text
)


def test_a_pattern_is_compiled_once_and_at_its_first_use() -> None:
    with patch.object(re, "compile", wraps=re.compile) as compiled:
        word = pattern(r"w(\w+)", re.IGNORECASE)
        assert not compiled.called
        assert (found := word.search("a Word")) is not None
        assert found[1] == "ord"
        assert word.sub(r"\1", "word, Word") == "ord, ord"
        assert [*word.finditer("no")] == []
        assert compiled.call_count == 1


def test_it_does_what_a_compiled_pattern_does() -> None:
    ours, compiled = pattern(rb"(?P<one>a+)|b"), re.compile(rb"(?P<one>a+)|b")
    assert (ours.pattern, ours.flags, ours.groups) == (compiled.pattern, compiled.flags, compiled.groups)
    assert (ours.groupindex, ours.split(b"xay")) == (compiled.groupindex, compiled.split(b"xay"))
    assert ours.findall(b"caab") == compiled.findall(b"caab")
    assert ours.subn(b"", b"caab") == compiled.subn(b"", b"caab")
    with pytest.raises(AttributeError, match="nothing"):
        ours.nothing  # type: ignore[attr-defined]  # noqa: B018
    with pytest.raises(re.error):
        pattern("(").match("")


@pytest.mark.parametrize("name", MODULES)
def test_each_pattern_of_a_module_can_be_compiled(name: str) -> None:
    for one in vars(import_module(name)).values():
        if isinstance(one, _Pattern):
            assert one.flags >= 0
