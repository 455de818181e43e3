"""Inputs and outputs at Google Cloud Storage, by the real client library and a local server of the JSON API."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from flowrun.dsl import plan, types
from flowrun.runtime.cli.answer_url import AnswerUrl
from flowrun.runtime.documents.url_rows import UrlRows
from flowrun.runtime.inputs.inputs import read_input
from flowrun.runtime.vocabulary.errors import DiskError, InputError
from support.gcs_server import Storage, gcs_server

# gcsfs sends its parts as bytes, of which aiohttp warns. A user does not see that.
pytestmark = pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")
ROWS = types.ListOf(types.Record((types.Field("id", types.INT), types.Field("text", types.TEXT))))


@pytest.fixture
def storage(monkeypatch: pytest.MonkeyPatch) -> Iterator[Storage]:
    # Without this setting the library asks another service of Google for the kind of each bucket.
    monkeypatch.setenv("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")
    fsspec = pytest.importorskip("fsspec")
    pytest.importorskip("gcsfs", reason="the package gcsfs is not installed")
    monkeypatch.setitem(fsspec.config.conf, "gs", {"token": "anon"})
    with gcs_server() as found:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", found.url)
        yield found


def lines(count: int, width: int) -> bytes:
    return b"".join(json.dumps({"id": n, "text": "x" * width}).encode() + b"\n" for n in range(count))


def test_rows_small_and_large(storage: Storage) -> None:
    storage.box.update({"rows.jsonl": lines(3, 10), "big.jsonl": lines(9000, 1000), "d/a.md": b"A", "d/b.txt": b"B"})
    param = plan.Param("it", ROWS, None, True)
    assert len(read_input(param, "gs://box/rows.jsonl", str, urls=True)) == 3
    storage.read.clear()
    rows = read_input(param, "gs://box/big.jsonl", str, urls=True, by_row=True)
    assert isinstance(rows, UrlRows)
    assert max(storage.read) <= 1024 * 1024
    assert rows[8999]["id"] == 8999
    storage.box["big.jsonl"] = lines(9000, 1000).replace(b"x", b"y")
    with pytest.raises(InputError, match="has changed while the flow was reading it"):
        list(rows)
    docs = plan.Param("it", types.ListOf(types.DOCUMENT), None, True)
    assert read_input(docs, "gs://box/d/", str, urls=True) == ["A", "B"]
    with pytest.raises(InputError, match=r"there is no object `gs://box/none.jsonl`"):
        read_input(param, "gs://box/none.jsonl", str, urls=True)


def test_an_answer_appears_when_it_is_whole(storage: Storage) -> None:
    row = {"text": "x" * 100_000}
    with AnswerUrl("gs://box/out.jsonl", types.ListOf(types.JSON), ()) as answer:
        for _ in range(200):
            answer.row(row)
        assert not storage.box
        answer.finish([], handed=True)
    assert storage.box["out.jsonl"] == (json.dumps(row) + "\n").encode() * 200
    with AnswerUrl("gs://box/empty.jsonl", types.ListOf(types.JSON), ()) as answer:
        answer.finish([], handed=False)
    assert storage.box["empty.jsonl"] == b""
    assert not storage.uploads


def test_an_upload_that_is_given_up_leaves_nothing(storage: Storage) -> None:
    with AnswerUrl("gs://box/out.jsonl", types.ListOf(types.JSON), ()) as answer:
        for _ in range(200):
            answer.row({"text": "x" * 100_000})
        assert len(storage.uploads) == 1
    assert not storage.box
    assert not storage.uploads


def test_a_place_without_the_right(storage: Storage) -> None:
    storage.denied.add("out.jsonl")
    with pytest.raises(DiskError, match="the credentials at hand have no right to write it"):
        AnswerUrl("gs://box/out.jsonl", types.ListOf(types.JSON), ())
    with pytest.raises(DiskError, match="there is no such bucket"):
        AnswerUrl("gs://nobox/out.jsonl", types.ListOf(types.JSON), ())
