"""Files of recorded ballots: a question a line, with its votes, the right answer and the tokens of each sample."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

SHAPE = '{"votes": ["…", null, …], "gold": "…", "tok": [12, …], "id": "…"}, where "tok" and "id" may be missing'


@dataclass(frozen=True)
class Question:
    """The recorded samples of one question. A vote that is None or blank is a sample without an answer.

    ``tokens`` has the size of each sample, or nothing. ``name`` finds the same question in another file.
    """

    votes: Sequence[str | None]
    gold: str
    tokens: Sequence[float] = ()
    name: str = ""


def read(path: Path) -> list[Question]:
    """Read a file. A line that does not fit ends the program with one sentence that names it."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as problem:
        raise SystemExit(f"{path}: {problem}") from None
    questions = list(_read(path, lines))
    if not questions:
        raise SystemExit(f"{path}: there is no question")
    return questions


def _read(path: Path, lines: Sequence[str]) -> Iterator[Question]:
    seen: dict[str, int] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        question = _question(f"{path}:{number}", line)
        if question.name:
            if question.name in seen:
                raise SystemExit(f'{path}:{number}: the id "{question.name}" is also in line {seen[question.name]}')
            seen[question.name] = number
        yield question


def _question(where: str, line: str) -> Question:
    try:
        row: Any = json.loads(line)
    except ValueError as problem:
        raise SystemExit(f"{where}: this is no JSON: {problem}") from None
    if not isinstance(row, dict) or not isinstance(row.get("votes"), list) or row.get("gold") is None:
        raise SystemExit(f"{where}: a line is {SHAPE}")
    if not row["votes"]:
        raise SystemExit(f"{where}: there is no vote")
    tokens = row.get("tok") or []
    if not isinstance(tokens, list) or any(not _is_size(one) for one in tokens):
        raise SystemExit(f'{where}: "tok" is a list of numbers that are not negative')
    if tokens and len(tokens) != len(row["votes"]):
        raise SystemExit(f'{where}: "tok" has {len(tokens)} numbers for {len(row["votes"])} votes')
    votes = [None if vote is None else _text(vote) for vote in row["votes"]]
    return Question(votes, _text(row["gold"]), tokens, _text(row.get("id") or ""))


def _is_size(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < float("inf")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def matched(paths: Sequence[Path]) -> list[list[Question]]:
    """Read files of the same questions, and bring them into the order of the first: by ids if they have some, else by
    lines."""
    files = [read(path) for path in paths]
    first = files[0]
    by_name = all(one.name for one in first)
    return [
        first,
        *(_like(first, file, paths[0], path, by_name) for path, file in zip(paths[1:], files[1:], strict=True)),
    ]


def _like(first: list[Question], other: list[Question], path: Path, its: Path, by_name: bool) -> list[Question]:
    names = {one.name: one for one in other if one.name}
    if by_name and names:
        missing = next((one.name for one in first if one.name not in names), None)
        if missing is not None:
            raise SystemExit(f'{its}: the question "{missing}" of {path} is missing')
        other = [names[one.name] for one in first]
    elif len(first) != len(other):
        raise SystemExit(f"{its}: {len(other)} questions, and {path} has {len(first)}; ids could match them")
    for number, (one, its_one) in enumerate(zip(first, other, strict=True), 1):
        if one.gold != its_one.gold:
            what = f'"{one.name}"' if one.name else f"{number}"
            raise SystemExit(f'{its}: question {what} has the answer "{its_one.gold}", and in {path} "{one.gold}"')
    return other


def in_turn(files: Sequence[Sequence[Question]], most: int) -> list[Question]:
    """The questions with the votes of a panel: sample i is the next one of file i mod n."""
    panels = []
    for rows in zip(*files, strict=True):
        order = [(rows[i % len(rows)], i // len(rows)) for i in range(most)]
        votes = [row.votes[at] for row, at in order]
        tokens = [row.tokens[at] for row, at in order] if all(row.tokens for row in rows) else []
        panels.append(replace(rows[0], votes=votes, tokens=tokens))
    return panels


def fewest(questions: Sequence[Question]) -> int:
    return min(len(question.votes) for question in questions)
