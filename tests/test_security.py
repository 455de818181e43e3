"""Keys are in no artefact of a run, foreign text steers nothing, and a flow reaches only what its user has allowed."""

from __future__ import annotations

import json
import os
import pty
import re
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from flowrun.runtime.api import RunOptions, resume_async, run_async
from flowrun.runtime.vocabulary.errors import UsageError
from support.command_line import chat, command
from support.few_cases import few
from support.patience import PATIENCE

ROOT = Path(__file__).resolve().parent.parent
KEY = "sk-planted-0123456789-abcdefghij"
TALK = 'flow talk(x: text) { a = ask "{{ x }}" b = ask "Again: {{ a }}" return [a, b] }\n'


def artefacts(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


async def parrot(request: web.Request) -> web.StreamResponse:
    """Sends back all that it was sent, the key as well."""
    heard = f"{await request.text()} {dict(request.headers)}"
    return web.json_response(chat(heard))


async def angry_parrot(request: web.Request) -> web.StreamResponse:
    return web.json_response({"error": {"message": f"bad key {dict(request.headers)}"}}, status=401)


async def halting_parrot(request: web.Request) -> web.StreamResponse:
    return web.Response(text=f'{{"choices": [{{"message": "{request.headers["Authorization"]}', status=200)


@pytest.mark.parametrize("server", [parrot, angry_parrot, halting_parrot])
async def test_a_key_is_in_no_artefact(server: Any, faults: Any, flow: Callable[[str], Path]) -> None:
    path = flow(TALK.replace('"{{ x }}"', '"{{ x }}" with retries: 0'))
    faults.replies.append(server)
    given = {
        "OPENAI_BASE_URL": faults.url,
        "OPENAI_API_KEY": KEY,
        "ANTHROPIC_API_KEY": f"{KEY}-2",
        "FLOWRUN_JOURNAL": ".flowrun/journal.db",
    }
    run = await command("a.flow", "--x", "hello", "--model", "openai:m", "--json", folder=path.parent, **given)
    again = await command("resume", "last", folder=path.parent, **given)
    listed = await command("runs", "--json", folder=path.parent, **given)
    models = await command("models", folder=path.parent, **given)
    planned = await command("plan", "a.flow", "--x", "y", "--model", "openai:m", "--json", folder=path.parent, **given)
    assert run.code == 3
    if server is not angry_parrot:
        # Of an answer with the key in it length and digest are kept, and it is refused by name.
        assert "contains your key" in run.out
        assert re.search(r"\d+ characters, SHA-256 [0-9a-f]{64}", run.out)
    assert faults.headers[0]["Authorization"] == f"Bearer {KEY}"
    assert [listed.code, models.code, planned.code] == [0, 0, 0]
    for ran in (run, again, listed, models, planned):
        assert KEY not in ran.out + ran.err
    files = artefacts(path.parent)
    assert any(name.endswith("journal.db") for name in files)
    assert [name for name, content in files.items() if KEY.encode() in content] == []
    assert "planted" not in str(files)


async def test_a_proxy_with_a_password_is_in_no_artefact(flow: Callable[[str], Path]) -> None:
    path = flow(TALK.replace('"{{ x }}"', '"{{ x }}" with retries: 0, timeout: 1s'))
    secret = "hunter2-planted"
    ran = await command(
        *("a.flow", "--x", "hello", "--model", "openai:m", "--json"),
        folder=path.parent,
        OPENAI_BASE_URL="http://models.invalid/v1",
        OPENAI_API_KEY=KEY,
        HTTP_PROXY=f"http://me:{secret}@127.0.0.1:9",
        FLOWRUN_JOURNAL="journal.db",
    )
    assert ran.code == 3
    assert secret not in ran.out + ran.err
    assert not any(secret.encode() in content for content in artefacts(path.parent).values())


PAYLOADS = [
    "\x1b]0;owned\x07\x1b[2J\x1b[31mred",
    "\x9b31m\x85\u2028\u202eevil",
    "[bold red]markup[/] [link=file:///etc/passwd]x[/link]",
    "{{ x }} {% for a in [1] %}{{ a }}{% endfor %} {{ ''.__class__ }}",
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "=HYPERLINK(\"http://evil\")\n+1+cmd|'/c calc'!A1\n@SUM(1)",
    "../../etc/passwd\n$(touch owned)\n`touch owned`",
    "\u0000\r\rspoof\ud800",
]


@pytest.mark.parametrize("payload", PAYLOADS)
async def test_answers_stay_inert(payload: str, faults: Any, flow: Callable[[str], Path]) -> None:
    path = flow(TALK)
    faults.json(chat(payload))
    ran = await command(
        *("a.flow", "--x", "hello", "--model", "openai:m"),
        folder=path.parent,
        OPENAI_BASE_URL=faults.url,
        FLOWRUN_JOURNAL="journal.db",
    )
    assert ran.code == 0
    for text in (ran.out, ran.err):
        assert not any((ord(char) < 32 and char not in "\n\t") or 0x7F <= ord(char) < 0xA0 for char in text)
    # Said again in a prompt it is text, letter for letter.
    said = faults.seen[1]["messages"][0]["content"]
    assert said == f"Again: {json.loads(ran.out)[0]}"
    assert "owned" not in os.listdir(path.parent)


async def test_failures_and_their_names_are_inert(faults: Any, flow: Callable[[str], Path]) -> None:
    path = flow('flow f(xs: [text]) { a = map x in xs { ask "{{ x }}" } reduce collect return a }\n')
    faults.json({"error": {"message": "\x1b[31mred [bold]x[/] \x9b2J"}}, 400)
    ran = await command(
        "a.flow", "--xs", '["a"]', "--model", "openai:m", folder=path.parent, OPENAI_BASE_URL=faults.url
    )
    assert ran.code == 3
    assert "\x1b" not in ran.err
    assert "\x9b" not in ran.err
    assert "[bold]x[/]" in ran.err


# Hosts

OWN = 'model m = "openai:gpt-4o"\nflow f() { a = ask m "hi" return a }\n'


async def test_a_host_that_the_flow_names_needs_permission(flow: Callable[[str], Path], tmp_path: Path) -> None:
    path = flow(OWN)
    environ = {"OPENAI_API_KEY": KEY, "HOME": str(tmp_path)}
    with pytest.raises(UsageError, match=r"`openai:gpt-4o` at `api\.openai\.com`.*--allow-host api\.openai\.com"):
        await run_async(path, options=RunOptions(environ=environ))
    asked: list[Any] = []

    def no(reaches: Any) -> bool:
        asked.extend(reaches)
        return False

    with pytest.raises(UsageError, match="may not yet send prompts"):
        await run_async(path, options=RunOptions(environ=environ, ask_hosts=no))
    assert [(reach.model, reach.host) for reach in asked] == [("openai:gpt-4o", "api.openai.com")]
    # Another host's permission is none.
    with pytest.raises(UsageError, match="may not yet send prompts"):
        await run_async(path, options=RunOptions(environ=environ, allow_host=["openai.com", "*.openai.com.evil"]))


@pytest.mark.parametrize("how", ["flag", "variable", "settings", "asked"])
async def test_a_host_is_allowed_by_its_user(how: str, flow: Callable[[str], Path], tmp_path: Path) -> None:
    # Nothing is sent: no host has a name that ends in .invalid (RFC 2606).
    path = flow(OWN.replace("ask m", "ask m").replace('"hi"', '"hi" with retries: 0, timeout: 1s'))
    environ = {"OPENAI_API_KEY": KEY, "HOME": str(tmp_path), "HTTPS_PROXY": "http://127.0.0.1:9"}
    given: dict[str, Any] = {}
    if how == "flag":
        given["allow_host"] = ["*.openai.com"]
    elif how == "variable":
        environ["FLOWRUN_ALLOW_HOST"] = "api.anthropic.com, api.openai.com"
    elif how == "settings":
        settings = tmp_path / ".config" / "flowrun" / "settings.toml"
        settings.parent.mkdir(parents=True)
        settings.write_text('allow_hosts = ["api.openai.com"]\n')
    else:
        given["ask_hosts"] = lambda reaches: True
    result = await run_async(path, options=RunOptions(environ=environ, **given))
    # It was let through, as far as a proxy that is not there.
    assert result.status == "failed"
    assert "api.openai.com" in result.failures[0].reason


@pytest.mark.parametrize(("answer", "code"), [(b"n\n", 2), (b"\n", 2), (b"y\n", 3)])
def test_a_person_at_a_terminal_is_shown_the_host_and_asked(
    answer: bytes, code: int, flow: Callable[[str], Path], tmp_path: Path
) -> None:
    path = flow(OWN.replace('"hi"', '"hi" with retries: 0, timeout: 1s'))
    ours, theirs = pty.openpty()
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "OPENAI_API_KEY": KEY}
    environ |= {"HTTPS_PROXY": "http://127.0.0.1:9", "TERM": "dumb"}
    command = [sys.executable, "-c", "from flowrun.runtime.cli import main; main()", str(path), "--no-journal"]
    with subprocess.Popen(command, stdin=theirs, stderr=theirs, stdout=subprocess.PIPE, env=environ) as process:
        os.close(theirs)
        shown = b""
        while b"[y/N]" not in shown:
            shown += os.read(ours, 4096)
        os.write(ours, answer)
        with suppress(OSError):  # how a terminal says that nobody is left on it
            while more := os.read(ours, 4096):
                shown += more
        assert process.wait(PATIENCE) == code
    os.close(ours)
    assert b"openai:gpt-4o at api.openai.com" in shown
    assert KEY.encode() not in shown


async def test_the_settings_of_a_flows_folder_are_nobodys(flow: Callable[[str], Path], tmp_path: Path) -> None:
    path = flow(OWN)
    for folder in (tmp_path / ".config" / "flowrun", tmp_path / "flowrun", tmp_path):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "settings.toml").write_text('allow_hosts = ["api.openai.com"]\n')
    home = tmp_path / "home"
    home.mkdir()
    with pytest.raises(UsageError, match="may not yet send prompts"):
        await run_async(path, options=RunOptions(environ={"OPENAI_API_KEY": KEY, "HOME": str(home)}))


async def test_models_of_the_user_and_servers_of_their_own_are_allowed(
    faults: Any, flow: Callable[[str], Path], tmp_path: Path
) -> None:
    faults.json(chat("fine"))
    environ = {"OPENAI_BASE_URL": faults.url, "HOME": str(tmp_path)}
    assert (await run_async(flow(OWN), options=RunOptions(environ=environ))).ok
    path = flow('flow f() { a = ask "hi" return a }\n')
    assert (await run_async(path, options=RunOptions(model="openai:gpt-4o", environ=environ))).ok


@pytest.mark.parametrize("text", ["http://x", "a b", "*", "*.*", "", "x/y", "user@host"])
async def test_a_permission_that_is_no_host_is_refused(text: str, flow: Callable[[str], Path], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not a host:"):
        await run_async(
            flow(OWN), options=RunOptions(environ={"OPENAI_API_KEY": KEY, "HOME": str(tmp_path)}, allow_host=[text])
        )


async def test_going_on_with_a_run_gives_no_permission(
    faults: Any, flow: Callable[[str], Path], tmp_path: Path
) -> None:
    module = tmp_path / "mine.py"
    module.write_text("def shout(x: str) -> str:\n    return x.upper()\n")
    path = flow('extern shout(x: text) -> text from "mine:shout"\nflow f() { a = shout(x: "hi") return a }\n')
    journal = tmp_path / "journal.db"
    result = await run_async(path, options=RunOptions(environ={}, journal=journal, allow_python=True))
    assert result.value == "HI"
    with pytest.raises(UsageError, match="--allow-python"):
        await resume_async("last", journal, options=RunOptions(environ={}))


# A flow is data: what checks and plans it opens nothing else, reaches nothing and runs no code

WATCHED = """
import sys, os, json
root, package, found = os.path.realpath(sys.argv[1]), os.path.realpath(sys.argv[2]), []
allowed = [root, package, os.path.realpath(sys.prefix), os.path.realpath(sys.base_prefix), "/dev/null", "/usr", "/lib"]
allowed.append(os.path.realpath(os.path.expanduser("~/.cache/flowrun")))
def hook(event, args):
    if event == "open" and isinstance(args[0], str):
        path = os.path.realpath(args[0])
        if not any(path == one or path.startswith(one + os.sep) for one in allowed):
            found.append([event, path])
    elif event.split(".")[0] in ("socket", "subprocess", "ctypes", "urllib", "http", "sqlite3", "shutil", "webbrowser"):
        if event not in ("socket.__new__", "socket.gethostname", "ctypes.dlopen", "ctypes.dlsym"):
            found.append([event, repr(args)])
    elif event in ("os.system", "os.exec", "os.posix_spawn", "os.fork"):
        found.append([event, repr(args)])
    elif event == "import" and args[0] in ("evil", "flowrun.runtime.externs.modules"):
        found.append([event, args[0]])
from flowrun.runtime.cli import run_command
sys.addaudithook(hook)
code = run_command(sys.argv[3:])
print("found", json.dumps(found), file=sys.stderr)
sys.exit(code)
"""


@pytest.mark.parametrize("words", few([["validate"], ["plan"], ["plan", "--json"], ["graph"]], ["plan"], ["graph"]))
def test_checking_and_planning_touch_nothing_else(words: list[str], tmp_path: Path) -> None:
    (tmp_path / "evil.py").write_text("raise SystemExit('evil ran')\n")
    (tmp_path / "more.md").write_text("# One\n\ntext\n")
    (tmp_path / "lib.flow").write_text("type Tone = warm | cold\n")
    path = tmp_path / "a.flow"
    path.write_text(
        'import "lib.flow" as lib\n'
        'extern look(x: text) -> text from "evil:look"\n'
        'model m = "openai:gpt-4o" else "anthropic:claude-haiku-4-5"\n'
        'flow f() {\n  d = file("more.md")\n  a = ask m "{{ d }}" -> lib.Tone\n  b = look(x: "y")\n  return [a, b]\n}\n'
    )
    # Where the tables of the grammar are kept, and nothing of the flow.
    cache = tmp_path.with_name(f"{tmp_path.name}-cache")
    cache.mkdir()
    command = [sys.executable, "-B", "-c", WATCHED, str(tmp_path), str(ROOT), *words, str(path)]
    environ = {"PATH": os.environ["PATH"], "HOME": str(cache), "OPENAI_API_KEY": KEY}
    ran = subprocess.run(
        command, capture_output=True, text=True, cwd=tmp_path, env=environ, timeout=PATIENCE, check=False
    )
    assert "Traceback" not in ran.stderr
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr.splitlines()[-1] == "found []"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["a.flow", "evil.py", "lib.flow", "more.md"]


def test_the_watch_sees(tmp_path: Path) -> None:
    """What the test above holds would be seen."""
    other = tmp_path / "other"
    other.mkdir()
    (other / "b.flow").write_text('flow f() { a = ask "hi" return a }\n')
    inside = tmp_path / "inside"
    inside.mkdir()
    command = [sys.executable, "-B", "-c", WATCHED, str(inside), str(ROOT), "validate", str(other / "b.flow")]
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    ran = subprocess.run(
        command, capture_output=True, text=True, cwd=inside, env=environ, timeout=PATIENCE, check=False
    )
    assert "b.flow" in ran.stderr.splitlines()[-1]


async def test_the_journal_is_plain_and_for_its_user_alone(
    faults: Any, flow: Callable[[str], Path], tmp_path: Path
) -> None:
    faults.json(chat("fine"))
    journal = tmp_path / "deep" / "journal.db"
    await run_async(
        flow(TALK),
        {"x": "y"},
        options=RunOptions(model="openai:m", environ={"OPENAI_BASE_URL": faults.url}, journal=journal),
    )
    for path in (journal, *journal.parent.glob("journal.db*")):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(journal.parent.stat().st_mode) == 0o700
    connection = sqlite3.connect(journal)
    bodies = [body for (body,) in connection.execute("SELECT body FROM records")]
    connection.close()
    assert all(json.loads(body) is None or isinstance(json.loads(body), dict) for body in bodies)
