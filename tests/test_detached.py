"""Runs that outlive their terminal: they begin before the command ends, go on without it, and can be followed."""

from __future__ import annotations

import json
import os
import signal
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.away import Folder, at_a_terminal_that_closes, lives
from support.command_line import COMMAND
from support.model_server import model_server
from support.patience import PATIENCE, eventually
from support.place import MAP, Place, announced, place
from support.terminals import Terminal
from support.written import read_journal


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    yield from place(tmp_path_factory.mktemp("slow"), MAP, 40, seconds=0.1)


@pytest.fixture(scope="module")
def endless(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A place whose runs do not end by themselves in the time of a test."""
    folder = tmp_path_factory.mktemp("endless")
    folder.joinpath("a.flow").write_text(MAP)
    items = folder / "items.json"
    items.write_text(json.dumps([f"thing {number}" for number in range(4000)]))
    with model_server(folder / "server.log", 0.3) as served:
        yield Place(folder, served, items)


@pytest.fixture
def at(slow: Place, tmp_path: Path) -> Folder:
    return Folder(tmp_path, slow)


@pytest.fixture
def long(endless: Place, tmp_path: Path) -> Folder:
    return Folder(tmp_path, endless)


@pytest.fixture(scope="module")
def whole(slow: Place, tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """A detached run that has ended."""
    at = Folder(tmp_path_factory.mktemp("whole"), slow)
    at.detach()
    assert at.attach().code == 0
    return at


def status(at: Folder) -> list[tuple[str, bool]]:
    ran = at.command("runs", "--json", "--journal", "journal.db")
    return [(row["status"], row["detached"]) for row in json.loads(ran.out)["runs"]]


def test_a_run_goes_on_when_its_terminal_is_closed(long: Folder, endless: Place) -> None:
    shown = at_a_terminal_that_closes([*long.run_arguments, "--detach"], long.path, long.environ)
    assert "the run goes on without this terminal: `flowrun attach " in shown
    answers = endless.served.answers()
    eventually(lambda: endless.served.answers() > answers + 16)
    assert status(long) == [("running", True)]
    long.stop()
    assert status(long) == [("stopped", False)]


def test_the_command_tells_the_id_and_how_to_go_on(long: Folder) -> None:
    ran = long.command(*long.run_arguments, "--detach")
    run = ran.out.strip()
    assert ran.code == 0
    assert ran.err == (
        f"the run goes on without this terminal: `flowrun attach {run} --journal journal.db` follows it, and "
        f"`flowrun stop {run} --journal journal.db` stops it\n"
    )
    listed = long.command("runs", "--journal", "journal.db")
    assert "running, detached" in listed.out
    assert long.stop(run).code == 0


def test_a_program_gets_the_id_as_json(at: Folder) -> None:
    ran = at.command(*at.run_arguments, "--detach", "--json")
    told = json.loads(ran.out)
    assert set(told) == {"run", "process"}
    assert lives(told["process"])
    # The account of the run is JSON, as the command would have printed it.
    account = json.loads(at.attach(told["run"]).out)
    assert (account["run"], account["status"]) == (told["run"], "done")


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="no /proc")
def test_the_process_has_no_terminal_and_only_its_user_reads_its_files(long: Folder) -> None:
    run = long.detach()
    process = long.process(run)
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    session, terminal = int(fields[3]), int(fields[4])
    assert (session, terminal) == (process, 0)
    assert os.readlink(f"/proc/{process}/fd/0") == "/dev/null"
    assert os.readlink(f"/proc/{process}/fd/2") == str(long.files / f"{run}.log")
    assert stat.S_IMODE(long.files.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.lstat().st_mode) for file in long.files.iterdir()} == {0o600}
    assert long.left() == [f"{run}.{end}" for end in ("log", "out", "run", "sock")]
    long.stop(run)
    assert long.left() == [f"{run}.{end}" for end in ("log", "out", "run")]


def test_several_commands_follow_a_run_and_one_that_is_held_up_holds_up_nothing(at: Folder, slow: Place) -> None:
    slow.served.hold(8)
    run = at.detach()
    held, followers = at.begin("attach", run, "--journal", "journal.db"), []
    time.sleep(0.5)
    held.send_signal(signal.SIGSTOP)
    try:
        followers = [at.begin("attach", run, "--journal", "journal.db") for _ in range(2)]
        slow.served.go_on()
        for one in followers:
            out, err = one.communicate(timeout=PATIENCE)
            assert (one.returncode, out) == (0, slow.expected), err
            assert "calls · " in err
    finally:
        held.send_signal(signal.SIGCONT)
    assert held.communicate(timeout=PATIENCE)[0] == slow.expected


def test_the_progress_is_drawn_and_an_interrupt_leaves_the_run_alone(long: Folder) -> None:
    run = long.detach()
    command = [*COMMAND, "attach", run, "--journal", "journal.db"]
    with Terminal(command, 100, 20, long.environ, long.path) as terminal:
        terminal.until(lambda text: "█" in text and "in flight" in text)
        terminal.process.send_signal(signal.SIGINT)
        assert terminal.end() == 130
        assert f"the run goes on: `flowrun attach {run}" in terminal.text
        assert not terminal.cursor_hidden
        assert "█" not in terminal.text
    assert status(long) == [("running", True)]
    with Terminal(command, 100, 20, long.environ, long.path) as terminal:
        terminal.until(lambda text: "█" in text)
        terminal.process.send_signal(signal.SIGTERM)
        assert terminal.end() == 143
        assert not terminal.cursor_hidden
    long.stop(run, "--now")


def test_the_end_of_a_run_is_shown_again_and_again(whole: Folder, slow: Place) -> None:
    for _ in range(2):
        ran = whole.attach()
        assert (ran.code, ran.out) == (0, slow.expected)
        assert "calls · " in ran.err
    [record] = [file for file in whole.files.iterdir() if file.suffix == ".run"]
    # Without the files of the run, the journal tells the same answer.
    kept = {file: file.read_bytes() for file in whole.files.iterdir()}
    record.unlink()
    ran = whole.attach()
    assert (ran.code, ran.out) == (0, slow.expected)
    assert "has ended (done)" in ran.err
    for file, data in kept.items():
        file.write_bytes(data)
        file.chmod(0o600)


def test_a_run_at_a_terminal_has_the_same_end_for_attach(at: Folder, slow: Place) -> None:
    assert at.command(*at.run_arguments).code == 0
    ran = at.attach()
    assert (ran.code, ran.out) == (0, slow.expected)
    assert at.left() == []


def test_a_run_that_is_stopped_keeps_its_answers(at: Folder, slow: Place) -> None:
    start = len(slow.served.lines())
    slow.served.hold(8)
    run = at.detach()
    slow.until(lambda lines: sum(line["at"] == "served" for line in lines) >= 8, start)
    stop = at.begin("stop", run, "--journal", "journal.db")
    eventually(lambda: "SIGINT: flowrun sends no more calls" in (at.files / f"{run}.log").read_text())
    slow.served.go_on()
    out, err = stop.communicate(timeout=PATIENCE)
    assert (stop.returncode, out) == (0, "")
    assert "SIGINT: flowrun sends no more calls" in err
    assert "answers are saved; resume the run with: flowrun resume " in err
    assert status(at) == [("stopped", False)]
    assert at.attach(run).code == 130
    assert "has ended before (stopped)" in at.stop(run).err
    again = at.command("resume", run, "--journal", "journal.db", "--detach")
    assert (again.code, again.out.strip()) == (0, run)
    ran = at.attach(run)
    assert (ran.code, ran.out) == (0, slow.expected)
    assert "SIGINT" not in ran.err
    assert sum(line["at"] == "served" for line in slow.served.lines(start)) == slow.needed


def test_a_run_ends_at_once_if_that_is_asked_for(long: Folder) -> None:
    run = long.detach()
    process = long.process(run)
    ran = long.stop(run, "--now")
    assert ran.code == 0
    assert f"the run {run} was ended; resume it with: flowrun resume {run} --journal journal.db" in ran.err
    assert not lives(process)
    assert long.attach(run).code == 130
    assert long.left() == [f"{run}.{end}" for end in ("log", "out", "run")]


@pytest.mark.slow
def test_a_later_end_of_the_run_counts(at: Folder, slow: Place) -> None:
    run = at.detach()
    at.stop(run, "--now")
    assert at.command("resume", run, "--journal", "journal.db").out == slow.expected
    # That part of the run had a terminal, so the files of the part before do not tell its end.
    ran = at.attach(run)
    assert (ran.code, ran.out) == (0, slow.expected)


def test_a_stop_need_not_be_waited_for(long: Folder) -> None:
    run = long.detach()
    ran = long.stop(run, "--no-wait")
    assert ran.code == 0
    assert "was told to stop" in ran.err
    assert long.attach(run).code == 130


def test_a_killed_run_is_told_apart_and_can_be_resumed(at: Folder, slow: Place) -> None:
    slow.served.hold(8)
    run = at.detach()
    process = at.process(run)
    # After an answer that is kept, a request of the killed process keeps its place for a moment, and not for 30 s.
    eventually(lambda: len(read_journal(at.path / "journal.db").paid) >= 1)
    os.kill(process, signal.SIGKILL)
    eventually(lambda: not lives(process))
    slow.served.go_on()
    ran = at.attach(run)
    assert (ran.code, ran.out) == (137, "")
    assert "was killed, or its machine went down; its paid answers are in the journal: resume it with: " in ran.err
    assert at.left() == [f"{run}.{end}" for end in ("log", "out", "run")]
    listed = at.command("runs", "--journal", "journal.db")
    assert "killed" in listed.out
    assert f"the detached run {run} was killed: resume it with: flowrun resume {run} --journal journal.db" in listed.err
    assert "it was killed; resume it with: " in at.stop(run).err
    # The calls in doubt are told at the terminal, and to those who follow the run later.
    again = at.command("resume", run, "--journal", "journal.db", "--detach")
    followed = at.attach(run)
    assert followed.out == slow.expected
    assert announced(again.err) == announced(followed.err) > 0


def test_a_run_is_killed_while_a_command_follows_it(long: Folder) -> None:
    run = long.detach()
    follower = long.begin("attach", run, "--journal", "journal.db")
    time.sleep(0.7)
    os.kill(long.process(run), signal.SIGKILL)
    _, err = follower.communicate(timeout=PATIENCE)
    assert follower.returncode == 137
    assert "resume it with: flowrun resume" in err


def test_two_runs_go_on_at_once(at: Folder, slow: Place) -> None:
    other = Folder(at.path / "other", slow)
    other.path.mkdir()
    runs = at.detach(), other.detach()
    assert (at.attach(runs[0]).out, other.attach(runs[1]).out) == (slow.expected, slow.expected)


def test_the_output_is_written_as_always(at: Folder, slow: Place) -> None:
    at.detach("--output", "answer.txt", "--report", "page.html")
    ran = at.attach()
    assert (ran.code, ran.out) == (0, "")
    assert (at.path / "answer.txt").read_text().strip() == slow.expected.strip()
    assert (at.path / "page.html").exists()
    assert "the report is in `page.html`" in ran.err


@pytest.mark.slow
def test_a_process_that_is_held_up_is_named(long: Folder) -> None:
    run = long.detach()
    process = long.process(run)
    os.kill(process, signal.SIGSTOP)
    try:
        ran = long.stop(run)
    finally:
        os.kill(process, signal.SIGCONT)
    assert ran.code == 2
    assert f"its process {process} is held up. `kill -9 {process}` ends it" in ran.err
    long.stop(run)


@pytest.mark.parametrize("words", [("erase", "RUN"), ("prune", "--older", "0d")])
def test_a_run_that_is_erased_leaves_no_files(words: tuple[str, ...], long: Folder) -> None:
    run = long.detach()
    long.stop(run)
    assert long.left()
    ran = long.command("journal", *(run if word == "RUN" else word for word in words), "--journal", "journal.db")
    assert ran.code == 0, ran.err
    assert long.left() == []


def test_a_run_at_another_terminal_is_awaited(at: Folder, slow: Place) -> None:
    start = len(slow.served.lines())
    slow.served.hold()
    command = at.begin(*at.run_arguments)
    slow.until(lambda lines: len(lines) >= 1, start)
    stop = at.stop()
    assert stop.code == 2
    assert "goes on at a terminal, and not detached: press ^C there" in stop.err
    attach = at.begin("attach", "--journal", "journal.db")
    assert attach.stderr is not None
    assert "its journal is read until it ends" in attach.stderr.readline()
    slow.served.go_on()
    out, err = attach.communicate(timeout=PATIENCE)
    assert (attach.returncode, out) == (0, slow.expected), err
    command.communicate(timeout=PATIENCE)
