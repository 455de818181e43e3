"""The help for an unknown reducer. It translates the names that other tools use, or lists our reducers by purpose."""

from __future__ import annotations

from collections.abc import Iterable

from ..diagnostics import nearest

_ASK = 'ask "…{{ results }}…"'
ELSEWHERE = {
    "all": "collect",
    "array": "collect",
    "average": "mean",
    "avg": "mean",
    "combine": _ASK,
    "concatenate": "concat",
    "distinct": "dedupe",
    "gather": "collect",
    "join": "concat",
    "len": "count",
    "length": "count",
    "list": "collect",
    "mode": "majority",
    "most_common": "majority",
    "reduce": _ASK,
    "size": "count",
    "sort": "rank",
    "sorted": "rank",
    "sum_up": _ASK,
    "summarise": _ASK,
    "summarize": _ASK,
    "summary": _ASK,
    "synthesize": _ASK,
    "total": "sum",
    "unique": "dedupe",
    "vote": "majority",
}
"""The names of reducers in other tools, each with the name in flowrun."""
_PURPOSES = (
    ("collect", "`collect` for a list"),
    ("majority", "`majority` for a vote"),
    ("concat", '`concat("\\n")` for one text'),
)


def reducer_meant(word: str, known: Iterable[str]) -> str:
    """Return the help for an unknown reducer. ``known`` has the names of the existing reducers."""
    rules = list(known)
    there = ELSEWHERE.get(word.lower())
    if there and (there == _ASK or there in rules):
        return f"write `{there}`"
    if near := nearest(word, rules):
        return f"did you mean `{near}`?"
    purposes = [text for rule, text in _PURPOSES if rule in rules]
    others = ", ".join(f"`{rule}`" for rule in rules if rule not in {"ask", *(rule for rule, _ in _PURPOSES)})
    return f"write {', '.join(purposes)}, `{_ASK}` for one more call" + (f", or one of {others}" if others else "")
