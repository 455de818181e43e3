"""What `flowrun serve` and `flowrun mcp` refuse before they start, and how they say it."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.command_line import Ran, command
from support.served import FLOWS, environment

GOOD = 'flow good() {\n  x = ask "hi"\n\n  return x\n}\n'
NOBODY = "http://127.0.0.1:9/v1"


async def started(folder: Path, name: str, *words: str, **more: str) -> Ran:
    environ = {key: value for key, value in environment(folder, NOBODY).items() if key not in ("PATH", "HOME")} | more
    port = ("--port", "0") if name == "serve" else ()
    return await command(name, *words, *port, folder=folder, **{key: one for key, one in environ.items() if one})


@pytest.fixture(params=["serve", "mcp"])
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def test_a_file_with_errors_is_shown_as_validate_does(name: str, tmp_path: Path) -> None:
    (tmp_path / "a.flow").write_text("flow f() { return nothing }\n")
    checked = await command("validate", "a.flow", folder=tmp_path)
    ran = await started(tmp_path, name, "a.flow")
    assert ran.code == checked.code == 1
    assert "error[F0201]" in ran.err and ran.err.split("\n1 error")[0] == checked.err.split("\n1 error")[0]
    assert ran.out == ""


async def test_the_errors_of_all_files_and_their_warnings_are_shown(name: str, tmp_path: Path) -> None:
    (tmp_path / "a.flow").write_text("flow f() { return nothing }\n")
    (tmp_path / "b.flow").write_text(GOOD)
    (tmp_path / "c.flow").write_text("flow g() { return other }\n")
    ran = await started(tmp_path, name, ".")
    assert ran.code == 1 and "a.flow:1" in ran.err and "c.flow:1" in ran.err and "2 errors" in ran.err
    for file in ("a.flow", "c.flow"):
        (tmp_path / file).unlink()
    (tmp_path / "d.flow").write_text('flow h() {\n  x = ask "hi"\n  y = ask "unused"\n\n  return x\n}\n')
    ran = await started(tmp_path, name, ".", "--model", "nobody:x")
    assert "warning[" in ran.err and ran.code == 2


@pytest.mark.parametrize(
    ("text", "words", "why"),
    [
        (GOOD, (), "both have a flow `good`, and a tool needs a name of its own"),
        ('flow p() {\n  x = ask human "ok?" -> yes | no\n\n  return x\n}\n', (), "the flow `p` asks a person"),
        (
            'model b = "openai:gpt-4o-mini" with batch: true\n\nflow p() {\n  x = ask b "hi"\n\n  return x\n}\n',
            (),
            "the flow `p` asks a batch API, which may take 24 hours",
        ),
        (
            'extern twice(n: int) -> int from "x:twice"\n\nflow p(n: int) {\n  return twice(n)\n}\n',
            (),
            "wants to run Python functions: `twice` (x:twice)",
        ),
        ("type T = { a: text }\n", (), "has no flow, only types"),
        (GOOD.replace("good", "other"), ("--flow", "goood"), "did you mean `good`?"),
        (GOOD.replace("good", "other"), ("--budget", "5"), "is not a budget"),
        (GOOD.replace("good", "other"), ("--total-budget", "$5"), "has no budget in dollars"),
        (GOOD.replace("good", "other"), ("--total-budget", "9 calls"), "has no budget in calls"),
        (GOOD.replace("good", "other"), ("--journal", "a.db", "--no-journal"), "exclude each other"),
        (GOOD.replace("good", "other"), ("--model", "openia:x"), "openia"),
    ],
)
async def test_what_cannot_be_served_is_a_sentence(
    name: str, tmp_path: Path, text: str, words: tuple[str, ...], why: str
) -> None:
    (tmp_path / "good.flow").write_text(GOOD)
    (tmp_path / "more.flow").write_text(text)
    model = () if "--model" in words else ("--model", "openai:gpt-4o-mini")
    ran = await started(tmp_path, name, "good.flow", "more.flow", *model, *words)
    assert ran.code == 2 and why in ran.err, ran.err
    assert ran.out == ""


async def test_a_clash_names_both_files_and_the_way_out(name: str, tmp_path: Path) -> None:
    (tmp_path / "one.flow").write_text(GOOD)
    (tmp_path / "two.flow").write_text(GOOD)
    ran = await started(tmp_path, name, ".", "--model", "openai:gpt-4o-mini")
    assert "`one.flow` and `two.flow` both have a flow `good`" in ran.err


async def test_a_missing_key_is_told_at_the_start(name: str, tmp_path: Path) -> None:
    (tmp_path / "flows.flow").write_text(FLOWS)
    ran = await started(tmp_path, name, "flows.flow", OPENAI_API_KEY="", OPENAI_BASE_URL="")
    assert ran.code == 2 and "the flow `is_spam` cannot be served" in ran.err and "OPENAI_API_KEY" in ran.err


async def test_a_host_that_nobody_allows_is_told_at_the_start(name: str, tmp_path: Path) -> None:
    (tmp_path / "flows.flow").write_text(FLOWS)
    ran = await started(tmp_path, name, "flows.flow", OPENAI_BASE_URL="")
    assert ran.code == 2 and "--allow-host api.openai.com" in ran.err


async def test_the_sdk_that_is_missing_is_named(tmp_path: Path) -> None:
    (tmp_path / "good.flow").write_text(GOOD)
    (tmp_path / "hide.py").write_text("")
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(
        "import importlib.util as u\nfound = u.find_spec\n"
        "u.find_spec = lambda name, *a: None if name == 'mcp' else found(name, *a)\n"
    )
    ran = await started(tmp_path, "mcp", "good.flow", PYTHONPATH=str(site))
    assert ran.code == 2 and "pip install 'flowrun-dsl[mcp]'" in ran.err


async def test_help_names_the_options_of_both(name: str, tmp_path: Path) -> None:
    ran = await command(name, "--help", folder=tmp_path)
    assert ran.code == 0
    assert all(word in ran.out for word in ("--total-budget", "--max-runs", "--allow-read", "--flow NAME"))
