"""The model of a project: `model = "…"` in flowrun.toml, behind the command line, the environment and the flow."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flowrun.dsl import Source, check_flow, make_plan
from flowrun.runtime import RunOptions
from flowrun.runtime.catalog import catalog
from flowrun.runtime.files.project import project_model
from flowrun.runtime.providers.default_model import DefaultModel, model_without_option
from flowrun.runtime.vocabulary.errors import UsageError
from support.command_line import chat, command

FLOW = 'flow f(word: text) { x = ask "Say {{ word }}" return x }\n'


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / ".git").mkdir()
    (tmp_path / "flows").mkdir()
    (tmp_path / "flows" / "a.flow").write_text(FLOW)
    (tmp_path / "flowrun.toml").write_text('model = "openai:of-project"\n')
    return tmp_path


def test_the_nearest_file_counts_up_to_the_top_of_the_repository(project: Path) -> None:
    source = str(project / "flows" / "a.flow")
    assert project_model(source) == "openai:of-project"
    (project / "flows" / "flowrun.toml").write_text("# none here\n")
    assert project_model(source) == ""
    (project / "flows" / "flowrun.toml").unlink()
    (project / "flows" / ".git").mkdir()
    assert project_model(source) == ""


def test_the_search_ends_below_the_home_of_the_user(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(project))
    assert project_model(str(project / "flows" / "a.flow")) == ""
    assert project_model("") == project_model(str(project / "none.flow")) == ""


@pytest.mark.skipif(os.getuid() != 0, reason="only root gives files away")
def test_a_file_above_that_another_user_put_there_does_not_count(project: Path) -> None:
    os.chown(project / "flowrun.toml", 12345, 12345)
    assert project_model(str(project / "flows" / "a.flow")) == ""
    os.chown(project / "flows", 12345, 12345)
    assert project_model(str(project / "flows" / "a.flow")) == "openai:of-project"


@pytest.mark.parametrize("name", ["validate", "audit", "test", "plan"])
async def test_a_file_that_is_not_valid_is_told_once_and_fails_the_command(name: str, project: Path) -> None:
    (project / "flows" / "b.flow").write_text(FLOW)
    for text, said in (('modle = "x"', "there is no setting `modle`"), ("model = 5", "`model` must be a text")):
        (project / "flowrun.toml").write_text(text)
        ran = await command(name, "flows", folder=project, HOME=str(project / "elsewhere"))
        assert (ran.code, ran.err.count(said)) == (2, 1), ran.err
        if name == "validate":
            assert "2 files checked: no errors; 1 other file cannot be used" in ran.err
    (project / "flowrun.toml").write_text('model = "openai:x"')
    ran = await command(name, "flows", folder=project, HOME=str(project / "elsewhere"))
    assert (ran.code, "cannot be used" in ran.err) == (0, False)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('modle = "x"', "there is no setting `modle`; did you mean `model`?"),
        ("model = 5", "`model` must be a text"),
        ('model = ""', "`model` must be a text"),
        ("model = ", "is not a file of settings"),
        ('allow_hosts = ["evil.example"]', "there is no setting `allow_hosts`; a project sets `model`"),
    ],
)
def test_a_file_that_is_not_valid_is_refused_by_name(project: Path, text: str, said: str) -> None:
    (project / "flowrun.toml").write_text(text)
    with pytest.raises(UsageError) as error:
        project_model(str(project / "flows" / "a.flow"))
    assert said in str(error.value)
    assert "flowrun.toml" in str(error.value)


def test_the_order_of_the_settings(project: Path) -> None:
    source = str(project / "flows" / "a.flow")
    assert model_without_option({"FLOWRUN_MODEL": "gemini:x"}, source) == DefaultModel("gemini:x")
    assert model_without_option({}, source) == DefaultModel("openai:of-project", True)
    assert model_without_option({}, "") == DefaultModel("embedded")
    settings = RunOptions(environ={}, model="anthropic:y").settings(source)
    assert (settings.model, settings.of_project) == ("anthropic:y", False)
    settings = RunOptions(environ={}).settings(make_plan(check_flow(Source(FLOW, source), catalog())).source)
    assert (settings.model, settings.of_project) == ("openai:of-project", True)


async def test_the_command_asks_the_model_of_the_project(faults: Any, project: Path) -> None:
    async def asked(*words: str, flow: str = "flows/a.flow", **environ: str) -> str:
        faults.json(chat("said"))
        ran = await command(
            flow, "--word", "x", "--fresh", *words, folder=project, OPENAI_BASE_URL=faults.url, **environ
        )
        assert (ran.code, ran.out) == (0, "said\n"), ran.err
        return str(faults.seen[-1]["model"])

    home = str(project / "elsewhere")
    assert await asked(HOME=home) == "of-project"
    assert await asked(HOME=home, FLOWRUN_MODEL="openai:of-environment") == "of-environment"
    assert await asked("--model", "openai:of-line", HOME=home, FLOWRUN_MODEL="openai:of-environment") == "of-line"
    (project / "flows" / "own.flow").write_text('model m = "openai:of-flow"\n' + FLOW.replace("ask", "ask m"))
    assert await asked(flow="flows/own.flow", HOME=home) == "of-flow"


async def test_the_plan_names_the_model_of_the_project_and_refuses_an_unknown_one(project: Path) -> None:
    home = str(project / "elsewhere")
    ran = await command("plan", "flows/a.flow", folder=project, HOME=home)
    assert (ran.code, "embedded" in ran.out) == (0, False)
    (project / "flowrun.toml").write_text('model = "openia:x"')
    ran = await command("plan", "flows/a.flow", folder=project, HOME=home)
    assert ran.code == 2
    assert "no provider is called `openia`; did you mean `openai`?" in ran.err
    assert (await command("validate", "flows/a.flow", folder=project, HOME=home)).code == 0


async def test_a_project_chooses_a_model_but_permits_no_host(project: Path) -> None:
    home = str(project / "elsewhere")
    ran = await command("flows/a.flow", "--word", "x", folder=project, HOME=home, OPENAI_API_KEY="sk-none")
    assert ran.code == 2
    assert "the flow or its project's flowrun.toml chooses its own models" in ran.err
    assert "--allow-host api.openai.com" in ran.err


async def test_a_resumed_run_keeps_the_model_and_still_permits_no_host(
    faults: Any, project: Path, flow: Callable[[str], Path]
) -> None:
    home = str(project / "elsewhere")
    faults.json({"error": {"message": "no such model"}}, status=404)
    ran = await command("flows/a.flow", "--word", "x", folder=project, HOME=home, OPENAI_BASE_URL=faults.url)
    assert ran.code == 3
    (project / "flowrun.toml").unlink()
    refused = await command("resume", "last", folder=project, HOME=home, OPENAI_API_KEY="sk-none")
    assert "flowrun.toml chooses its own models" in refused.err
    faults.json(chat("said"))
    ran = await command("resume", "last", folder=project, HOME=home, OPENAI_BASE_URL=faults.url)
    assert (ran.code, ran.out, faults.seen[-1]["model"]) == (0, "said\n", "of-project")
