"""Endpoints in the settings of the user and the project: what is refused, who comes first, and whose key goes where."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from flowrun.runtime.api import RunOptions, resume_async, run_async
from flowrun.runtime.cli import consent
from flowrun.runtime.providers.declared_endpoints import DeclaredEndpoints
from flowrun.runtime.providers.endpoint_tables import check_project
from flowrun.runtime.session.approvals import approvals_file
from flowrun.runtime.session.hosts import Reach
from flowrun.runtime.vocabulary.errors import UsageError
from support.command_line import chat, command

FLOW = 'flow f(word: text) { x = ask "Say {{ word }}" return x }\n'
OF_LAB = 'model m = "lab:big"\n' + FLOW.replace("ask", "ask m")
KEY = "lab-planted-0123456789-abcdefghij"


class Place:
    """A user's home, and a project with a flow."""

    def __init__(self, folder: Path) -> None:
        self.home, self.project = folder / "home", folder / "project"
        self.settings = self.home / ".config" / "flowrun" / "settings.toml"
        self.settings.parent.mkdir(parents=True)
        (self.project / ".git").mkdir(parents=True)
        self.flow = self.project / "a.flow"
        self.flow.write_text(OF_LAB)
        self.environ = {"HOME": str(self.home), "LAB_KEY": KEY, "FLOWRUN_LEARN": "0"}

    def user(self, text: str) -> None:
        self.settings.write_text(text)

    def projects(self, text: str) -> None:
        (self.project / "flowrun.toml").write_text(text)

    async def run(self, **options: Any) -> Any:
        environ = {**self.environ, **options.pop("environ", {})}
        return await run_async(self.flow, word="x", options=RunOptions(environ=environ, **options))

    async def refusal(self, **options: Any) -> str:
        with pytest.raises(UsageError) as caught:
            await self.run(**options)
        assert KEY not in str(caught.value)
        return str(caught.value)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def lab(url: str, **more: str) -> str:
    lines = "".join(f"{name} = {value}\n" for name, value in more.items())
    return f'[endpoints.lab]\nbase_url = "{url}"\nkey_env = "LAB_KEY"\n{lines}'


# What is refused

REFUSED = {
    "[endpoints.lab]": "an endpoint needs a `base_url`",
    '[endpoints.lab]\nbase = "http://h/v1"': "there is no setting `base`; did you mean `base_url`?",
    '[endpoints.lab]\nbase_url = ""': "`base_url` must be a text that is not empty",
    "[endpoints.lab]\nbase_url = 5": "`base_url` must be a text that is not empty",
    '[endpoints.lab]\nbase_url = "gpu:8000/v1"': "does not begin with http:// or https://",
    '[endpoints.lab]\nbase_url = "http://me:s3cret@h/v1"': "a user name or a password",
    '[endpoints.lab]\nbase_url = "http://h/v1?s3cret=1"': "with a ? or a # in it",
    '[endpoints.lab]\nbase_url = "http://h/v1/chat/completions"': "set it to http://h/v1",
    '[endpoints.lab]\nbase_url = "http://h"\nkind = "opanai"': "`kind` has no value `opanai`; did you mean `openai`?",
    '[endpoints.lab]\nbase_url = "http://h"\nkind = "soap"': "an endpoint speaks one of openai, anthropic, gemini",
    '[endpoints.lab]\nbase_url = "http://h"\nkey_env = "sk-s3cret-0123456789-abcdef"': "is not the name of a variable",
    '[endpoints.lab]\nbase_url = "http://h"\nkey_env = "gsks3cretAb12Cd34Ef56Gh78"': "is not the name of a variable",
    '[endpoints.lab]\nbase_url = "http://h"\nkey_env = ["A"]': "`key_env` must be a text",
    '[endpoints.lab]\nbase_url = "http://h/sk-proj-s3cretAb12Cd34Ef56/v1"': "has what looks like a key",
    '[endpoints.lab]\nbase_url = "http://h"\nheaders = "X: y"': "`headers` must be a table of texts",
    '[endpoints.lab]\nbase_url = "http://h"\nheaders = { "X" = 1 }': "`headers` must be a table of texts",
    '[endpoints.lab]\nbase_url = "http://h"\nheaders = { "X Y" = "z" }': "`X Y` is not the name of a header",
    '[endpoints.lab]\nbase_url = "http://h"\nheaders = { "Host" = "z" }': "flowrun writes the header Host itself",
    '[endpoints.lab]\nbase_url = "http://h"\nheaders = { "X-Api-Token" = "s3cret" }': '"X-Api-Token" = "$X_API_TOKEN"',
    '[endpoints.lab]\nbase_url = "http://h"\nheaders = { "Authorization" = "Bearer s3cret" }': "holds a secret",
    '[endpoints.lab]\nbase_url = "http://h"\nheaders = { "X-A" = "s3cretAb12Cd34Ef56Gh78" }': "holds a secret",
    '[endpoints.lab]\nbase_url = "http://h"\nheaders = { "X-A" = "a$" }': "a `$` that begins no name",
    '[endpoints.lab]\nbase_url = "http://h"\nheaders = { "X-A" = "é" }': "a character that a header cannot contain",
    '[endpoints.lab]\nbase_url = "http://h"\nkey_env = "K"\nheaders = { "Authorization" = "$K" }': "is given twice",
    '[endpoints.lab]\nbase_url = "http://h"\nlacks = ["m"]': "`lacks` has no word `m`",
    '[endpoints.lab]\nbase_url = "http://h"\nlacks = "n"': "`lacks` must be a list of texts",
    '[endpoints.Lab]\nbase_url = "http://h"': "`Lab` is not the name of an endpoint",
    '[endpoints."a:b"]\nbase_url = "http://h"': "`a:b` is not the name of an endpoint",
    '[endpoints.groq]\nbase_url = "http://h"': "flowrun itself knows an endpoint `groq`",
    '[endpoints.openai]\nbase_url = "http://h"': "flowrun itself knows an endpoint `openai`",
    "endpoints = 5": "`endpoints` must be tables",
    "[endpoints]\nlab = 5": "an endpoint is a table",
    '[endponts.lab]\nbase_url = "http://h"': "there is no setting `endponts`; did you mean `endpoints`?",
}


@pytest.mark.parametrize("text", REFUSED)
def test_a_declaration_that_is_not_valid_is_refused_in_one_sentence(text: str, place: Place) -> None:
    place.projects(text)
    with pytest.raises(UsageError) as of_project:
        check_project(str(place.flow))
    place.projects("")
    place.user(text)
    with pytest.raises(UsageError) as of_user:
        dict(DeclaredEndpoints(str(place.flow), place.environ))
    for said in (str(of_project.value), str(of_user.value)):
        assert REFUSED[text] in said
        assert ".toml" in said
        assert "s3cret" not in said and said.isprintable()


@pytest.mark.parametrize(
    "value",
    ["$LAB_TOKEN", "${LAB_TOKEN}", "Bearer $LAB_TOKEN"],
)
def test_a_secret_header_names_a_variable(value: str, place: Place) -> None:
    place.user(f'[endpoints.lab]\nbase_url = "http://h"\nheaders = {{ "Authorization" = "{value}", "X-Team" = "red" }}')
    assert dict(DeclaredEndpoints("", place.environ)["lab"].headers) == {"Authorization": value, "X-Team": "red"}


async def test_validate_tells_of_the_projects_endpoints_and_knows_their_names(place: Place) -> None:
    place.projects(lab("http://h/v1"))
    ran = await command("validate", "a.flow", folder=place.project, HOME=str(place.home))
    assert (ran.code, ran.err) == (0, "1 file checked: no errors\n")
    place.flow.write_text(OF_LAB.replace("lab:", "lap:"))
    ran = await command("validate", "a.flow", folder=place.project, HOME=str(place.home))
    assert ran.code == 1 and "did you mean `lab`?" in ran.err
    place.projects("[endpoints.lab]")
    ran = await command("validate", "a.flow", folder=place.project, HOME=str(place.home))
    assert ran.code == 2 and "needs a `base_url`" in ran.err


# What is asked


async def test_an_endpoint_of_the_user_is_asked_with_its_key_and_headers(faults: Any, place: Place) -> None:
    faults.json(chat("said"))
    place.user(lab(faults.url, headers='{ "X-Team" = "red", "X-Trace" = "t-${LAB_TRACE}" }'))
    result = await place.run(environ={"LAB_TRACE": "seventeen"})
    assert result.value == "said"
    headers = faults.headers[0]
    assert headers["Authorization"] == f"Bearer {KEY}"
    assert (headers["X-Team"], headers["X-Trace"]) == ("red", "t-seventeen")
    assert faults.seen[0]["model"] == "big"
    said = await place.refusal()
    assert "sends LAB_TRACE in its header X-Trace: set LAB_TRACE" in said


@pytest.mark.parametrize(
    ("kind", "header", "value"),
    [("openai", "Authorization", f"Bearer {KEY}"), ("anthropic", "x-api-key", KEY), ("gemini", "x-goog-api-key", KEY)],
)
async def test_the_kind_of_an_endpoint_is_its_api(
    kind: str, header: str, value: str, faults: Any, place: Place
) -> None:
    faults.json({}, status=400)
    place.user(lab(faults.url, kind=f'"{kind}"'))
    place.flow.write_text(OF_LAB.replace('}}"', '}}" with retries: 0'))
    result = await place.run()
    assert result.status == "failed"
    assert faults.headers[0][header] == value
    paths = {"openai": "/chat/completions", "anthropic": "/v1/messages", "gemini": "/models/big:generateContent"}
    assert faults.paths[0].endswith(paths[kind])


@pytest.mark.parametrize(("status", "told"), [(401, "check the value of"), (403, "check the permissions of")])
async def test_a_key_in_a_header_is_told_by_its_variable(status: int, told: str, faults: Any, place: Place) -> None:
    faults.json({"error": {"message": f"the key {KEY} is wrong"}}, status=status)
    place.user(f'[endpoints.lab]\nbase_url = "{faults.url}"\nheaders = {{ "Authorization" = "Bearer $LAB_KEY" }}')
    result = await place.run()
    assert faults.headers[0]["Authorization"] == f"Bearer {KEY}"
    said = " ".join(one.reason for one in result.failures)
    assert f"{told} LAB_KEY" in said and "no key was sent" not in said and KEY not in said


@pytest.mark.parametrize(
    ("status", "told"), [(401, "no key was sent: name the variable"), (403, "(check the base URL)")]
)
async def test_an_endpoint_without_a_key_is_told_to_have_none(
    status: int, told: str, faults: Any, place: Place
) -> None:
    faults.json({"error": {"message": "no"}}, status=status)
    place.user(f'[endpoints.lab]\nbase_url = "{faults.url}"\nheaders = {{ "X-Team" = "red" }}')
    assert told in (await place.run()).failures[0].reason


async def test_all_models_without_a_key_are_told_at_once(place: Place) -> None:
    place.user(lab("https://gpu.example/v1"))
    place.flow.write_text(
        'model a = "lab:big"\nmodel b = "groq:x"\nmodel c = "xai:y"\n'
        'flow f(word: text) { x = ask a "{{ word }}" y = ask b "{{ x }}" z = ask c "{{ y }}" return z }\n'
    )
    said = await place.refusal(environ={"LAB_KEY": ""})
    assert said.startswith("3 models cannot be asked: ")
    assert "lab:big needs a key: set LAB_KEY" in said
    assert "groq:x needs a key: set GROQ_API_KEY" in said
    assert "xai:y needs a key: set XAI_API_KEY" in said


async def test_a_project_comes_before_its_user(faults: Any, place: Place) -> None:
    place.user('[endpoints.lab]\nbase_url = "http://user.invalid/v1"\n')
    place.projects(lab(faults.url))
    faults.json(chat("of the project"))
    assert (await place.run(allow_host="127.0.0.1")).value == "of the project"


# What is approved


@pytest.mark.parametrize("how", ["asked", "flag", "variable", "settings", "command"])
async def test_the_endpoints_of_a_project_are_approved_once(how: str, faults: Any, place: Place) -> None:
    faults.json(chat("said"))
    place.projects(lab(faults.url))
    said = await place.refusal()
    assert "declares endpoints that you have not approved" in said
    assert "with the value of LAB_KEY" in said and "`flowrun endpoints approve`" in said and "--allow-host" in said
    seen: list[Any] = []
    given: dict[str, Any] = {}
    if how == "asked":
        given["ask_hosts"] = lambda reaches: not seen.extend(reaches)  # type: ignore[func-returns-value]
    elif how == "flag":
        given["allow_host"] = "127.0.0.1"
    elif how == "variable":
        given["environ"] = {"FLOWRUN_ALLOW_HOST": "127.0.0.1"}
    elif how == "settings":
        place.user('allow_hosts = ["127.0.0.1"]')
    else:
        ran = await command("endpoints", "approve", folder=place.project, HOME=str(place.home))
        assert ran.code == 2 and "add --yes" in ran.err
        ran = await command("endpoints", "approve", "--yes", folder=place.project, HOME=str(place.home))
        assert ran.code == 0 and "LAB_KEY" in ran.out
    assert (await place.run(**given)).value == "said"
    kept = how in ("asked", "command")
    assert approvals_file(place.environ).exists() == kept
    if not kept:
        return
    assert [(one.model, one.variables, one.declared) for one in seen] in ([], [("lab:big", ("LAB_KEY",), "lab")])
    assert (await place.run()).value == "said"
    # Another model of the project changes nothing; another endpoint is asked for again.
    place.projects('model = "lab:small"\n' + lab(faults.url))
    assert (await place.run()).value == "said"
    place.projects(lab(faults.url).replace("LAB_KEY", "GITHUB_TOKEN"))
    assert "GITHUB_TOKEN" in await place.refusal(environ={"GITHUB_TOKEN": "x"})


async def test_a_refused_question_approves_nothing(place: Place) -> None:
    place.projects(lab("https://gpu.example/v1"))
    assert "not approved" in await place.refusal(ask_hosts=lambda reaches: False)
    assert not approvals_file(place.environ).exists()
    # The model of the command line does not choose the address that the project gives.
    place.flow.write_text(FLOW)
    assert "not approved" in await place.refusal(model="lab:big")


async def test_a_server_on_this_machine_that_gets_no_variable_needs_no_approval(faults: Any, place: Place) -> None:
    faults.json(chat("said"))
    place.projects(f'model = "lab:big"\n[endpoints.lab]\nbase_url = "{faults.url}"\n')
    place.flow.write_text(FLOW)
    assert (await place.run()).value == "said"
    assert "Authorization" not in faults.headers[0]


@pytest.mark.parametrize("text", ["", "{", '{"projects": 5}', '{"projects": []}', "[1]"])
async def test_a_damaged_file_approves_nothing(text: str, place: Place) -> None:
    approvals_file(place.environ).write_text(text)
    place.projects(lab("https://gpu.example/v1"))
    assert "not approved" in await place.refusal()


# The homes of keys


@pytest.mark.parametrize("variable", ["OPENAI_API_KEY", "GROQ_API_KEY", "HF_TOKEN"])
async def test_a_project_sends_no_key_of_a_known_endpoint_elsewhere(variable: str, place: Place) -> None:
    place.projects(lab("https://gpu.example/v1").replace("LAB_KEY", variable))
    said = await place.refusal(environ={variable: KEY}, allow_host="gpu.example")
    assert f"would send {variable}, the key of" in said and "`gpu.example`" in said
    place.projects('[endpoints.lab]\nbase_url = "https://gpu.example/v1"\nheaders = { "X-Key" = "$' + variable + '" }')
    assert f"would send {variable}" in await place.refusal(environ={variable: KEY}, allow_host="gpu.example")


async def test_a_project_sends_no_key_of_its_user_elsewhere(faults: Any, place: Place) -> None:
    place.user(lab("https://gpu.example/v1"))
    place.projects(lab("https://other.example/v1"))
    said = await place.refusal(allow_host="other.example")
    assert "the endpoint `lab` of the project would send LAB_KEY, the key of lab, to `other.example`" in said
    faults.json(chat("said"))
    place.user(lab(faults.url))
    place.projects(lab(f"{faults.url}/of/the/project"))
    assert (await place.run(allow_host="127.0.0.1")).value == "said"


async def test_a_user_may_give_a_key_to_a_server_of_their_own(faults: Any, place: Place) -> None:
    faults.json(chat("said"))
    place.user(lab(faults.url).replace("LAB_KEY", "OPENAI_API_KEY"))
    assert (await place.run(environ={"OPENAI_API_KEY": KEY})).value == "said"
    # The host of OPENAI_BASE_URL gets this key anyway.
    place.user("")
    place.projects(lab(faults.url).replace("LAB_KEY", "OPENAI_API_KEY"))
    environ = {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": faults.url}
    assert (await place.run(environ=environ, allow_host="127.0.0.1")).value == "said"


async def test_a_redirect_gets_no_key(faults: Any, place: Place) -> None:
    faults.json({}, status=307, headers={"Location": f"{faults.url}/elsewhere"})
    place.user(lab(faults.url))
    place.flow.write_text(OF_LAB.replace('}}"', '}}" with retries: 0'))
    result = await place.run()
    assert result.status == "failed" and len(faults.headers) == 1


async def test_a_key_and_a_secret_header_are_in_no_artefact(faults: Any, place: Place) -> None:
    trace = "trace-planted-9876543210-zyxwvut"
    faults.json(chat(f"you sent {KEY} and {trace}"))
    place.user(lab(f"{faults.url}/s3cretAb12Cd34Ef56Gh78", headers='{ "X-Trace" = "$LAB" }'))
    environ = {"HOME": str(place.home), "LAB_KEY": KEY, "LAB": trace}
    given = ("a.flow", "--word", "x", "--json", "--journal", "journal.db")
    ran = await command(*given, folder=place.project, **environ)
    assert ran.code == 3 and "contains your key" in ran.out + ran.err
    listed = await command("endpoints", "--json", folder=place.project, **environ)
    planned = await command("plan", "a.flow", "--word", "x", folder=place.project, **environ)
    rows = {row["name"]: row for row in json.loads(listed.out)["endpoints"]}
    assert rows["lab"]["address"] == f"{faults.url}/…"
    assert rows["lab"]["keys"] == [{"variable": "LAB_KEY", "set": True}]
    for one in (ran, listed, planned):
        for secret in (KEY, trace, "s3cret"):
            assert secret not in one.out + one.err
    files = [path for path in place.project.rglob("*") if path.is_file()]
    assert not [path for path in files for secret in (KEY, trace) if secret.encode() in path.read_bytes()]


async def test_the_value_of_a_variable_in_a_header_is_kept_secret_like_a_key(faults: Any, place: Place) -> None:
    trace = "trace-planted-9876543210-zyxwvut"
    place.user(lab(faults.url, headers='{ "X-Trace" = "$LAB" }'))
    place.flow.write_text(OF_LAB.replace('}}"', '}}" with retries: 0'))
    faults.json(chat(f"you sent {trace}"))
    answered = await place.run(environ={"LAB": trace})
    assert "the answer contains your key" in answered.failures[0].reason
    faults.json({"error": {"message": f"bad trace {trace}"}}, status=400)
    refused = await place.run(environ={"LAB": trace})
    assert refused.status == "failed"
    assert trace not in f"{answered.failures} {refused.failures}"


async def test_a_run_is_resumed_from_another_folder_with_the_endpoints_of_its_project(
    faults: Any, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults.json({"error": {"message": "no such model"}}, status=404)
    place.projects(lab(faults.url))
    journal = place.home / "journal.db"
    monkeypatch.chdir(place.project)
    place.flow = Path("a.flow")
    first = await place.run(journal=journal, ask_hosts=lambda reaches: True)
    assert first.status == "failed"
    monkeypatch.chdir(place.home)
    faults.json(chat("said"))
    again = await resume_async("last", journal, options=RunOptions(environ=place.environ))
    assert again.value == "said"
    # What was approved was the digest, and not the host for whatever the project may declare there later.
    (place.project / "flowrun.toml").write_text(lab(f"{faults.url}/other").replace("LAB_KEY", "GITHUB_TOKEN"))
    with pytest.raises(UsageError, match="not approved"):
        await resume_async("last", journal, options=RunOptions(environ={**place.environ, "GITHUB_TOKEN": "x"}))


def test_a_person_is_shown_what_a_project_declares(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(consent, "_yes", lambda question: not asked.append(question))  # type: ignore[func-returns-value]
    reaches = [Reach("lab:big", "gpu.example", ("LAB_KEY",), "lab"), Reach("openai:m", "api.openai.com")]
    assert consent._ask(reaches)
    shown = capsys.readouterr().err
    assert "The flow chooses these models" in shown and "  openai:m at api.openai.com\n" in shown
    assert "The flowrun.toml of the project declares these endpoints" in shown
    assert "  lab:big at gpu.example with the value of LAB_KEY\n" in shown
    assert asked == ["Allow this? It holds until the project declares others. [y/N] "]
