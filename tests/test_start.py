"""What a command loads before it does anything, and the parser's tables that it keeps from one start to the next."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from pkgutil import iter_modules
from zipfile import ZipFile

import pytest

import flowrun.runtime.providers as registry
from flowrun.dsl import Source, nearest, parse_flow
from flowrun.dsl.parsing import parse, tables
from flowrun.dsl.parsing.make_tables import make_tables
from flowrun.runtime.providers import ProviderNames
from flowrun.runtime.providers.table import BUILT_IN
from flowrun.runtime.registry.modules import module_names
from support.few_cases import few
from support.model_server import model_server
from support.patience import PATIENCE

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


def loaded(code: str, *arguments: str, cache: Path, **variables: str) -> set[str]:
    """The modules that a process of its own has loaded in the end."""
    done = subprocess.run(
        [sys.executable, "-I", "-c", code, *arguments],
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE,
        env={**os.environ, "FLOWRUN_CACHE": str(cache), **variables},
    )
    return set(done.stdout.rpartition("modules:")[2].split())


def tops(modules: set[str]) -> set[str]:
    return {module.partition(".")[0] for module in modules}


@pytest.fixture
def flow(tmp_path: Path) -> Path:
    path = tmp_path / "is_spam.flow"
    path.write_text(FLOW, encoding="utf-8")
    return path


@pytest.mark.parametrize("command", [["validate"], ["audit"], ["fmt", "--check"], ["plan"], ["graph"]])
def test_what_sends_nothing_loads_nothing_that_sends(command: list[str], flow: Path, tmp_path: Path) -> None:
    modules = loaded(RUN, *command, str(flow), cache=tmp_path / "cache")
    plain = loaded("import sys; print('modules:', *sys.modules)", cache=tmp_path)
    assert "flowrun.dsl.parsing.parse" in modules
    assert not tops(modules) & HEAVY
    assert "importlib.metadata" not in modules - plain
    foreign = tops(modules - plain) - set(sys.stdlib_module_names) - ALLOWED.keys()
    assert not {name for name in foreign if not name.startswith("_")}


@pytest.mark.parametrize("command", ["validate", "audit", "plan"])
def test_a_hosted_model_is_looked_at_without_its_client(command: str, tmp_path: Path) -> None:
    path = tmp_path / "hosted.flow"
    path.write_text('model m = "openai:gpt-4o-mini"\n' + FLOW.replace("    ask ", "    ask m "), encoding="utf-8")
    # The prices of a server of one's own are unknown, so their table stays on the disk.
    modules = loaded(RUN, command, str(path), cache=tmp_path / "cache", OPENAI_BASE_URL="http://127.0.0.1:9/v1")
    assert not tops(modules) & HEAVY
    assert "flowrun.runtime.providers.http" not in modules
    assert not modules & {f"flowrun.runtime.providers.{name}" for name in ("anthropic", "gemini")}


@pytest.mark.parametrize("command", ["validate", "audit"])
def test_a_file_without_labels_loads_no_labels(command: str, flow: Path, tmp_path: Path) -> None:
    modules = loaded(RUN, command, str(flow), cache=tmp_path / "cache")
    rooms = {name.rpartition(".")[0] for name in modules}
    assert not rooms & {"flowrun.dsl.labels", "flowrun.dsl.reach"}
    assert command == "audit" or "flowrun.runtime.cli.audits" not in modules


UNUSED_TO_CHECK = (
    "fractions decimal select flowrun.dsl.plan flowrun.dsl.plan_steps flowrun.dsl.planner flowrun.dsl.budget_check "
    "flowrun.dsl.render flowrun.dsl.parsing.place flowrun.dsl.parsing.foreign_syntax flowrun.dsl.checking.matches "
    "flowrun.dsl.checking.step_arguments flowrun.dsl.checking.prompt_files flowrun.dsl.checking.value_functions "
    "flowrun.dsl.lints.wide_map flowrun.dsl.lints.unserved flowrun.dsl.lints.unused_model flowrun.dsl.lints.late_text "
    "flowrun.runtime.cli.console flowrun.runtime.cli.journals flowrun.runtime.outputs.target "
    "flowrun.runtime.files.seen_files flowrun.runtime.values.quotes flowrun.runtime.files.patterns"
).split()
"""Modules that the check of a small file without mistakes does not need."""
MOST = {"validate": 195, "first": 495, "again": 486}
"""The most modules of flowrun that a command loads for the small file. Each takes about 0.2 ms."""


def own(modules: set[str]) -> set[str]:
    return {name for name in modules if name.startswith("flowrun.")}


def test_a_check_loads_what_the_words_of_the_file_need(flow: Path, tmp_path: Path) -> None:
    plain = loaded("import sys; print('modules:', *sys.modules)", cache=tmp_path)
    modules = loaded(RUN, "validate", str(flow), cache=tmp_path / "cache") - plain
    assert not modules.intersection(UNUSED_TO_CHECK)
    assert len(own(modules)) <= MOST["validate"], len(own(modules))


@pytest.mark.parametrize(("template", "reader"), [("{{ mail.body }}", False), ("{{ mail.body | upper }}", True)])
def test_only_a_template_that_does_more_than_place_loads_jinja2(template: str, reader: bool, tmp_path: Path) -> None:
    path = tmp_path / "one.flow"
    text = f'flow one(mail: {{ body: text }}) {{\n  answer = ask "Go on: {template}"\n  return answer\n}}\n'
    path.write_text(text, encoding="utf-8")
    for command in ("validate", "plan"):
        assert ("jinja2" in loaded(RUN, command, str(path), cache=tmp_path / "cache")) == reader


UNUSED = (
    "aiohttp.web pydantic pydantic_core importlib.metadata genai_prices rich tomllib statistics click.shell_completion "
    "flowrun.dsl.audit flowrun.dsl.bounds.bounds flowrun.dsl.bounds.ask_bounds flowrun.runtime.forecast.estimate "
    "flowrun.runtime.plans.verify flowrun.runtime.providers.anthropic flowrun.runtime.providers.gemini "
    "flowrun.runtime.providers.embedded flowrun.runtime.providers.closures flowrun.runtime.reducers.weighted "
    "flowrun.runtime.providers.table flowrun.runtime.providers.endpoint_tables flowrun.runtime.session.approvals "
    "flowrun.runtime.files.images flowrun.runtime.dispatch.submission_book flowrun.runtime.providers.option_bodies "
    "flowrun.dsl.bounds.amounts flowrun.runtime.outputs.target flowrun.runtime.outputs.elements fractions "
    "flowrun.runtime.documents.dialects flowrun.runtime.documents.row_file flowrun.runtime.session.run_thread "
    "flowrun.runtime.providers.scripted flowrun.runtime.providers.default_model flowrun.runtime.vocabulary.run_record "
    "flowrun.runtime.values.quotes flowrun.runtime.values.images flowrun.runtime.engine.blocks.rounds "
    "flowrun.runtime.engine.combiners.fold flowrun.runtime.journal.notes flowrun.runtime.limits.tail "
    "flowrun.runtime.journal.remote flowrun.runtime.journal.dialling flowrun.runtime.journal.sent_rows "
    "flowrun.runtime.journal.bought flowrun.runtime.journal.bought_past"
).split()
"""Modules that a run of a checked file does not need, if it has no budget and the server refuses nothing."""


def test_a_run_loads_what_it_uses_and_a_run_from_the_journal_loads_no_client(flow: Path, tmp_path: Path) -> None:
    with model_server(tmp_path / "log") as server:
        model = {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "none"}
        given = (str(flow), "--email", "You won", "--model", "openai:test", "--journal", str(tmp_path / "journal.db"))
        first, again = (loaded(RUN, *given, cache=tmp_path / "cache", **model) for _ in range(2))
        answers = server.answers()
    assert answers in (2, 3)
    plain = loaded("import sys; print('modules:', *sys.modules)", cache=tmp_path)
    assert "aiohttp.client" in first
    assert not tops(again - plain) & set("aiohttp jinja2 pickle shutil random secrets".split())
    assert "flowrun.runtime.providers.http" not in again
    for modules in (first, again):
        assert "flowrun.runtime.dispatch.scheduler" in modules
        assert not (modules - plain).intersection(UNUSED)
    assert len(own(first)) <= MOST["first"], len(own(first))
    assert len(own(again)) <= MOST["again"], len(own(again))


def test_a_run_without_votes_counts_no_exact_fractions(tmp_path: Path) -> None:
    path = tmp_path / "one.flow"
    path.write_text('flow one(a: text) { answer = ask "Say {{ a }}" return answer }\n', encoding="utf-8")
    with model_server(tmp_path / "log") as server:
        model = {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "none"}
        given = (str(path), "--a", "x", "--model", "openai:test", "--journal", str(tmp_path / "journal.db"))
        loaded(RUN, *given, cache=tmp_path / "cache", **model)
        again = loaded(RUN, *given, cache=tmp_path / "cache", **model)
    assert not again & set("fractions decimal random secrets shlex flowrun.runtime.reducers.voting".split())


def test_tests_load_no_event_loop_and_no_client(tmp_path: Path) -> None:
    path = tmp_path / "tested.flow"
    test = 'test "spam" of is_spam {\n  email = "x"\n  reply verdict: SPAM\n  expect verdict == SPAM\n}\n'
    path.write_text(FLOW + test, encoding="utf-8")
    modules = loaded(RUN, "test", str(path), cache=tmp_path / "cache")
    assert "flowrun.runtime.engine.state" in modules
    assert not tops(modules) & {*HEAVY, "jinja2", "genai_prices"}
    assert "importlib.metadata" not in modules


def test_help_loads_neither_half(tmp_path: Path) -> None:
    modules = loaded(RUN, "--help", cache=tmp_path)
    assert "flowrun.runtime.cli.help_page" in modules
    light = set("click lark jinja2 json dataclasses inspect pkgutil datetime uuid ast".split())
    assert not tops(modules) & (HEAVY | light)
    assert not any(module.startswith("flowrun.dsl.") for module in modules)


@pytest.mark.parametrize("archive", [True, False])
def test_the_modules_of_a_package_are_those_that_the_standard_library_finds(
    archive: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"several_{archive}".lower()
    inside = tmp_path / name
    for file in ("__init__.py", "one.py", "_own.py", "two/__init__.py", "none/other.py", "text.txt", "a-b.py"):
        (inside / file).parent.mkdir(parents=True, exist_ok=True)
        (inside / file).write_text("", encoding="utf-8")
    if archive:
        with ZipFile(tmp_path / "all.zip", "w") as packed:
            for path in inside.rglob("*.*"):
                packed.write(path, path.relative_to(tmp_path))
    monkeypatch.syspath_prepend(str(tmp_path / "all.zip") if archive else str(tmp_path))
    package = import_module(name)
    found = {one.name for one in iter_modules(package.__path__) if one.name.isidentifier()}
    assert found == {"one", "_own", "two"}
    assert module_names(name) == ("one", "two")


def test_the_face_of_the_language_is_light(tmp_path: Path) -> None:
    modules = loaded("import sys, flowrun.dsl; print('modules:', *sys.modules)", cache=tmp_path)
    assert "flowrun.dsl" in modules
    assert not any(module.startswith("flowrun.dsl.") for module in modules)
    assert not tops(modules) & {*HEAVY, "lark", "jinja2", "dataclasses"}


def test_a_model_that_is_built_in_asks_no_installed_package(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def entries() -> dict[str, None]:
        asked.append(1)
        return {"acme": None}

    monkeypatch.setattr(registry, "_entries", entries)
    names = ProviderNames()
    assert "openai" in names
    assert not asked
    assert "acme" in names
    assert "nobody" not in names
    assert {*names} == {"acme", "anthropic", "azure", "bedrock", "embedded", "gemini", "openai", "vertex", *BUILT_IN}
    assert len(names) == 8 + len(BUILT_IN)
    assert len(asked) == 1


# The parser's tables


def test_the_package_has_the_tables_that_lark_makes() -> None:
    made = make_tables(tables.grammar())
    assert tables.packaged() == made, "build the package again: `pip install -e .`"
    assert tables.load(tables.dump(made)) == made


def test_the_same_grammar_gives_the_same_bytes() -> None:
    code = (
        "from flowrun.dsl.parsing import tables; from flowrun.dsl.parsing.make_tables import make_tables\n"
        "print(tables.dump(make_tables(tables.grammar())))"
    )
    texts = {
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            check=True,
            timeout=PATIENCE,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }
    assert len(texts) == 1


def half(text: str) -> str:
    return text[: len(text) // 2]


def one_action(text: str) -> str:
    """One action of the tables is another: they still read as JSON."""
    at = text.index('"actions"') + text[text.index('"actions"') :].index(":") + 1
    place = next(i for i in range(at + 1, len(text)) if text[i].isdigit())
    return text[:place] + str((int(text[place]) + 1) % 10) + text[place + 1 :]


def other_grammar(text: str) -> str:
    head, _, body = text.partition("\n")
    return head[::-1] + "\n" + body


def nothing(text: str) -> str:
    return ""


@pytest.mark.parametrize("spoil", few([half, one_action, other_grammar, nothing], half, other_grammar))
def test_tables_of_another_grammar_are_made_again(spoil: Callable[[str], str], monkeypatch: pytest.MonkeyPatch) -> None:
    packed = tables.dump(make_tables(tables.grammar()))
    monkeypatch.setattr(tables, "get_data", lambda package, name: spoil(packed).encode())
    tables.grammar.cache_clear()
    grammar = files("flowrun.grammars").joinpath("flow.lark").read_text(encoding="utf-8")
    monkeypatch.setattr(tables, "grammar", lambda: grammar)
    assert tables.packaged() is None
    monkeypatch.setattr(parse, "grammar", lambda: grammar)
    monkeypatch.setattr(parse, "_kept", [])
    assert parse_flow(Source(FLOW)).flows


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
