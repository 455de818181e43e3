"""What a command loads before it does anything, and the parser's tables that it keeps from one start to the next."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import flowrun.runtime.providers as registry
from flowrun.dsl import Source, dump_tables, nearest, parse_flow
from flowrun.runtime import grammar_cache
from flowrun.runtime.grammar_cache import MOST_BYTES, NAME, share_tables
from flowrun.runtime.providers import ProviderNames

FLOW = """\
flow is_spam(email: text) {
  verdict = repeat 3 {
    ask "Answer SPAM or NOT only:\\n{{ email }}" -> SPAM | NOT
  } reduce majority

  return verdict
}
"""

HEAVY = frozenset(
    "aiohttp asyncio concurrent email http markdown_it multiprocessing pydantic rich socket sqlite3 ssl "
    "xllamacpp".split()
)
ALLOWED = {
    "click": "the command line itself",
    "flowrun": "what is measured",
    "lark": "makes the parser's tables where the cache has none",
    "interegular": "lark loads it where it is installed",
}
"""Packages outside Python's own library that checking a flow may load, and why."""

RUN = """
import sys
from flowrun.runtime.cli import main
sys.argv = ["flowrun", *sys.argv[1:]]
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
print("modules:", *sys.modules)
"""


def loaded(code: str, *arguments: str, cache: Path) -> set[str]:
    """The modules that a process of its own has loaded in the end."""
    done = subprocess.run(
        [sys.executable, "-I", "-c", code, *arguments],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env={**os.environ, "FLOWRUN_CACHE": str(cache)},
    )
    return set(done.stdout.rpartition("modules:")[2].split())


def tops(modules: set[str]) -> set[str]:
    return {module.partition(".")[0] for module in modules}


@pytest.fixture
def flow(tmp_path: Path) -> Path:
    path = tmp_path / "is_spam.flow"
    path.write_text(FLOW, encoding="utf-8")
    return path


@pytest.mark.parametrize("command", [["validate"], ["fmt", "--check"], ["plan"], ["graph"]])
def test_what_sends_nothing_loads_nothing_that_sends(command: list[str], flow: Path, tmp_path: Path) -> None:
    cold = loaded(RUN, *command, str(flow), cache=tmp_path / "cache")
    warm = loaded(RUN, *command, str(flow), cache=tmp_path / "cache")
    plain = loaded("import sys; print('modules:', *sys.modules)", cache=tmp_path)
    for modules in (cold, warm):
        assert "flowrun.dsl.parsing.parse" in modules
        assert not tops(modules) & HEAVY
        assert "importlib.metadata" not in modules - plain
        foreign = tops(modules - plain) - set(sys.stdlib_module_names) - ALLOWED.keys()
        assert not {name for name in foreign if not name.startswith("_")}
    assert "lark.parsers.lalr_analysis" in cold, "the first start makes the tables"


@pytest.mark.parametrize(("template", "reader"), [("{{ mail.body }}", False), ("{{ mail.body | upper }}", True)])
def test_only_a_template_that_does_more_than_place_loads_jinja2(template: str, reader: bool, tmp_path: Path) -> None:
    path = tmp_path / "one.flow"
    text = f'flow one(mail: {{ body: text }}) {{\n  answer = ask "Go on: {template}"\n  return answer\n}}\n'
    path.write_text(text, encoding="utf-8")
    for command in ("validate", "plan"):
        assert ("jinja2" in loaded(RUN, command, str(path), cache=tmp_path / "cache")) == reader


def test_help_loads_neither_half(tmp_path: Path) -> None:
    modules = loaded(RUN, "--help", cache=tmp_path)
    assert "flowrun.runtime.cli.group" in modules
    assert not tops(modules) & {*HEAVY, "lark", "jinja2", "json", "dataclasses"}
    assert not any(module.startswith("flowrun.dsl.") for module in modules)


def test_the_face_of_the_language_is_light(tmp_path: Path) -> None:
    modules = loaded("import sys, flowrun.dsl; print('modules:', *sys.modules)", cache=tmp_path)
    assert "flowrun.dsl" in modules
    assert not any(module.startswith("flowrun.dsl.") for module in modules)
    assert not tops(modules) & {*HEAVY, "lark", "jinja2", "dataclasses"}


def test_a_model_that_is_built_in_asks_no_installed_package(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(registry, "_entries", lambda: asked.append(1) or {"acme": None})
    names = ProviderNames()
    assert "openai" in names
    assert not asked
    assert "acme" in names
    assert "nobody" not in names
    assert sorted(names) == ["acme", "anthropic", "embedded", "gemini", "openai"]
    assert len(names) == 5
    assert len(asked) == 1


# The tables that are kept


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"FLOWRUN_CACHE": str(tmp_path / "kept" / "here")}


def kept(environ: dict[str, str]) -> Path:
    return Path(environ["FLOWRUN_CACHE"]) / NAME


def test_a_second_start_takes_the_tables_of_the_first(environ: dict[str, str]) -> None:
    assert share_tables(environ) is False
    assert kept(environ).stat().st_mode & 0o777 == 0o600
    assert os.listdir(kept(environ).parent) == [NAME]
    before = kept(environ).stat().st_mtime_ns
    assert share_tables(environ) is True
    assert kept(environ).stat().st_mtime_ns == before
    assert parse_flow(Source(FLOW)).flows


def spoil_text(path: Path) -> None:
    path.write_text("no tables", encoding="utf-8")


def spoil_half(path: Path) -> None:
    text = path.read_bytes()
    path.write_bytes(text[: len(text) // 2])


def spoil_one(path: Path) -> None:
    """One action of the tables is another: they still read as JSON."""
    text = path.read_text(encoding="utf-8")
    at = text.index('"actions"') + text[text.index('"actions"') :].index(":") + 1
    place = next(i for i in range(at + 1, len(text)) if text[i].isdigit())
    path.write_text(text[:place] + str((int(text[place]) + 1) % 10) + text[place + 1 :], encoding="utf-8")


def spoil_grammar(path: Path) -> None:
    """Whole tables under the key of another grammar."""
    head, _, body = path.read_text(encoding="utf-8").partition("\n")
    assert json.loads(body)
    path.write_text(head[::-1] + "\n" + body, encoding="utf-8")


def spoil_bytes(path: Path) -> None:
    path.write_bytes(b"\xff\xfe\x00" * 100)


def spoil_empty(path: Path) -> None:
    path.write_bytes(b"")


def spoil_large(path: Path) -> None:
    with path.open("ab") as file:
        file.truncate(MOST_BYTES + 1)


def spoil_mode(path: Path) -> None:
    path.chmod(0o666)


def spoil_link(path: Path) -> None:
    beside = path.with_name("elsewhere.json")
    path.rename(beside)
    path.symlink_to(beside)


def spoil_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


SPOILS = [
    spoil_text,
    spoil_half,
    spoil_one,
    spoil_grammar,
    spoil_bytes,
    spoil_empty,
    spoil_large,
    spoil_mode,
    spoil_link,
    spoil_pipe,
]


@pytest.mark.parametrize("spoil", SPOILS, ids=lambda spoil: spoil.__name__[6:])
def test_a_file_that_is_not_to_be_trusted_is_made_again(spoil: object, environ: dict[str, str]) -> None:
    assert callable(spoil)
    share_tables(environ)
    spoil(kept(environ))
    assert share_tables(environ) is False
    assert not kept(environ).is_symlink()
    assert kept(environ).stat().st_mode & 0o777 == 0o600
    assert share_tables(environ) is True
    assert parse_flow(Source(FLOW)).flows


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root can give a file away")
def test_another_users_file_is_not_read(environ: dict[str, str]) -> None:
    share_tables(environ)
    os.chown(kept(environ), 65534, -1)
    assert share_tables(environ) is False


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root can give a folder away")
def test_nothing_is_written_into_another_users_home(tmp_path: Path) -> None:
    home = tmp_path / "theirs"
    home.mkdir()
    os.chown(home, 65534, -1)
    assert share_tables({"HOME": str(home)}) is False
    assert os.listdir(home) == []


def test_no_failure_of_the_cache_stops_a_command(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    folder = tmp_path / "folder"
    (folder / NAME).mkdir(parents=True)
    for place in ("/dev/null/cache", "/proc/nothing", str(tmp_path / "file"), str(folder), "~nobody-of-this-name/x"):
        assert share_tables({"FLOWRUN_CACHE": place}) is False
    assert os.listdir(folder) == [NAME], "what was begun beside it is gone"
    assert os.listdir(folder / NAME) == []


def test_a_full_disk_leaves_nothing_behind(environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    def full(source: object, target: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(grammar_cache.os, "replace", full)
    assert share_tables(environ) is False
    assert os.listdir(kept(environ).parent) == []


def test_the_tables_are_small_beside_what_is_read_of_them() -> None:
    assert len(dump_tables()) * 10 < MOST_BYTES


# Guesses among very many names

MANY = [f"step_{number}" for number in range(10_000)] + ["summary", "severity", "Findings"]


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("stepp_77", "step_77"),
        ("setp_77", "step_77"),
        ("tep_4321", "step_4321"),
        ("sumary", "summary"),
        ("summray", "summary"),
        ("ummary", "summary"),
        ("sevrity", "severity"),
        ("findings", "Findings"),
        ("zzz", None),
        ("", None),
        ("s" * 5000, None),
    ],
)
def test_a_name_is_guessed_among_ten_thousand(word: str, meant: str | None) -> None:
    assert nearest(word, MANY) == meant


@pytest.mark.parametrize(("word", "meant"), [("tpye", "type"), ("typ", "type"), ("x", None), ("TYPE", "type")])
def test_a_name_is_guessed_among_few(word: str, meant: str | None) -> None:
    assert nearest(word, ["flow", "type", "model"]) == meant
    assert nearest(word, []) is None
