"""`--cassette FILE` on a run, `flowrun journal export --cassette`, and what a cassette does not keep."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flowrun.runtime.vocabulary.call import Message, Request
from flowrun.runtime.vocabulary.errors import InputError, UsageError
from flowrun.runtime.vocabulary.usage import TokenDetail, Usage
from flowrun.testing.cassette import Cassette, Line, key_of, plain_model
from flowrun.testing.cassette_file import read_cassette
from flowrun.testing.secrets import secret_in
from support.command_line import Ran, command
from support.model_server import model_server

FLOW = """\
flow hello(names: [text]) {
  all = map name in names { greeting = ask "Say hello to {{ name }}" } reduce collect
  return all
}
test "the real answers" of hello {
  names = ["Ada", "Bob"]
  cassette "hello.cassette.jsonl"
  expect length(all) == 2
}
"""
LINE = Line("a[2].b", 0, 0, "k", "openai:m", (("user", "hi"),), "yes", usage=Usage(1, 2, TokenDetail(cached=1), "flex"))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "hello.flow").write_text(FLOW, encoding="utf-8")
    return tmp_path


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    with model_server(tmp_path / "log") as server:
        yield server.url


async def hello(project: Path, url: str, *arguments: str, names: str = '["Ada", "Bob"]') -> Ran:
    given = ("hello.flow", "--names", names, "--model", "openai:test", *arguments)
    return await command(*given, folder=project, OPENAI_BASE_URL=url, OPENAI_API_KEY="none")


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


async def test_a_run_becomes_a_cassette_now_or_later(project: Path, url: str) -> None:
    journal = ("--journal", "journal.db")
    ran = await hello(project, url, *journal, "--cassette", "hello.cassette.jsonl")
    assert ran.code == 0 and "2 answers of the run are in `hello.cassette.jsonl`" in ran.err, ran.err
    first = project / "hello.cassette.jsonl"
    head, *lines = rows(first)
    assert head["flow"] == "hello"
    assert [line["path"] for line in lines] == ["all[0].greeting", "all[1].greeting"]
    assert [line["answer"] for line in lines] == json.loads(ran.out)
    assert lines[0]["usage"]["in"] > 0 and "order" not in lines[0] and url not in first.read_text(encoding="utf-8")
    played = await command("test", "hello.flow", folder=project)
    assert played.code == 0, played.out
    later = await command("journal", "export", "--cassette", "later.jsonl", *journal, folder=project)
    assert later.code == 0 and (project / "later.jsonl").read_bytes() == first.read_bytes()
    # The answers of a second run come from the journal, and so does its cassette.
    again = await hello(project, url, *journal, "--cassette", "again.jsonl")
    assert again.code == 0 and (project / "again.jsonl").read_bytes() == first.read_bytes()
    done = await command("resume", "last", "--cassette", "resumed.jsonl", *journal, folder=project, OPENAI_BASE_URL=url)
    assert done.code == 0 and (project / "resumed.jsonl").read_bytes() == first.read_bytes(), done.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--cassette", "x.jsonl", "--no-journal"), "leave out --no-journal"),
        (("--cassette", "x.txt", "--journal", "j.db"), "ends in .jsonl"),
        (("--cassette", "-", "--journal", "j.db"), "needs the name of a file"),
        (("--cassette", "x.jsonl", "-o", "x.jsonl", "--journal", "j.db"), "a file of its own"),
        (("--cassette", "none/x.jsonl", "--journal", "j.db"), "x.jsonl"),
    ],
)
async def test_a_cassette_that_cannot_be_written_stops_the_run_before_it_pays(
    arguments: tuple[str, ...], said: str, project: Path, url: str
) -> None:
    ran = await hello(project, url, *arguments)
    assert ran.code not in (0, 1) and said in ran.err and "Traceback" not in ran.err
    assert "asked" not in (project / "log").read_text(encoding="utf-8")


async def test_a_run_with_a_secret_in_a_prompt_makes_no_cassette(project: Path, url: str) -> None:
    names = json.dumps(["ghp_" + "a1" * 20])
    ran = await hello(project, url, "--journal", "j.db", "--cassette", "x.jsonl", names=names)
    assert ran.code == 2 and "the call `all[0].greeting` has what looks like a secret" in ran.err, ran.err
    assert "a1a1" not in ran.err and not (project / "x.jsonl").exists()


@pytest.mark.parametrize(
    "text",
    [
        "sk-proj-abcdefghijklmnopqrstuv",
        "the key AKIAABCDEFGHIJKLMNOP is old",
        "ABSK" + "QmVkcm9ja0FQSUtleS0x" * 4,
        "bedrock-api-key-YmVkcm9jay5hbWF6b25hd3MuY29t",
        "the token ya29.a0Ae4lvC3s3cretT0kenQx7 is old",
        "-----BEGIN RSA PRIVATE KEY-----",
        "https://user:hunter22@example.org/x",
        "Authorization: Bearer abcdef0123456789abcdef",
        "eyJhbGciOiJIUzI1.eyJzdWIiOiIxMjM0.SflKxwRJSMeKKF2QT4",
        'api_key = "abc123def456ghi"',
        "xoxb-123456789012-abcdefgh",
        "sk-ant-api03-Zm9v-YmFyYmF6cXV4-cXV1eA",
        "{'Authorization': 'Basic YWxhZGRpbjpvcGVuc2VzYW1l'}",
        "authorization=Token 9944b09199c62bcf9418",
        "https://example.org/v1/models?key=AIzaSyA1234567890abcdefghijklmnopqrstuv",
        "https://example.org/v1?access_token=1a2b3c4d5e6f7g8h",
        "https://b.s3.amazonaws.com/x?X-Amz-Expires=60&X-Amz-Signature=9f86d081884c7d659a2feaa0c55ad015",
        "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY1",
        "AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2U",
        "-----BEGIN OPENSSH PRIVATE KEY-----\\nb3BlbnNzaC1rZXk",
        "-----BEGIN PGP PRIVATE KEY BLOCK-----",
        "github_pat_11ABCDEFG0abcdefghijkl_mnopqrstuvwxyz",
        "x-api-key: 0123456789abcdef0123",
    ],
)
def test_a_secret_is_known_by_its_form(text: str) -> None:
    assert secret_in(["fine", text], {})
    with pytest.raises(UsageError, match=r"the call `a\[2\].b` has what looks like a secret"):
        Cassette("f").add(Line("a[2].b", 0, 0, "k", "m", (("user", text),), "yes"))
    with pytest.raises(UsageError):
        Cassette("f").add(Line("a[2].b", 0, 0, "k", "m", (), text))


@pytest.mark.parametrize(
    "text",
    [
        "the password is asked for",
        "a bearer of news",
        "key: value",
        "mail ada@example.org",
        "risk-averse people",
        "sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "commit 356a192b7913b04c54574d18c28d46e6395428ab of blake2b 070be678c0cf0294",
        "123e4567-e89b-12d3-a456-426614174000 is the id of order 4711-0815",
        "class sk-loading-indicator-container",
        "-----BEGIN CERTIFICATE-----",
        "https://example.org/a?sig=none&id=123e4567-e89b-12d3-a456-426614174000",
        "http://127.0.0.1:8080/v1 and user@host:/srv/data",
        "authorization: see the manual",
        "the access token is 12 hours old; api key: ask the admin",
        "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk",
    ],
)
def test_plain_words_are_no_secret(text: str) -> None:
    assert not secret_in([text], {})


def test_a_key_of_the_environment_is_a_secret() -> None:
    key = "q7Zp-93kdLmWx0vT5b"
    assert secret_in([f"see {key}!"], {"MY_TOKEN": key})
    assert not secret_in([f"see {key}!"], {"MY_COLOUR": key})


def test_lines_stand_in_the_natural_order_of_places() -> None:
    paths = ["a[10].b", "b", "a[2].b", "a[2].c", "a[2].b.c"]
    lines = [Line(path, 0, 0, "k", "m", (), "x") for path in paths]
    again = [Line("a[2].b", 0, 1, "k", "m", (), "x")]
    written = "".join(Cassette("f", [*again, *lines]).text())
    assert [json.loads(line)["path"] for line in written.splitlines()[1:]] == [
        "a[2].b", "a[2].b", "a[2].b.c", "a[2].c", "a[10].b", "b",
    ]  # fmt: skip
    assert "".join(read_cassette(written, "x").text()) == written


def test_a_cassette_keeps_all_characters_and_no_user_of_an_address() -> None:
    text = 'half \ud800, line\u2028, "quotes", \n\r\t, é 汉'
    line = Line("a", 0, 0, "k", plain_model("openai:m@https://u:p@h/v1?key=1"), (("user", text),), text)
    written = "".join(Cassette("f", [line]).text())
    assert list(read_cassette(written, "x").lines.values()) == [line]
    assert "u:p" not in written and "key=1" not in written
    assert written.encode()


def test_the_key_is_that_of_the_question() -> None:
    asked = Request((Message("user", "a"),))
    others = [
        Request((Message("system", "a"),)),
        Request((Message("user", "b"),)),
        Request((Message("user", "a"),), choices=("x",)),
        Request((Message("user", "a"),), schema={"type": "string"}),
        Request((Message("user", "a"),), temperature=0.5),
        Request((Message("user", "a"),), max_tokens=5),
        Request((Message("user", "a"),), seed=5),
    ]
    assert len({key_of(one) for one in (asked, *others)}) == len(others) + 1
    assert key_of(asked) == key_of(Request((Message("user", "a"),), timeout=5, stream=True))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"again": 1}, "lacks the one before it"),
        ({"finish": "odd"}, "must be one of"),
        ({"answer": None}, "`answer` must be a text"),
        ({"sample": -1}, "`sample` must be a number"),
        ({"sample": True}, "`sample` must be a number"),
        ({"messages": [1]}, "`messages` must be records"),
        ({"usage": {"in": "x"}}, "`in` must be a number"),
        ({"answer": "sk-proj-abcdefghijklmnopqrstuv"}, "looks like a secret"),
    ],
)
def test_a_changed_line_is_refused_with_its_number(change: dict[str, Any], said: str) -> None:
    head, line = "".join(Cassette("f", [LINE]).text()).splitlines()
    with pytest.raises(InputError, match=said):
        read_cassette(f"{head}\n{json.dumps({**json.loads(line), **change})}\n", "x")
    with pytest.raises(InputError, match="x:3: it answers the same call"):
        read_cassette(f"{head}\n{line}\n{line}\n", "x")
