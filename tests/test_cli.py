"""The command as a person uses it: real processes, a real server, exit codes and what is printed where."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.command_line import COMMAND, Ran, chat, command
from support.patience import PATIENCE

ROOT = Path(__file__).resolve().parent.parent

SPAM = """\
flow is_spam(email: text) {
  verdict = repeat 3 { ask "SPAM or NOT?\\n{{ email }}" -> SPAM | NOT } reduce majority
  return verdict
}
"""
ECHO = "flow echo(name: text, times: int = 2) { return { name, times } }\n"


def wrapped(label: str) -> str:
    return json.dumps({"answer": label})


async def test_a_vote_prints_its_answer_and_its_account(faults: Any, flow: Callable[[str], Path]) -> None:
    folder = flow(SPAM).parent
    faults.json(chat(wrapped("SPAM"), wrapped("SPAM")))
    ran = await command("a.flow", "--email", "win!", "--model", "openai:m", folder=folder, OPENAI_BASE_URL=faults.url)
    assert (ran.code, ran.out) == (0, "SPAM\n")
    assert "SPAM (2 of 3) · 2 calls in 1 request (1 not needed)" in ran.err
    assert faults.seen[0]["n"] == 2
    assert faults.seen[0]["messages"][-1]["content"] == "SPAM or NOT?\nwin!"


async def test_json_holds_the_account_and_quiet_prints_the_answer_alone(
    faults: Any, flow: Callable[[str], Path]
) -> None:
    folder = flow(SPAM).parent
    faults.json(chat(wrapped("SPAM"), wrapped("NOT")))
    faults.json(chat(wrapped("NOT")))
    server = {"OPENAI_BASE_URL": faults.url, "FLOWRUN_MODEL": "openai:m"}
    ran = await command("a.flow", "--email", "-", "--json", "-q", folder=folder, stdin="from a pipe", **server)
    account = json.loads(ran.out)
    assert (ran.code, ran.err) == (0, "")
    assert account["value"] == "NOT"
    assert account["votes"]["verdict"]["ballots"] == [{"answer": "NOT", "count": 2}, {"answer": "SPAM", "count": 1}]
    assert (account["calls"], account["requests"]) == (3, 2)
    assert "from a pipe" in faults.seen[0]["messages"][-1]["content"]


async def test_inputs_come_as_values_files_and_standard_input(flow: Callable[[str], Path]) -> None:
    folder = flow(ECHO).parent
    (folder / "name.txt").write_text("Ada\n")
    ran = await command("a.flow", "--name", "@name.txt", "--times", "3", folder=folder)
    assert json.loads(ran.out)["times"] == 3
    assert json.loads(ran.out)["name"].strip() == "Ada"
    ran = await command("a.flow", "--param", "name=Bo", folder=folder)
    assert json.loads(ran.out) == {"name": "Bo", "times": 2}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("a.flow",), "needs a value: add --name TEXT"),
        (("a.flow", "--name", "x", "--times", "many"), "`times`"),
        (("a.flow", "--nam", "x"), "--name"),
        (("a.flow", "--name", "@gone.txt"), "gone.txt"),
        (("a.flow", "--name", "x", "--flow", "ecko"), "did you mean `echo`?"),
        (("b.flow",), "there is no file"),
        (("validat", "a.flow"), "did you mean `validate`?"),
        (("explain", "F9999"), "there is no code `F9999`"),
        (("init", "a.flow"), "exists already, and is not overwritten"),
    ],
)
async def test_a_wrong_command_is_told_and_sends_nothing(
    flow: Callable[[str], Path], arguments: tuple[str, ...], said: str
) -> None:
    ran = await command(*arguments, folder=flow(ECHO).parent)
    assert ran.code == 2
    assert said in ran.err
    assert ran.out == ""


async def test_a_flow_with_errors_is_refused_before_anything_is_sent(faults: Any, flow: Callable[[str], Path]) -> None:
    path = flow('flow f(x: text) { v = fanout { a = ask "{{ x }}" b = ask "{{ a }}" } reduce collect return v }\n')
    ran = await command("a.flow", "--x", "1", "--model", "openai:m", folder=path.parent, OPENAI_BASE_URL=faults.url)
    assert ran.code == 1
    assert "error[F0203]" in ran.err
    assert "b → a" in ran.err
    assert faults.seen == []
    ran = await command("validate", "a.flow", folder=path.parent)
    assert ran.code == 1


async def test_validate_takes_folders_and_strict_counts_warnings(flow: Callable[[str], Path]) -> None:
    path = flow('flow f(x: text) { a = ask "{{ x }}" return x }\n')
    ran = await command("validate", ".", folder=path.parent)
    assert ran.code == 0
    assert "warning[F0701]" in ran.err
    ran = await command("validate", ".", "--strict", folder=path.parent)
    assert ran.code == 1


async def test_a_failing_server_names_step_and_cause(faults: Any, flow: Callable[[str], Path]) -> None:
    path = flow('flow f(xs: [text]) { out = map x in xs { ask "{{ x }}" } reduce collect return out }\n')
    faults.json({"error": {"message": "no such model", "type": "invalid_request_error"}}, status=404)
    ran = await command(
        "a.flow", "--xs", '["one", "two"]', "--model", "openai:m", folder=path.parent, OPENAI_BASE_URL=faults.url
    )
    assert ran.code == 3
    assert "out[0].line 1: " in ran.err
    assert "no such model" in ran.err
    assert ran.out == ""


async def test_a_missing_key_names_the_variable(flow: Callable[[str], Path]) -> None:
    ran = await command("a.flow", "--email", "x", "--model", "openai:gpt-4o-mini", folder=flow(SPAM).parent)
    assert ran.code == 2
    assert "OPENAI_API_KEY" in ran.err


async def test_the_key_is_printed_nowhere(faults: Any, flow: Callable[[str], Path]) -> None:
    faults.json({"error": {"message": "bad key sk-planted-secret"}}, status=401)
    secret = {"OPENAI_BASE_URL": faults.url, "OPENAI_API_KEY": "sk-planted-secret"}
    ran = await command("a.flow", "--email", "x", "--model", "openai:m", "--json", folder=flow(SPAM).parent, **secret)
    assert ran.code == 3
    assert "sk-planted-secret" not in ran.out + ran.err
    ran = await command("endpoints", folder=flow(SPAM).parent, **secret)
    assert "sk-planted-secret" not in ran.out + ran.err
    assert "OPENAI_API_KEY: set" in ran.out


async def test_a_second_interrupt_ends_at_once(faults: Any, flow: Callable[[str], Path]) -> None:
    folder = flow(SPAM).parent
    faults.hang()
    process = await asyncio.create_subprocess_exec(
        *COMMAND,
        *("a.flow", "--email", "x", "--model", "openai:m"),
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "OPENAI_BASE_URL": faults.url},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    await asyncio.wait_for(faults.arrived.wait(), PATIENCE)
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    told = await asyncio.wait_for(process.stderr.readuntil(b"Send it again to end at once\n"), PATIENCE)
    assert process.returncode is None
    process.send_signal(signal.SIGINT)
    out, err = await asyncio.wait_for(process.communicate(), PATIENCE)
    assert process.returncode == 130
    assert out == b""
    assert b"Traceback" not in told + err


async def test_answers_cannot_steer_a_terminal(faults: Any, flow: Callable[[str], Path]) -> None:
    path = flow('flow f() { a = ask "hi" -> [text] return a }\n')
    faults.json(chat(json.dumps({"answer": ["\x1b]0;owned\x07 [red]x[/red]"]})))
    ran = await command("a.flow", "--model", "openai:m", folder=path.parent, OPENAI_BASE_URL=faults.url)
    assert ran.code == 0
    assert "\x1b" not in ran.out + ran.err


async def test_plan_counts_what_the_inputs_decide(flow: Callable[[str], Path]) -> None:
    path = flow(
        'flow f(d: document) { n = map s in split(d, by: heading) { ask "{{ s }}" with retries: 0 } '
        'reduce ask "{{ results }}" return n }\n'
    )
    (path.parent / "d.md").write_text("# A\nx\n# B\ny\n# C\nz\n")
    ran = await command("plan", "a.flow", "--d", "d.md", folder=path.parent)
    assert ran.code == 0
    assert "calls 4 to 6" in ran.out
    ran = await command("plan", "a.flow", "--d", "d.md", "--max-calls", "5", folder=path.parent)
    assert ran.code == 4
    ran = await command("plan", "a.flow", "--json", folder=path.parent)
    assert json.loads(ran.out)["plan"]["flow"] == "f"


async def test_init_writes_a_flow_whose_test_passes(tmp_path: Path) -> None:
    ran = await command("init", folder=tmp_path)
    assert ran.code == 0
    assert "flowrun is_spam.flow --email" in ran.out
    assert "flowrun test is_spam.flow" in ran.out
    ran = await command("validate", "--strict", "is_spam.flow", folder=tmp_path)
    assert ran.code == 0
    ran = await command("test", "is_spam.flow", folder=tmp_path)
    assert (ran.code, ran.out.split(" (")[0]) == (0, "1 test passed in 1 file")
    ran = await command("init", "ok", folder=tmp_path)
    assert "flowrun ok.flow --email" in ran.out
    assert (tmp_path / "ok.flow").is_file()
    ran = await command("init", "no/such/a.flow", folder=tmp_path)
    assert ran.code == 74
    assert "`no/such/a.flow` cannot be written" in ran.err


async def test_a_reader_that_hangs_up_changes_no_exit_code(flow: Callable[[str], Path]) -> None:
    folder = flow(SPAM).parent
    (folder / "bad.flow").write_text("flow f(x: text) { return y }\n")
    for environ in ({}, {"PYTHONUNBUFFERED": "1"}):
        for words, code in (
            (["plan", "a.flow", "--max-calls", "1"], 4),
            (["plan", "a.flow"], 0),
            (["validate", "bad.flow", "--format", "json"], 1),
        ):
            reader, writer = os.pipe()
            os.close(reader)
            try:
                process = await asyncio.create_subprocess_exec(
                    *COMMAND,
                    *words,
                    cwd=folder,
                    env={"PATH": os.environ["PATH"], "HOME": str(folder), **environ},
                    stdout=writer,
                    stderr=asyncio.subprocess.PIPE,
                )
            finally:
                os.close(writer)
            _, err = await asyncio.wait_for(process.communicate(), PATIENCE)
            assert (process.returncode, b"Traceback" in err or b"BrokenPipe" in err) == (code, False), words


async def test_a_parameter_has_one_value_and_a_folder_is_one(flow: Callable[[str], Path]) -> None:
    folder = flow(ECHO).parent
    for words, said in (
        (["--name", "a", "--name", "b"], "the parameter `name` is given twice"),
        (["--name", "a", "--param", "name=b"], "the parameter `name` is given twice"),
        (["--name", "a", "--allow-read", "gone"], "the folder `gone` does not exist"),
        (["--name", "a", "--allow-read", "a.flow"], "its folder is `--allow-read .`"),
    ):
        ran = await command("a.flow", *words, folder=folder)
        assert ran.code == 2
        assert said in ran.err


@pytest.mark.parametrize("words", [["pipe.flow"], ["graph", "pipe.flow"]])
async def test_a_pipe_without_a_writer_is_not_waited_for(tmp_path: Path, words: list[str]) -> None:
    os.mkfifo(tmp_path / "pipe.flow")
    ran = await command(*words, folder=tmp_path)
    assert ran.code == 2
    assert "`pipe.flow` is a named pipe" in ran.err


async def test_a_code_that_is_none_is_told(tmp_path: Path) -> None:
    ran = await command("explain", "F020", folder=tmp_path)
    assert ran.code == 2
    assert "there is no code `F020`; did you mean `F02" in ran.err


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
async def test_completion_prints_a_script(tmp_path: Path, shell: str) -> None:
    ran = await command("completion", shell, folder=tmp_path)
    assert ran.code == 0
    assert "_FLOWRUN_COMPLETE" in ran.out


async def test_help_lists_commands_and_parameters(flow: Callable[[str], Path]) -> None:
    ran = await command("--help", folder=flow(ECHO).parent)
    assert "validate" in ran.out
    ran = await command("a.flow", "--help", folder=flow(ECHO).parent)
    assert "--name" in ran.out
    assert "--times" in ran.out


@pytest.mark.embedded
async def test_the_embedded_model_runs_a_vote(flow: Callable[[str], Path]) -> None:
    """A real model, without key or server; the tiny one guesses, so only the form of its answer is held."""
    home = {"HOME": os.environ.get("HOME", "")}
    ran = await command("a.flow", "--email", "win!", "--model", "embedded:tiny", folder=flow(SPAM).parent, **home)
    assert ran.code == 0, ran.err
    assert ran.out.strip() in ("SPAM", "NOT")
    assert "of 3)" in ran.err


async def test_fmt_writes_checks_and_takes_standard_input(flow: Callable[[str], Path]) -> None:
    path = flow("flow f(x:text){return x} # why\n")
    ran = await command("fmt", "--check", "a.flow", folder=path.parent)
    assert ran.code == 1
    ran = await command("fmt", "-", folder=path.parent, stdin=path.read_text())
    formatted = ran.out
    assert "# why" in formatted
    assert path.read_text() != formatted
    ran = await command("fmt", "a.flow", folder=path.parent)
    assert ran.code == 0
    assert path.read_text() == formatted
    ran = await command("fmt", "--diff", ".", folder=path.parent)
    assert (ran.code, ran.out) == (0, "")
    path.write_text("flow {")
    ran = await command("fmt", "a.flow", folder=path.parent)
    assert ran.code == 1
    assert path.read_text() == "flow {"


async def test_closed_streams_and_full_disks_are_told(flow: Callable[[str], Path]) -> None:
    folder = flow(ECHO).parent
    script = f"{sys.executable} -c 'from flowrun.runtime.cli import main; main()' a.flow --name"

    async def shell(line: str) -> Ran:
        process = await asyncio.create_subprocess_exec(
            "sh", "-c", line, cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        out, err = await asyncio.wait_for(process.communicate(), PATIENCE)
        return Ran(process.returncode or 0, out.decode(), err.decode())

    assert (await shell(f"{script} x <&-")).code == 0
    ran = await shell(f"{script} - <&-")
    assert ran.code == 2
    assert "standard input is closed" in ran.err
    assert (await shell(f"{script} x >&-")).code == 0
    assert (await shell(f"{script} x 2>&-")).code == 0
    ran = await shell(f"{script} x >/dev/full")
    assert ran.code == 74
    assert "cannot be written" in ran.err
    assert (await shell(f"{{ {script} x; echo $? >&2; }} | true")).err.endswith("\n0\n")


async def test_parameters_may_be_written_with_underscores_and_clash_with_nothing(flow: Callable[[str], Path]) -> None:
    folder = flow("flow f(dry_run: text, model: text) { return [dry_run, model] }\n").parent
    ran = await command("a.flow", "--dry_run", "a", "--param-model", "b", "-q", folder=folder)
    assert json.loads(ran.out) == ["a", "b"]
    ran = await command("a.flow", "--dry-run", "a", folder=folder)
    assert "add --param-model TEXT" in ran.err


async def test_a_server_that_ignores_n_is_counted_by_its_answers(faults: Any, flow: Callable[[str], Path]) -> None:
    folder = flow(SPAM.replace("repeat 3", "repeat 5")).parent
    faults.json(chat(wrapped("SPAM")))
    ran = await command("a.flow", "--email", "x", "--model", "openai:m", folder=folder, OPENAI_BASE_URL=faults.url)
    assert ran.out == "SPAM\n"
    assert "SPAM (3 of 5) · 3 calls (2 not needed)" in ran.err
    assert len(faults.seen) == 3
