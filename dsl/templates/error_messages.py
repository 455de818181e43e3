"""The messages of jinja2 in flowrun's words, each with a way out."""

from __future__ import annotations

import re

CALLED = "give the call a name in the flow, `x = length(items)`, and write `{{ x }}`"
_BRACES = "write `{{ name }}` to insert a value; for the two braces themselves write `{{ '{{' }}`"
_UNCLOSED = re.compile(r"The innermost block that needs to be closed is '(\w+)'")
_TAG = re.compile(r"Encountered unknown tag '(\w+)'")
_CHARACTER = re.compile(r"unexpected char (.+) at \d+", re.DOTALL)
_TOKENS = {
    "'end of print statement'": "`}}`",
    "'begin of print statement'": "`{{`",
    "'end of statement block'": "`%}`",
    "'begin of statement block'": "`{%`",
    "end of template": "end of the text",
    "end of comment tag": "`#}`",
}
_KNOWN = "a template has only `{% if %}`, `{% for %}` and `{% set %}`; do everything else in the flow"
_NAMED_ARGUMENT = re.compile(r"(\|?)\s*\b[A-Za-z_][\w.]*\s*(\()[^(){}|]*\Z")


def called_by_name(text: str, start: int) -> tuple[int, int] | None:
    """Find the bracket of a call whose arguments are named with `:`, as in a flow. jinja2 stops at that `:`."""
    opened = max(text.rfind("{{", 0, start), text.rfind("{%", 0, start))
    if text[start : start + 1] != ":" or opened < 0 or start - opened > 500:
        return None
    found = _NAMED_ARGUMENT.search(text[opened + 2 : start])
    return (opened + 2 + found.start(2), opened + 2 + found.end(2)) if found and not found[1] else None


def explained(message: str, text: str, start: int) -> tuple[str, str]:
    """Return jinja2's message and the way out. The message avoids jinja2's own names for the parts of a template."""
    message = message.strip().rstrip(".")
    tag, unclosed = _TAG.search(message), _UNCLOSED.search(message)
    if tag:
        return f"`{{% {tag[1]} %}}` is not allowed here", _tag(tag[1], unclosed[1] if unclosed else "")
    if unclosed:
        block = unclosed[1]
        return f"`{{% {block} … %}}` is never closed", f"write `{{% end{block} %}}` where the block ends"
    if found := _CHARACTER.search(message):
        return f"{found[1]} is not allowed here", _character(text, start)
    if text.startswith(":", start) and "got ':'" in message:
        return "`:` is not allowed here", "write an argument of a filter as `name=value`"
    for token, written in _TOKENS.items():
        message = message.replace(token, written)
    message = re.sub(r"'([^']*)'", r"`\1`", message.replace("expected token", "expected"))
    return message[:1].lower() + message[1:], _BRACES


def _tag(tag: str, unclosed: str) -> str:
    closes = tag.startswith("end")
    if unclosed and closes:
        return f"the open block is `{{% {unclosed} … %}}`: close it with `{{% end{unclosed} %}}`"
    if tag in ("else", "elif"):
        return "write this tag between `{% if … %}` and `{% endif %}`"
    if closes:
        opened = f"`{{% {tag[3:]} … %}}`" if tag[3:] in ("if", "for") else "block"
        return f"no {opened} is open here: delete this tag, or open a block before it"
    return _KNOWN


def _character(text: str, start: int) -> str:
    if text.startswith("??", start):
        return "for a value that may be missing write `{{ a | default('b') }}`"
    if text.startswith("?", start):
        return "write `{{ a if condition else b }}`"
    if text.startswith(("&", "!"), start):
        return "join conditions with `and`, `or` and `not`"
    if text.startswith(("'", '"'), start):
        return "close the text with the quote that opened it"
    return _BRACES
