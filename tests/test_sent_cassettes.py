"""Cassettes and the further options of asks: recorded with them, and played only for the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from flowrun.runtime.vocabulary.call import Message, Request
from flowrun.runtime.vocabulary.errors import UsageError
from flowrun.testing.cassette import Cassette, Line, key_of, options_of
from support.command_line import Ran, chat, command

FLOW = """
model own = "openai:llama-3" with reasoning: tokens(500), extra: { tokens: 5, top_k: 4 }
flow f(claim: text) {
  verdict = ask own "True? {{ claim }}" with stop: ["END", "FIN"]
  return verdict
}
test "true" of f {
  claim = "rain is wet"
  cassette "f.jsonl"
  expect verdict == "yes"
}
"""
OPTIONS = {"reasoning": {"tokens": 500}, "stop": ["END", "FIN"], "extra": {"tokens": 5, "top_k": 4}}


async def checked(folder: Path, faults: Any, text: str, *arguments: str) -> Ran:
    (folder / "f.flow").write_text(text, encoding="utf-8")
    environ = {"OPENAI_BASE_URL": f"{faults.url}/v1", "FLOWRUN_CACHE": str(folder / "cache")}
    return await command("test", "f.flow", *arguments, folder=folder, **environ)


async def test_a_recorded_answer_plays_for_the_same_options(faults: Any, tmp_path: Path) -> None:
    text = FLOW.replace("tokens(500)", "low")
    faults.json(chat("yes"))
    ran = await checked(tmp_path, faults, text, "--record")
    assert ran.code == 0, ran.out + ran.err
    (body,) = faults.seen
    assert (body["reasoning_effort"], body["stop"], body["tokens"], body["top_k"]) == ("low", ["END", "FIN"], 5, 4)
    (line,) = [json.loads(row) for row in (tmp_path / "f.jsonl").read_text(encoding="utf-8").splitlines()[1:]]
    assert line["options"] == {**OPTIONS, "reasoning": "low"}
    played = await checked(tmp_path, faults, text)
    assert played.code == 0, played.out + played.err
    other = await checked(tmp_path, faults, text.replace("top_k: 4", "top_k: 5"))
    assert other.code != 0
    assert "lacks this call: `verdict`" in other.out + other.err
    assert len(faults.seen) == 1


def request(**options: Any) -> Request:
    return Request((Message("user", "x"),), temperature=0.5, options=options)


def test_the_key_of_a_call_has_its_options() -> None:
    assert key_of(request()) == key_of(Request((Message("user", "x"),), temperature=0.5))
    assert len({key_of(request(**one)) for one in ({}, {"top_p": 0.5}, {"stop": "a"}, {"stop": ["a"]})}) == 4
    assert options_of(request(**OPTIONS)) == {"temperature": 0.5, **OPTIONS}


SECRETS = [{"user": "sk-proj-0123456789abcdefghijklmnop"}, {"extra": {"a": "AKIAIOSFODNN7EXAMPLE"}}]


@pytest.mark.parametrize("options", SECRETS)
def test_a_secret_in_an_option_is_not_kept(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="looks like a secret"):
        Cassette("f").add(Line("a", 0, 0, "k", "m", (), "x", options=options))
