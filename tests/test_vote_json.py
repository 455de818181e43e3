"""The votes of a run in `--json` and in `show --json`: one form, with all digits of their numbers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from support.command_line import chat, command

FLOW = """
flow f() {
  v = repeat 3 { ask "Which?" -> red | blue } reduce majority
  p = repeat 3 over w in ["x", "y", "z"] { ask "Which? {{ w }}" -> red | blue } reduce majority
  return { v, p, sure: agreement(v) }
}
"""


async def test_both_commands_tell_a_vote_in_one_form(faults: Any, tmp_path: Path) -> None:
    (tmp_path / "a.flow").write_text(FLOW)
    for _ in range(2):
        for word in ("red", "blue", "red"):
            faults.json(chat(json.dumps({"answer": word})))
    environ = {"OPENAI_API_KEY": "key", "OPENAI_BASE_URL": f"{faults.url}/v1"}
    words = ("--model", "openai:m", "--allow-host", "127.0.0.1")
    ran = await command("a.flow", *words, "--json", folder=tmp_path, **environ)
    assert ran.code == 0, ran.err
    report = json.loads(ran.out)
    shown = json.loads((await command("show", "last", "--json", folder=tmp_path)).out)["run"]["votes"]
    assert report["votes"]["v"]["agreement"] == report["value"]["sure"] == 2 / 3
    assert [vote.pop("cost_saved") for vote in report["votes"].values()] == [0, 0]
    assert shown == report["votes"]
