"""Searches, tournaments and panels in the tests of a flow: replies by number, by result and by item; cassettes."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from support.command_line import Ran, command

FLOW = (Path(__file__).parent / "corpus" / "ok" / "search_tests.flow").read_text(encoding="utf-8")


def run(folder: Path, text: str, *options: str) -> Ran:
    (folder / "f.flow").write_text(text, encoding="utf-8")
    return asyncio.run(command("test", "f.flow", *options, folder=folder))


def test_replies_choose_the_result_that_passes_and_the_candidate_that_wins(tmp_path: Path) -> None:
    ran = run(tmp_path, FLOW)
    assert (ran.code, ran.err) == (0, ""), ran.out
    assert "2 tests passed" in ran.out


@pytest.mark.parametrize(
    ("right", "wrong", "told"),
    [
        ("works.reduce when result == wanted: yes", 'works.reduce when result == "two": yes', "the two are not equal"),
        ("reply cup.reduce when first(results)", "reply cup.reduce when last(results)", "the two are not equal"),
        ("reply works.reduce[1]: yes", "reply works.reduce[2]: yes", 'left: "three"'),
        ("reply cup.reduce[1][0]: 1", "reply cup.reduce[2][0]: 1", "no reply"),
        ("reply voted when m == small: yes", "reply voted when m == small: no", "the two are not equal"),
        ('asked works.reduce[1] contains "two"', 'asked works.reduce[0] contains "two"', "does not contain the text"),
        ('asked works.reduce[1] contains "two"', 'asked cup.reduce[2][1] contains "a"', "was not asked"),
    ],
)
def test_a_test_with_another_reply_fails_and_says_so(right: str, wrong: str, told: str, tmp_path: Path) -> None:
    assert right in FLOW
    ran = run(tmp_path, FLOW.replace(right, wrong))
    assert ran.code == 1
    assert told in ran.out


def test_the_two_answers_of_a_match_are_those_of_its_two_orders(tmp_path: Path) -> None:
    head, _, _ = FLOW.partition("test ")
    body = """test "wins" of found {
  task = "x"
  reply works: "w"
  reply works.reduce: yes
  reply voted: yes
  reply cup: "a", "b", "c", "d"
  reply cup.reduce[0][0]: FIRST
  reply cup.reduce[0][1]: 1, 1
  reply cup.reduce[1][0]: 1, 2
  expect cup == "a"
}
"""
    # The judge names the same candidate in both orders, and in a draw the one that stands first goes on.
    for first in ("1, 2", "1, 1", "1"):
        ran = run(tmp_path, head + body.replace("FIRST", first))
        assert ran.code == 0, ran.out
    lost = run(tmp_path, head + body.replace("FIRST", "2, 1"))
    assert lost.code == 1, lost.out
