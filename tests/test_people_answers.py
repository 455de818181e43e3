"""`flowrun answer`: open questions of a run, their answers, and the runs that go on with them."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from flowrun.testing import FaultServer
from support.command_line import Ran, chat, command
from support.few_cases import few
from support.terminals import Terminal

START = [sys.executable, "-c", "from flowrun.runtime.cli import main; main()"]
FLOW = """flow look(topics: [text]) {
  drafts = map topic in topics {
    draft = ask "Write about {{ topic }}"
    ok = ask human "Publish {{ draft }} on {{ topic }}?" -> yes | no | text
    { draft, ok }
  } reduce collect
  grade = ask human "How good is {{ drafts | length }}?" -> 1..5
  return { drafts, grade }
}
"""


class Desk:
    """A folder with the flow, and a server that answers its calls."""

    def __init__(self, folder: Path, server: FaultServer) -> None:
        self.folder = folder
        self.server = server
        (folder / "look.flow").write_text(FLOW)
        (folder / "topics.txt").write_text("cats\ndogs\n")

    async def __call__(self, *arguments: str, stdin: str = "") -> Ran:
        url = f"{self.server.url}/v1"
        given = {"OPENAI_BASE_URL": url, "OPENAI_API_KEY": "k"}
        return await command(*arguments, folder=self.folder, stdin=stdin, **given)

    async def run(self) -> Ran:
        return await self("look.flow", "--topics", "topics.txt", "--model", "openai:m", "--json")


def _answering(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    env = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    pipe = subprocess.PIPE
    return subprocess.Popen([*START, "answer", *arguments], cwd=folder, env=env, stdout=pipe, stderr=pipe, text=True)


async def _with(folder: Path, work: object) -> None:
    server = FaultServer()
    server.json(chat("a draft"))
    async with server.serving():
        await work(Desk(folder, server))  # type: ignore[operator]


def test_a_run_does_the_rest_and_goes_on_after_the_answers(tmp_path: Path) -> None:
    async def work(desk: Desk) -> None:
        first = await desk.run()
        told = json.loads(first.out)
        assert (first.code, told["status"], told["calls"]) == (6, "open", 2)
        assert [one["path"] for one in told["questions"]] == ["drafts[0].ok", "drafts[1].ok"]
        assert told["questions"][0]["type"] == "yes | no | text"
        assert "flowrun answer" in first.err and "drafts.0.ok VALUE" in first.err

        listed = await desk("answer", "last")
        assert listed.code == 0
        assert "drafts.1.ok  yes | no | text  Publish a draft on dogs?" in listed.out
        rows = json.loads((await desk("answer", "last", "--json")).out)["questions"]
        assert [one["text"] for one in rows] == ["Publish a draft on cats?", "Publish a draft on dogs?"]

        assert (await desk("answer", "last", "drafts.0.ok", "Yes.")).code == 0
        again = await desk("resume", "last", "--json")
        assert (again.code, [one["path"] for one in json.loads(again.out)["questions"]]) == (6, ["drafts[1].ok"])
        long = "Not yet:\n\n  shorter\n"
        assert (await desk("answer", "last", "drafts[1].ok", "-", stdin=long)).code == 0
        third = json.loads((await desk("resume", "last", "--json")).out)
        assert [one["path"] for one in third["questions"]] == ["grade"]
        planned = await desk("plan", "look.flow", "--topics", "topics.txt", "--model", "openai:m")
        assert planned.out.endswith(
            "has 4 answers for this flow: a run makes no calls before people answer 1 question\n"
        )
        assert (await desk("answer", "last", "grade", "4")).code == 0
        last = await desk("resume", "last", "--json")
        ended = json.loads(last.out)
        assert (last.code, ended["status"], ended["people"]) == (0, "done", 3)
        assert ended["value"]["grade"] == 4
        assert [one["ok"] for one in ended["value"]["drafts"]] == ["yes", "Not yet:\n\n  shorter"]
        # Nothing was bought twice.
        assert (ended["calls"], ended["requests"], len(desk.server.seen)) == (2, 2, 2)

    asyncio.run(_with(tmp_path, work))


def test_answers_that_cannot_be_taken(tmp_path: Path) -> None:
    async def work(desk: Desk) -> None:
        assert (await desk("answer", "last")).err.startswith("flowrun: there is no journal")
        await desk.run()

        async def refused(*arguments: str) -> str:
            ran = await desk("answer", "last", *arguments)
            assert ran.code == 2, ran
            return str(ran.err)

        assert "has no path `nothing`" in await refused("nothing", "yes")
        assert "2 questions are at `drafts`" in await refused("drafts", "yes")
        assert "asks no person" in await refused("drafts.0.draft", "yes")
        assert "give the answer behind the path" in await refused("drafts.0.ok")
        assert "the answer is empty" in await refused("drafts.0.ok", " ")
        assert (await desk("answer", "last", "drafts.0.ok", "no")).code == 0
        assert "already answered, with `no`" in await refused("drafts.0.ok", "yes")
        assert (await desk("answer", "last", "drafts.0.ok", "yes", "--again")).code == 0
        assert (await desk("journal", "forget", "last", "drafts.0.ok")).code == 0
        assert (await desk("answer", "last")).out.count("Publish") == 2
        assert (await desk("answer", "last", "drafts.0.ok", "yes")).code == 0
        assert (await desk("answer", "last", "drafts.1.ok", "no")).code == 0
        ran = json.loads((await desk("resume", "last", "--json")).out)
        assert ran["steps"]["drafts"][0]["ok"] == "yes"
        assert "input should be less than or equal to 5" in await refused("grade", "7")
        assert "waits for no answer" not in await refused("grade", "no")
        assert (await desk("answer", "none", "grade", "3")).code == 2

    asyncio.run(_with(tmp_path, work))


def test_a_live_run_keeps_its_journal_and_a_killed_one_is_gone_on_with(tmp_path: Path) -> None:
    async def work(desk: Desk) -> None:
        given = {"OPENAI_BASE_URL": f"{desk.server.url}/v1", "OPENAI_API_KEY": "k"}
        options = ("look.flow", "--topics", "topics.txt", "--model", "openai:m")

        def killed() -> None:
            with Terminal([*START, *options], 100, 40, given, tmp_path, whole=True) as terminal:
                terminal.until(lambda text: "Publish a draft on" in text and text.rstrip().endswith(">"))
                terminal.type("1\n")
                terminal.until(lambda text: text.count("Publish a draft on") == 2 and text.rstrip().endswith(">"))
                # The run is the running process's own.
                refusing = _answering(tmp_path, "last", "drafts.1.ok", "no")
                said = refusing.communicate()[1]
                assert f"process {terminal.process.pid} is running the run " in said
                assert ": answer where it asks" in said
                assert refusing.returncode == 2
                assert _answering(tmp_path).communicate()[0].count("Publish") == 1
                terminal.process.send_signal(signal.SIGKILL)
                assert terminal.end() == -signal.SIGKILL

        await asyncio.to_thread(killed)
        left = json.loads((await desk("answer", "last", "--json")).out)["questions"]
        assert len(left) == 1
        assert (await desk("answer", "last", left[0]["path"], "no")).code == 0
        assert "may have been paid" not in (again := await desk("resume", "last", "--json")).err
        assert [one["path"] for one in json.loads(again.out)["questions"]] == ["grade"]
        assert (await desk("answer", "last", "grade", "1")).code == 0
        ended = json.loads((await desk("resume", "last", "--json")).out)
        assert (ended["status"], ended["in_doubt"], len(desk.server.seen)) == ("done", 0, 2)
        assert sorted(one["ok"] for one in ended["value"]["drafts"]) == ["no", "yes"]

    asyncio.run(_with(tmp_path, work))


@pytest.mark.parametrize("times", few(range(3), 0))
def test_one_of_two_answers_at_once_counts(tmp_path: Path, times: int) -> None:
    async def work(desk: Desk) -> None:
        await desk.run()
        both = [_answering(tmp_path, "last", "drafts.0.ok", word) for word in ("yes", "no")]
        ends = await asyncio.gather(*(asyncio.to_thread(one.communicate) for one in both))
        codes = [one.returncode for one in both]
        assert sorted(codes) == [0, 2], ends
        loser = ends[codes.index(2)][1]
        # It came after the other one, or while that one still held the run.
        assert "is already answered" in loser or "is running the run" in loser
        won = ("yes", "no")[codes.index(0)]
        assert (await desk("answer", "last", "drafts.1.ok", "no")).code == 0
        ran = json.loads((await desk("resume", "last", "--json")).out)
        assert ran["steps"]["drafts"][0]["ok"] == won
        with sqlite3.connect(tmp_path / ".flowrun" / "journal.db") as rows:
            [(many,)] = rows.execute("SELECT count(*) FROM records WHERE kind = 'answer' AND place = 'drafts[0].ok'")
            assert many == 1

    asyncio.run(_with(tmp_path, work))


def test_an_answering_process_that_is_killed_leaves_a_whole_answer_or_none(tmp_path: Path) -> None:
    async def work(desk: Desk) -> None:
        await desk.run()
        for wait in (0.2, 0.4, 0.6):
            process = _answering(tmp_path, "last", "drafts.0.ok", "yes", "--again")
            await asyncio.sleep(wait)
            process.kill()
            process.communicate()
        assert (await desk("answer", "last", "drafts.0.ok", "yes", "--again")).code == 0
        assert (await desk("answer", "last", "drafts.1.ok", "no")).code == 0
        ran = json.loads((await desk("resume", "last", "--json")).out)
        assert [one["path"] for one in ran["questions"]] == ["grade"]
        assert (await desk("show", "last")).code == 0

    asyncio.run(_with(tmp_path, work))
