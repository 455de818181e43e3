"""Inputs by URL: rows and documents of a local server of S3's protocol, read by the real client library."""

from __future__ import annotations

import base64
import json
import random
import subprocess
import sys
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

import pytest

from flowrun.dsl import Source, plan, types
from flowrun.runtime import Url, load, run_async
from flowrun.runtime.documents.stored_rows import StoredRows
from flowrun.runtime.documents.url_rows import UrlRows
from flowrun.runtime.files import url_objects
from flowrun.runtime.files.urls import is_url, recorded_place, told_url, url_place
from flowrun.runtime.inputs.inputs import files_given, read_input
from flowrun.runtime.journal.address import JournalAddress, place_of
from flowrun.runtime.journal.given_files import kept_apart, reopened
from flowrun.runtime.vocabulary.errors import InputError, UsageError
from flowrun.runtime.vocabulary.json_value import Json
from support.images import png
from support.s3_objects import objects, server
from support.s3_server import SECRET, Objects, etag_of

__all__ = ["objects", "server"]
ROW = types.Record((types.Field("id", types.INT), types.Field("text", types.TEXT)))
ROWS = types.ListOf(ROW)


def lines(count: int, width: int = 10) -> bytes:
    return b"".join(json.dumps({"id": n, "text": f"{n} " + "x" * width}).encode() + b"\n" for n in range(count))


def read(type_: types.Type, given: str, *, by_row: bool = False) -> Json:
    return read_input(plan.Param("it", type_, None, True), given, lambda: "", by_row=by_row, urls=True)


def test_small_rows_tables_and_texts(objects: Objects) -> None:
    objects.box.update(
        {
            "a/rows.jsonl": lines(3),
            "a/rows.csv": b"id,text\n1,one\n2,two\n",
            "a/one.json": b'{"id": 7, "text": "seven"}',
            "a/say.md": b"# Hello\n",
        }
    )
    assert [row["id"] for row in read(ROWS, "s3://box/a/rows.jsonl")] == [0, 1, 2]
    assert read(ROWS, "@s3://box/a/rows.csv") == [{"id": 1, "text": "one"}, {"id": 2, "text": "two"}]
    assert read(ROW, "s3://box/a/one.json") == {"id": 7, "text": "seven"}
    assert read(types.JSON, "s3://box/a/one.json") == {"id": 7, "text": "seven"}
    assert read(types.DOCUMENT, "s3://box/a/say.md") == "# Hello\n"
    assert read(types.TEXT, "@s3://box/a/say.md") == "# Hello\n"
    assert read(types.TEXT, "s3://box/a/say.md") == "s3://box/a/say.md"


def test_a_protocol_may_have_capital_letters(objects: Objects) -> None:
    objects.box["rows.jsonl"] = lines(3)
    web = objects.url.replace("http", "HTTP")
    for url, told in (("S3://box/rows.jsonl", "s3://box"), (f"{web}/box/rows.jsonl", f"{objects.url}/box")):
        assert len(read(ROWS, url)) == 3
        assert files_given(plan.Param("it", ROWS, None, True), url) == [url_place(f"{told}/rows.jsonl")]
        with pytest.raises(InputError, match=f"there is no object `{told}/none.jsonl`"):
            read(ROWS, url.replace("rows", "none"))
    with pytest.raises(InputError, match="flowrun opens no file:// URL"):
        read(ROWS, "FILE:///etc/passwd")


def test_large_rows_are_read_by_parts(objects: Objects) -> None:
    objects.box["big.jsonl"] = lines(40_000, 200)
    rows = read(ROWS, "s3://box/big.jsonl", by_row=True)
    assert isinstance(rows, UrlRows)
    whole = len(objects.box["big.jsonl"])
    assert len(rows) == 40_000
    assert max(size for method, _, size in objects.requests if method == "GET") <= 1024 * 1024
    assert whole <= objects.read() <= whole * 1.2
    for at in (0, 39_999, 1023, 1024):
        assert rows[at]["id"] == at
    objects.requests.clear()
    assert [row["id"] for row in rows] == list(range(40_000))
    assert whole * 0.8 <= objects.read() <= whole * 1.5


def test_rows_that_change_under_way_are_told(objects: Objects) -> None:
    objects.box["big.jsonl"] = lines(40_000, 200)
    rows = read(ROWS, "s3://box/big.jsonl", by_row=True)
    objects.box["big.jsonl"] = lines(40_000, 200).replace(b"x", b"y")
    with pytest.raises(InputError, match=r"`s3://box/big.jsonl` has changed while the flow was reading it"):
        list(rows)


def test_rows_that_do_not_fit_name_the_url_and_the_line(objects: Objects) -> None:
    objects.box["rows.jsonl"] = b'{"id": 1, "text": "a"}\n{"id": "x", "text": "a"}\n'
    with pytest.raises(InputError, match=r"`s3://box/rows.jsonl`.*line 2"):
        read(ROWS, "s3://box/rows.jsonl")


def test_documents_of_a_folder_and_of_a_pattern(objects: Objects) -> None:
    objects.box.update(
        {"d/b.md": b"B", "d/a.md": b"A", "d/c.txt": b"C", "d/.hidden": b"H", "d/in/x.md": b"X", "d/[1].md": b"1"}
    )
    docs = types.ListOf(types.DOCUMENT)
    assert read(docs, "s3://box/d/") == ["1", "A", "B", "C"]
    assert read(docs, "s3://box/d/[ab].md") == ["A", "B"]
    assert read(docs, "s3://box/d/*.txt") == ["C"]
    with pytest.raises(InputError, match=r"`s3://box/d/\*.pdf` has no files"):
        read(docs, "s3://box/d/*.pdf")
    with pytest.raises(InputError, match=r"only the last part of a URL may be a pattern"):
        read(docs, "s3://box/*/a.md")


def test_columns_and_sheets(objects: Objects) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    sink = pyarrow.BufferOutputStream()
    dice = random.Random(1)
    texts = [f"{n} {dice.random()}" for n in range(90_000)]
    parquet.write_table(pyarrow.table({"id": list(range(90_000)), "text": texts}), sink)
    objects.box["rows.parquet"] = sink.getvalue().to_pybytes()
    rows = read(ROWS, "s3://box/rows.parquet", by_row=True)
    assert isinstance(rows, StoredRows)
    assert (rows.place, rows.version) == ("s3://box/rows.parquet", etag_of(objects.box["rows.parquet"]))
    assert rows[89_999] == {"id": 89_999, "text": texts[-1]}
    copy = rows.path
    assert copy.exists()
    kept = kept_apart({"it": rows})
    assert kept.files["it"].items() >= {"path": rows.place, "sha256": rows.digest, "version": rows.version}.items()
    made = SimpleNamespace(params=[plan.Param("it", ROWS, None, True)])
    again = reopened(made, kept.inputs, kept.files)  # type: ignore[arg-type]
    assert again["it"][70_000] == rows[70_000]
    del rows
    assert not copy.exists()
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for title, start in (("One", 1), ("Two", 5)):
        sheet = book.create_sheet(title)
        sheet.append(["id", "text"])
        sheet.append([start, title])
    book.remove(book.worksheets[0])
    data = BytesIO()
    book.save(data)
    objects.box["book.xlsx"] = data.getvalue()
    assert read(ROWS, "s3://box/book.xlsx#Two") == [{"id": 5, "text": "Two"}]
    with pytest.raises(InputError, match=r"s3://box/book.xlsx.*Three") as caught:
        read(ROWS, "s3://box/book.xlsx#Three")
    assert "flowrun-url" not in str(caught.value)


def test_images_are_small_or_refused(objects: Objects) -> None:
    picture = png()
    objects.box.update({"a.png": picture, "rows.jsonl": b'{"id": 1, "photo": "a.png"}\n', "big.png": bytes(3 << 20)})
    seen = read(types.IMAGE, "s3://box/a.png")
    assert isinstance(seen, dict)
    assert base64.b64decode(seen["data"]) == picture
    assert read(types.ListOf(types.IMAGE), "s3://box/a*") == [seen]
    row = types.Record((types.Field("id", types.INT), types.Field("photo", types.IMAGE)))
    with pytest.raises(InputError, match="rows with images name files in their own folder; download both"):
        read(types.ListOf(row), "s3://box/rows.jsonl")
    with pytest.raises(InputError, match=r"`s3://box/big.png` has 3.0 MiB, and an image by URL may have 1 MiB"):
        read(types.IMAGE, "s3://box/big.png")


def test_an_object_past_the_limit_is_not_copied(objects: Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(url_objects, "MOST_BYTES", 1000)
    objects.box["rows.csv"] = b"id,text\n" + b"1,x\n" * 1000
    with pytest.raises(InputError, match="is larger than"):
        read(ROWS, "s3://box/rows.csv")
    assert objects.read() == 0


def test_a_long_text_remembers_its_url(objects: Objects) -> None:
    objects.box["long.md"] = b"word " * 300_000
    text = read(types.DOCUMENT, "s3://box/long.md")
    kept = kept_apart({"it": text})
    assert kept.files["it"]["path"] == "s3://box/long.md"
    made = plan.Param("it", types.DOCUMENT, None, True)
    again = reopened(SimpleNamespace(params=[made]), kept.inputs, kept.files)  # type: ignore[arg-type]
    assert again == {"it": text}
    assert kept_apart(again).files == kept.files
    objects.box["long.md"] = b"Word " * 300_000
    with pytest.raises(UsageError, match=r"`s3://box/long.md`, the value of `it`, has changed since the run began"):
        reopened(SimpleNamespace(params=[made]), kept.inputs, kept.files)  # type: ignore[arg-type]


async def test_python_gives_rows_by_url(objects: Objects, tmp_path: Path) -> None:
    objects.box["rows.jsonl"] = lines(3)
    said = Source(
        "flow f(rows: [Row], d: document) {\n  n = length(rows)\n  return { n, d }\n}\n"
        "type Row = { id: int, text: text }\n"
    )
    rows = Url("s3://box/rows.jsonl")
    result = await run_async(load(said), rows=rows, d="s3://box/rows.jsonl")
    assert result.value == {"n": 3, "d": "s3://box/rows.jsonl"}
    assert (await run_async(load(said), rows=[], d=rows)).value["d"] == lines(3).decode()
    with pytest.raises(InputError, match=r"`rows`: there is no object `s3://box/none.jsonl`"):
        await run_async(load(said), rows=Url("s3://box/none.jsonl"), d="d")
    with pytest.raises(UsageError, match=r"`rows\.jsonl` is no URL"):
        await run_async(load(said), rows=Url("rows.jsonl"), d="d")
    # A text of a stranger opens no URL.
    with pytest.raises(InputError):
        await run_async(load(said), rows="s3://box/rows.jsonl", d="d")
    text = load(Source("flow f(a: text) {\n  return a\n}\n"))
    assert (await run_async(text, a=rows)).value == lines(3).decode()


def test_web_urls_are_read(objects: Objects) -> None:
    objects.box["rows.jsonl"] = lines(2)
    objects.box["big.jsonl"] = lines(40_000, 200)
    found = read(ROWS, f"{objects.url}/box/rows.jsonl?token={SECRET}")
    assert [row["id"] for row in found] == [0, 1]
    rows = read(ROWS, f"{objects.url}/box/big.jsonl?token={SECRET}", by_row=True)
    assert isinstance(rows, UrlRows)
    assert SECRET not in rows.place + rows.name + str(rows.path)
    assert rows[39_999]["id"] == 39_999
    objects.denied.add("denied.jsonl")
    for url, said in (
        (f"{objects.url}/box/none.jsonl?token={SECRET}", "there is no object"),
        (f"{objects.url}/box/denied.jsonl?token={SECRET}", "no right to read it"),
        (f"http://me:{SECRET}@127.0.0.1:9/rows.jsonl?token={SECRET}", "its server cannot be reached"),
    ):
        with pytest.raises(InputError, match=said) as caught:
            read(ROWS, url)
        assert SECRET not in str(caught.value)
    objects.broken = 50
    with pytest.raises(InputError, match=r"failed \(status 500\)"):
        read(ROWS, f"{objects.url}/box/rows.jsonl")
    objects.broken = 0
    with pytest.raises(InputError, match="a web server lists no files") as caught:
        read(types.ListOf(types.DOCUMENT), f"{objects.url}/box/")
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("s3://box/none.jsonl", "there is no object `s3://box/none.jsonl`"),
        ("s3://nobox/rows.jsonl", "`s3://nobox/rows.jsonl` cannot be read: there is no such bucket"),
        ("s3://box/denied.jsonl", "the credentials at hand have no right to read it"),
        ("s3://box", "is a folder or a bucket, not an object"),
        ("file:///etc/passwd", "flowrun opens no file:// URL; write the path itself"),
        ("local://etc/passwd", "flowrun opens no local:// URL"),
        ("s3://box/a::file:///etc/passwd", "flowrun opens no URL inside of another one"),
        ("simplecache://s3/rows.jsonl", "flowrun opens no simplecache:// URL"),
        ("nothing://box/rows.jsonl", "fsspec knows no protocol nothing://"),
        ("oci://box/rows.jsonl", "needs a Python package that is not installed"),
        ("abfs://box/rows.jsonl", "abfs:// needs a Python package that is not installed: `pip install adlfs`"),
    ],
)
def test_errors_are_sentences(objects: Objects, url: str, said: str) -> None:
    objects.denied.add("denied.jsonl")
    objects.box["denied.jsonl"] = b""
    with pytest.raises(InputError) as caught:
        read(ROWS, url)
    assert said in str(caught.value)
    assert SECRET not in str(caught.value)


def test_a_server_that_fails_now_and_then_is_asked_again(objects: Objects) -> None:
    objects.box["rows.jsonl"] = lines(3)
    objects.broken = 1
    assert len(read(ROWS, "s3://box/rows.jsonl")) == 3
    objects.cut = 1
    assert len(read(ROWS, "s3://box/rows.jsonl")) == 3


def test_a_server_that_is_away(objects: Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(InputError, match="its server cannot be reached"):
        read(ROWS, "s3://box/rows.jsonl")


def test_no_credentials(objects: Objects, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(InputError, match="no valid credentials for s3://"):
        read(ROWS, "s3://box/rows.jsonl")


def test_data_opens_no_url(objects: Objects) -> None:
    objects.box["rows.jsonl"] = lines(3)
    with pytest.raises(InputError):
        read_input(plan.Param("it", ROWS, None, True), "s3://box/rows.jsonl", lambda: "")
    assert objects.requests == []


def test_without_the_extra(objects: Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(InputError, match=r"install an extra: `pip install 'flowrun-dsl\[urls\]'`"):
        read(ROWS, "s3://box/rows.jsonl")


def test_a_plain_run_loads_nothing_of_it(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_bytes(lines(3))
    (tmp_path / "a.flow").write_text(
        "flow f(rows: [Row]) {\n  n = length(rows)\n  return n\n}\ntype Row = { id: int, text: text }\n"
    )
    code = (
        "import sys; from flowrun.runtime.cli import main\n"
        "sys.argv = ['flowrun', 'a.flow', '--rows', 'rows.jsonl', '--output', 'out.json', '--no-journal', '-q']\n"
        "try: main()\nexcept SystemExit as end: assert not end.code\n"
        "print([one for one in sys.modules if one in ('fsspec', 'botocore') or 'url_' in one or 'upload' in one])"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n", ran.stderr
    assert (tmp_path / "out.json").read_text().strip() == "3"


def test_the_address_of_a_journal_may_have_capital_letters() -> None:
    for url in ("POSTGRESQL://u:Pw@Host/D", "Postgres://u:Pw@Host/D"):
        place = place_of(url)
        assert isinstance(place, JournalAddress)
        assert (str(place), place.url) == (
            "postgresql://u@Host/D",
            url.replace(url.partition(":")[0], url.partition(":")[0].lower(), 1),
        )


def test_the_names_of_urls() -> None:
    assert is_url("s3://b/k") and is_url("https://x.org/a?b=c")
    assert not any(map(is_url, ("rows.jsonl", "C:\\x", "see s3://b/k", "s3://", "s3:// x", "a\ns3://b", "c://x"[1:])))
    assert told_url("https://me:pw@x.org/a.jsonl?sig=1#top") == "https://x.org/a.jsonl"
    assert told_url("HTTPS://X.org/A") == "https://X.org/A"
    assert recorded_place(url_place("s3://b/k?versionId=1"), "/cwd/s3:/b/k") == "s3:/b/k"
    assert recorded_place(Path("a/b"), "/cwd/a/b") == "/cwd/a/b"
    param = plan.Param("it", ROWS, None, True)
    assert files_given(param, "s3://me:pw@b/k.jsonl") == [url_place("s3://b/k.jsonl")]
