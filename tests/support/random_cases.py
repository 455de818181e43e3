"""Small flows that the generator can write, each for one kind of fault that the checker, plan or runner may have.

Each is tested against everything that must be true of a random flow. Those in ``REFUSED`` must not pass the check.
"""

from __future__ import annotations

from typing import Any

Json = Any
HEAD = (
    "type Word = aye | nay | abstain\n"
    "type Note = { text: text, label: Word, sure: 0.0..1.0, score: 1..5, tags: [Word], more: text? }\n"
    'model alone = "openai:alone" with concurrency: 1\n'
    'model spare = "openai:spare" else "gemini:spare"\n'
)
ITEMS = {"items": ["a", "b", "c"], "p0": True, "p1": False}
EMPTY = {**ITEMS, "items": []}


def flow(*lines: str, before: str = "", value: str = "x") -> str:
    """Write a flow of these lines, which returns one of its names."""
    inner = "\n  ".join(lines)
    return f"{HEAD}{before}flow f(items: [text], p0: bool, p1: bool) {{\n  {inner}\n  return {value}\n}}\n"


def fanout(*asks: str, reduce: str) -> str:
    """Write a line with a fan-out whose branches are called a, b and c."""
    branches = "\n    ".join(f"{name} = {ask}" for name, ask in zip("abc", asks, strict=False))
    return f"x = fanout {{\n    {branches}\n  }} reduce {reduce}"


TEXTS = ('ask "one|"', 'ask "two|"', 'ask "three|"')
WORDS = ('ask "one|" -> Word with seed: 1', 'ask "two|" -> Word with seed: 2', 'ask "three|" -> Word with seed: 3')
NOTES = ('ask "one|" -> Note', 'ask "two|" -> Note')
BAD = 'ask "bad|" -> Word'
RACE = 'ask "race|" -> Word'
SHOWN = "||{{ results }}"
JSON = "||{{ results | json }}"
PART = "flow part(note: { text: text, label: Word }) {\n  PARTS\n}\n"
WIDE = 'part({ text: "words", label: "aye", score: "hidden" })'


def part(*lines: str, value: str) -> str:
    return PART.replace("PARTS", "\n  ".join([*lines, f"return {value}"]))


_LOST_LAST = {
    f"the last branch is lost first under {rule}": flow(fanout(*branches, reduce=rule))
    for rule, branches in {
        "first": (f"chain {{ ask 'x' {RACE} }}".replace("'x'", '"before|"'), BAD),
        "majority": (WORDS[0], BAD),
        "quorum(1)": (WORDS[0], WORDS[1], BAD),
        "majority(at_least: 1)": (WORDS[0], WORDS[1], 'ask "junk|" -> Word'),
        "weighted(by: sure, of: label)": (*NOTES, 'ask "bad|" -> Note'),
        "approval": ('ask "one|" -> [Word]', 'ask "bad|" -> [Word]'),
    }.items()
}

_ASKS_BESIDE = {
    "a judge of branches": fanout(*TEXTS[:2], reduce=f'best(judge: ask "judge|{SHOWN}")'),
    "a judge that puts branches in order": fanout(*TEXTS, reduce=f'rank(judge: ask "judge|{SHOWN}")'),
    "a fold of branches": fanout(*TEXTS, reduce='fold ask "f| {{ so_far }} {{ next }}"'),
    "a fold of branches from a value": fanout(*TEXTS, reduce='fold(from: "z") ask "f| {{ so_far }} {{ next }}"'),
    "a tree of branches": fanout(*TEXTS, reduce=f'by 2 ask "tree|{JSON}"'),
    "a tree of branches by tokens": fanout(*TEXTS, reduce=f'by tokens(6) ask "tree|{JSON}"'),
    "a tie of branches": fanout(*WORDS[:2], reduce=f'majority(ties: ask "tie|{JSON}")'),
    "a quorum of branches with a tie": fanout(*WORDS, reduce=f'quorum(1, ties: ask "tie|{JSON}")'),
}

_ASKS_THAT_MENTION = {
    f"{what} mentions a branch": fanout(*branches, reduce=reduce)
    for what, branches, reduce in (
        ("an ask", TEXTS[:2], 'ask "r| {{ a }} {{ results }}"'),
        ("a judge", TEXTS[:2], f'best(judge: ask "judge|{{{{ a }}}} {{{{ b }}}}{SHOWN}")'),
        ("a judge of an order", TEXTS[:2], f'rank(judge: ask "judge|{{{{ b }}}}{SHOWN}")'),
        ("a tie", WORDS[:2], f'majority(ties: ask "tie|{{{{ a }}}}{JSON}")'),
        ("a tree", TEXTS, f'by 2 ask "tree|{{{{ a }}}}{JSON}"'),
        ("a tree by tokens", TEXTS, f'by tokens(6) ask "tree|{{{{ c }}}}{JSON}"'),
        ("a fold", TEXTS, 'fold ask "f| {{ so_far }} {{ next }} {{ b }}"'),
    )
}

_ENDS_EARLY = {
    "a race of branches": fanout(
        f'chain {{ a1 = ask "1|" a2 = ask "2| {{{{ a1 }}}}" {RACE} after a2 }}', RACE, reduce="first"
    ),
    "a race of elements": f"x = map e in items at most 9 {{ {RACE} }} reduce first",
    "a race of nonsense": 'x = map e in items at most 9 { ask "junk|{{ e }}" -> Word } reduce first',
    "a race of samples": f"x = repeat 3 {{ {RACE} }} reduce first",
    **{
        f"elements that are lost before {what}": (
            f"x = map e in items at most 9 {{ ask \"{{% if e == 'a' %}}junk{{% else %}}fine{{% endif %}}|{{{{ e }}}}\" "
            f"-> Word with retries: 0 }} reduce {reduce} with errors: {errors}"
        )
        for what, reduce, errors in (
            ("a judge", f'best(judge: ask "judge|{SHOWN}")', "skip"),
            ("a judge of an order", f'rank(judge: ask "judge|{SHOWN}")', "none"),
            ("a fold", 'fold ask "f| {{ so_far }} {{ next }}" -> Word', "skip"),
            ("a tree", f'by 2 ask "tree|{JSON}" -> Word', "skip"),
            ("one ask", 'ask "r| {{ results }}"', "skip"),
        )
    },
    "a body that is skipped before a judge": (
        f'x = repeat 3 {{ ask "s|" -> Word when p1 }} reduce best(judge: ask "judge|{SHOWN}")'
    ),
    "bodies of which some are skipped before a judge": (
        'x = map e in items at most 9 { ask "s|{{ e }}" -> Word when e == "a" } '
        f'reduce rank(judge: ask "judge|{SHOWN}")'
    ),
}

_ROUNDS = {
    "a fold begins before its last result": (
        'x = repeat 5 { ask alone "k|" with retries: 0 } reduce (fold ask "f| {{ so_far }} {{ next }}" '
        "with retries: 0) with concurrency: 1"
    ),
    "a window that does not fit into the least": (
        'x = repeat 3..5 { ask "s| {{ p1 }}" -> Word with seed: 9 } reduce window(2)'
    ),
    "a model that answers one at a time": (
        'x = map e in items at most 9 { ask alone "s|{{ e }}" with retries: 0 } reduce collect'
    ),
    "one result, and one result of many": f'x = map e in items {{ ask "s|{{{{ e }}}}" }} reduce by 2 ask "tree|{JSON}"',
}

_TYPES = {
    "a hidden field in a spread": (part(value="{ score: 3, ..note }"), WIDE),
    "a hidden field in a prompt": (part('s = ask "s| {{ note }}" -> Word', value="s"), WIDE),
    "a hidden field in a merge": (
        part("s = fanout { a = note b = { score: 3 } } reduce merge", value="s.score"),
        WIDE,
    ),
    "a hidden field in a list": (part("s = [note, note]", value="s"), WIDE),
}

CASES: list[tuple[str, str, dict[str, Json]]] = [
    *((f"1: {what}", text, ITEMS) for what, text in _LOST_LAST.items()),
    *((f"2: {what}", flow(f"{line} with retries: 0"), ITEMS) for what, line in _ASKS_BESIDE.items()),
    *((f"3: {what}", flow(line), ITEMS) for what, line in _ENDS_EARLY.items()),
    *((f"3: {what}, of nothing", flow(line), EMPTY) for what, line in _ENDS_EARLY.items()),
    *((f"3: {what}", flow(line), ITEMS) for what, line in _ROUNDS.items()),
    (
        "3: a map behind results that a judge drops",
        flow(
            f'y = map e in items at most 9 {{ ask "s|{{{{ e }}}}" -> Word when e == "a" }} '
            f'reduce rank(judge: ask "judge|{SHOWN}")',
            'x = map e in y { ask "t|{{ e }}" } reduce collect',
        ),
        ITEMS,
    ),
    (
        "3: chained maps with a window",
        flow(
            'y = map e in items at most 9 { ask "s|{{ e }}" with retries: 0 } reduce collect with concurrency: 1',
            'x = map e in y { ask "t|{{ e }}" with retries: 0 } reduce collect with concurrency: 1',
        ),
        ITEMS,
    ),
    (
        "3: a called flow whose budget is below what its inputs ask for",
        flow(
            "x = map e in items { part(items) } reduce collect with errors: skip",
            before=(
                "flow part(xs: [text]) budget 2 calls {\n"
                '  a = map e in xs at most 9 { ask "a|{{ e }}" } reduce collect\n  return a\n}\n'
            ),
        ),
        ITEMS,
    ),
    *((f"4: {what}", flow(line), ITEMS) for what, line in _ASKS_THAT_MENTION.items()),
    *((f"6: {what}", flow(f"x = {call}", before=before), ITEMS) for what, (before, call) in _TYPES.items()),
    ("6: rows of two shapes", flow('y = [{ a: "1" }, { b: "2" }]', 'x = ask "s| {{ y }}"'), ITEMS),
]

_ARITHMETIC = {
    "temperature by a constant": flow("hot = 99", 'x = ask "s|" with temperature: hot'),
    "temperature by arithmetic": flow('x = ask "s|" with temperature: 1 + 2'),
    "retries below zero": flow('x = ask "s|" with retries: 1 - 2'),
    "pieces of no characters": flow(
        'x = map e in split("abc", by: chars(1 - 1)) at most 9 { ask "{{ e }}" } reduce collect'
    ),
    "an overlap beyond its size": flow(
        'x = map e in split("abc", by: chars(4), overlap: 2 * 3) at most 9 { ask "{{ e }}" } reduce collect'
    ),
    "a quorum beyond its samples": flow('x = repeat 3 { ask "s|" -> Word } reduce quorum(2 + 3)'),
    "more ballots than samples": flow('x = repeat 3 { ask "s|" -> Word } reduce majority(at_least: 5)'),
    "a division by zero": flow("x = 4 / (2 - 2)"),
    "a division by a constant zero": flow("nothing = 0", "x = 4 / nothing"),
    "the mean of nothing": flow("x = map e in [] { n = 1 } reduce mean"),
    "a vote of nothing": flow('x = map e in [] { ask "s| {{ e }}" -> Word } reduce majority'),
    "a budget below the least of its flow": flow(
        "x = part()", before='flow part() budget 1 calls { a = ask "a|" b = ask "b| {{ a }}" return b }\n'
    ),
    "three elements of at most two": flow('x = map e in ["a", "b", "c"] at most 2 { ask "{{ e }}" } reduce collect'),
}
_NAMES = {
    "a separator that is a branch": flow(fanout(*TEXTS, reduce="concat(a)")),
    "a quorum by the results": flow(fanout(*WORDS, reduce="quorum(length(results))")),
    "a fold from a branch": flow(fanout(*TEXTS, reduce='fold(from: a) ask "f| {{ so_far }} {{ next }}"')),
    "a tree by the results": flow(fanout(*TEXTS, reduce=f'by tokens(length(results)) ask "tree|{JSON}"')),
}
_SHAPES = {
    "a field of rows that have none": flow(
        'y = [{ a: "1" }, { b: "2" }]', 'x = map row in y { ask "s| {{ row.a }}" } reduce collect'
    ),
    "a text that may be missing in a sum": flow("x = ask \"s| {{ ('a' if p1) ~ 'b' }}\""),
    "a tree of texts whose merges are words": flow(
        f'x = map e in items {{ ask "s|{{{{ e }}}}" }} reduce by 2 ask "tree|{JSON}" -> Word'
    ),
    "two words for one answer in a vote": flow('x = repeat 3 { ask "s|" -> "A" | "a" } reduce majority'),
}
REFUSED = {
    **{f"4: {what}": text for what, text in _NAMES.items()},
    **{f"6: {what}": text for what, text in _SHAPES.items()},
    **{f"7: {what}": text for what, text in _ARITHMETIC.items()},
}
