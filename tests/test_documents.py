"""Files that a flow reads, the limits of its reading, and documents made text."""

from __future__ import annotations

import codecs
import os
import re
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowrun.runtime.documents.reading import READERS, read_document, read_plain_document
from flowrun.runtime.documents.rows import open_jsonl, parse_json
from flowrun.runtime.files import files as files_module
from flowrun.runtime.files.files import Files, read_plain, read_plain_text
from flowrun.runtime.vocabulary.errors import InputError
from support.cpu import cpu_within
from support.written import read_csv


@pytest.fixture
def flow(tmp_path: Path) -> Path:
    folder = tmp_path / "flow"
    (folder / "docs" / "deep").mkdir(parents=True)
    (folder / "docs" / ".git").mkdir()
    for name in ("docs/b.md", "docs/a.md", "docs/deep/c.md", "docs/.hidden.md", "docs/.git/d.md", "top.txt"):
        (folder / name).write_text(f"text of {name}")
    (tmp_path / "secret.txt").write_text("secret")
    return folder


def refused(words: str) -> pytest.RaisesExc[InputError]:
    return pytest.raises(InputError, match=re.escape(words))


def test_reads_inside(flow: Path) -> None:
    files = Files(flow)
    assert files.read_text("top.txt") == "text of top.txt"
    assert files.read_text("docs/../top.txt") == "text of top.txt"
    assert files.read_text(str(flow / "docs" / "a.md")) == "text of docs/a.md"
    (flow / "link").symlink_to("docs/a.md")
    assert files.read_text("link") == "text of docs/a.md"


@pytest.mark.parametrize("path", ["../secret.txt", "docs/../../secret.txt", "out/secret.txt", "way", "/etc/passwd"])
def test_reads_nothing_outside(flow: Path, path: str) -> None:
    (flow / "out").symlink_to(flow.parent)
    (flow / "way").symlink_to(flow.parent / "secret.txt")
    files = Files(flow)
    with refused("--allow-read"):
        files.read_text(path)
    with refused("outside the flow's folder"):
        files.glob(path.replace("secret", "*"))


def test_a_neighbour_with_a_longer_name_is_outside(flow: Path) -> None:
    (flow.parent / "flows").mkdir()
    with refused("--allow-read"):
        Files(flow).resolve("../flows/x.md")


def test_allowed_places(flow: Path) -> None:
    files = Files(flow, (flow.parent,))
    assert files.read_text("../secret.txt") == "secret"
    assert files.glob(f"{flow.parent}/*.txt") == [f"{flow.parent}/secret.txt"]
    with refused(f"`--allow-read {flow.parent}`"):
        Files(flow).read_text("../secret.txt")


def test_a_link_met_on_the_way_leads_nowhere(flow: Path) -> None:
    (flow / "docs" / "out").symlink_to(flow.parent)
    assert Files(flow).glob("docs/**/*.md") == ["docs/a.md", "docs/b.md", "docs/deep/c.md"]
    with refused("outside the flow's folder"):
        Files(flow).glob("docs/*/*.txt")
    (flow / "docs" / "z.md").symlink_to(flow.parent / "secret.txt")
    with refused("`docs/z.md` is outside"):
        Files(flow).glob("docs/*.md")


def test_glob(flow: Path) -> None:
    files = Files(flow)
    assert files.glob("docs/*.md") == ["docs/a.md", "docs/b.md"]
    assert files.glob("**/*.md") == ["docs/a.md", "docs/b.md", "docs/deep/c.md"]
    assert files.glob("**/**/c.md") == ["docs/deep/c.md"]
    assert files.glob("docs/**") == ["docs/a.md", "docs/b.md", "docs/deep/c.md"]
    assert files.glob("*/deep/?.[a-m]d") == ["docs/deep/c.md"]
    assert files.glob("docs/.*.md") == ["docs/.hidden.md"]
    assert files.glob("*.pdf") == []
    assert files.glob("top.txt") == ["top.txt"]
    with refused("there is no folder `dosc`; did you mean `docs`?"):
        files.glob("dosc/*.md")
    with refused("`docs` is a folder; for its files write `docs/*`"):
        files.glob("docs")
    with refused("`..` after a wildcard;"):
        files.glob("*/../*.md")


ENCODED = {
    "utf-8": "é\n".encode(),
    "utf-8 with a mark": codecs.BOM_UTF8 + "é\n".encode(),
    "utf-16 little": codecs.BOM_UTF16_LE + "é\n".encode("utf-16-le"),
    "utf-16 big": codecs.BOM_UTF16_BE + "é\n".encode("utf-16-be"),
    "carriage returns": "é\r\n".encode(),
    "old line ends": "é\r".encode(),
}


@pytest.mark.parametrize("data", ENCODED.values(), ids=ENCODED)
def test_encodings(flow: Path, data: bytes) -> None:
    (flow / "x.txt").write_bytes(data)
    assert Files(flow).read_text("x.txt") == "é\n"
    assert read_plain_text(flow / "x.txt") == "é\n"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_flows_are_in_utf_8(flow: Path, encoding: str) -> None:
    (flow / "x.flow").write_bytes("# é, and all that\nflow x() { return 1 }\n".encode(encoding))
    kind = encoding.upper().replace("16-", "16")
    with refused(f"encoded in {kind}, and a flow must be in UTF-8; save it as UTF-8, or convert it with `iconv -f "):
        read_plain(flow / "x.flow")
    with refused(f"`x.flow` is encoded in {kind}, and a flow must be in UTF-8"):
        Files(flow).read_flow("x.flow")


def test_flows_with_a_mark(flow: Path) -> None:
    (flow / "x.flow").write_bytes(codecs.BOM_UTF8 + "é\r\n".encode())
    assert read_plain(flow / "x.flow") == Files(flow).read_flow("x.flow") == "é\n"


BROKEN = {
    "latin-1": (b"caf\xe9!", "byte 3 is 0xe9"),
    "latin-1 with a mark": (codecs.BOM_UTF8 + b"caf\xe9!", "byte 6 is 0xe9"),
    "utf-16 cut off": (codecs.BOM_UTF16_LE + b"a\0b", "is not UTF-16 text: byte 4"),
    "half a pair": (codecs.BOM_UTF16_LE + b"\x00\xd8a\0", "is not UTF-16 text: byte 2"),
    "zero byte": (b"GIF\0\1", "zero byte"),
    "utf-32": (codecs.BOM_UTF32_LE + "a".encode("utf-32-le"), "is encoded in UTF-32, and flowrun reads text in"),
    "utf-16 without a mark": ("Hello, you".encode("utf-16-le"), "is encoded in UTF-16LE, and flowrun reads text in"),
    "utf-16 without a mark, big": ("Hello, you".encode("utf-16-be"), "`iconv -f utf-16be -t utf-8`"),
    "numbers of two bytes": (b"\1\0\2\0\3\0\4\0", "zero byte"),
}


@pytest.mark.parametrize(("data", "words"), BROKEN.values(), ids=BROKEN)
def test_what_is_no_text(flow: Path, data: bytes, words: str) -> None:
    (flow / "x.txt").write_bytes(data)
    with refused(words):
        Files(flow).read_text("x.txt")


def test_what_cannot_be_read(flow: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = Files(flow)
    os.mkfifo(flow / "pipe")
    (flow / "loop").symlink_to("loop")
    cases = {
        "docs/c.md": "there is no file `docs/c.md`; did you mean",
        "Top.TXT": "did you mean `top.txt`?",
        "nothing/x.md": "there is no folder",
        "top.txt/x": "a part of the path is a file",
        "docs": "is a folder",
        "pipe": "is a device",
        "loop": "is not a usable path:",
        "a\0b": "a\\x00b` is not a usable path",
        "n" * 300: "too long",
        "": "the path is empty",
    }
    for path, words in cases.items():
        with pytest.raises(InputError) as caught:
            files.read_text(path)
        assert words in str(caught.value), path
        assert "\0" not in str(caught.value)
    monkeypatch.setattr(files_module, "MOST_BYTES", 4)
    with refused("`top.txt` is larger than"):
        files.read_text("top.txt")


@pytest.mark.parametrize("swapped", ["docs/a.md", "docs"])
def test_a_link_that_comes_between_leads_nowhere(flow: Path, monkeypatch: pytest.MonkeyPatch, swapped: str) -> None:
    """What was looked at and found well may be another thing by the time it is opened."""
    (flow.parent / "a.md").write_text("secret")
    aside = flow.parent / "aside"
    files = Files(flow)
    resolve = files.resolve

    def raced(path: str) -> Path:
        found = resolve(path)
        (flow / swapped).rename(aside)
        (flow / swapped).symlink_to(flow.parent / "a.md" if swapped.endswith(".md") else flow.parent)
        return found

    monkeypatch.setattr(files, "resolve", raced)
    with refused("`docs/a.md`"):
        files.read_text("docs/a.md")


def test_a_folder_that_may_only_be_gone_through(flow: Path) -> None:
    (flow / "docs").chmod(0o311)
    try:
        assert Files(flow).read_text("docs/a.md") == "text of docs/a.md"
    finally:
        (flow / "docs").chmod(0o755)


def test_a_pipe_that_comes_between_is_not_waited_for(flow: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = Files(flow)
    stats = Path.stat

    def raced(path: Path, **options: bool) -> os.stat_result:
        found = stats(path, **options)
        if path.name == "top.txt" and not stat.S_ISFIFO(found.st_mode):
            path.unlink()
            os.mkfifo(path)
        return found

    monkeypatch.setattr(Path, "stat", raced)
    with refused("is a device"):
        files.read_bytes("top.txt")


def test_no_endless_file_is_read(flow: Path) -> None:
    (flow / "zero").symlink_to("/dev/zero")
    with refused("outside the flow's folder"):
        Files(flow).read_text("zero")
    for read in (Files(flow, (Path("/dev"),)).read_text, lambda path: read_plain(Path(path))):
        with refused("is a device"):
            read("/dev/zero")


def test_a_file_that_is_too_large_is_not_read_at_all(flow: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (flow / "huge").open("wb") as file:
        file.truncate(files_module.MOST_BYTES + 1)
    monkeypatch.setattr("builtins.open", None)
    with refused("`huge` is larger than 256 MiB"):
        Files(flow).read_bytes("huge")


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read all")
def test_permission(flow: Path) -> None:
    (flow / "top.txt").chmod(0)
    with refused("may not be read"):
        Files(flow).read_text("top.txt")


def test_messages_steer_no_terminal(flow: Path) -> None:
    with pytest.raises(InputError) as caught:
        Files(flow).read_text("\x1b[2J\u202egone.md")
    assert "\x1b" not in str(caught.value)
    assert "\\x1b[2J\\u202egone.md" in str(caught.value)


HTML = {
    "headings": ("<h1>A <em>b</em></h1><p>c<h2>D<br>e</h2>f", "# A b\n\nc\n\n## D e\n\nf"),
    "dropped": (
        "<title>T</title><style>p{}</style>a<script>if (a</p> b) '<p>'</script ><!-- c <p> -->b<noscript>n</noscript>"
        "<template>x<template>y</template>z</template>c",
        "abc",
    ),
    "spaces": ("  a\n  b&nbsp;c <b> d</b>  <p> e </p>", "a b\u00a0c d\n\ne"),
    "entities": ("&lt;p&gt; &amp;amp; &eacute; &#8212; &#x41; &unknown; &", "<p> &amp; é — A &unknown; &"),
    "list": ("<ul><li>a<li>b<ol><li>c</li><li>d</ol></ul>e", "- a\n- b\n  1. c\n  2. d\n\ne"),
    "list with paragraphs": ("<ul><li><p>a</p><p>b</p></li><li>c</li></ul>", "- a\n\n  b\n\n- c"),
    "code": ("<pre><code>a &lt; b\n\n  c</code></pre>d", "```\na < b\n\n  c\n```\n\nd"),
    "code with ticks": ("<pre>```\nx\n```</pre>", "````\n```\nx\n```\n````"),
    "code by lines": ("<pre><div>a</div><div>b</div></pre>", "```\na\nb\n```"),
    "table": (
        "<table><tr><th>a<th>b</tr><tr><td><p>1</p><p>2</p></td><td></td><td>3</table>x",
        "a | b\n1 2 |  | 3\n\nx",
    ),
    "table in a table": ("<table><tr><td>a<table><tr><td>b</table>c<td>d</table>e", "a\nb\n\nc\n\nd\n\ne"),
    "quotes in tags": ("<a title='>' href=\">\">x</a><img alt='it>", "x"),
    "no tags": ("a < b, c <3 d, e<", "a < b, c <3 d, e<"),
    "declarations": ("<!DOCTYPE html><?xml v?><![CDATA[x <b>]]><![if y]>z</>", "x <b>z"),
    "breaks": ("a<br>b<br/><br>c", "a\nb\n\nc"),
    "line ends": ("a\r\nb\r\n<p>c", "a b\n\nc"),
    "empty": ("<html><body></body></html>", ""),
}


@pytest.mark.parametrize(("html", "text"), HTML.values(), ids=HTML)
def test_html(flow: Path, html: str, text: str) -> None:
    (flow / "page.html").write_text(html)
    assert read_document(Files(flow), "page.html") == text


TAGS = [
    "<p>",
    "</p>",
    "<li>",
    "<ul>",
    "</ul>",
    "<ol>",
    "<td>",
    "<tr>",
    "<table>",
    "</table>",
    "<h2>",
    "</h2>",
    "<br>",
    "<pre>",
]
TAGS += ["</pre>", "<", "&", "<!-", "<!--", "-->", "<![", "]]>", "</", "<a b='", '"', ">", "&#99999999999;", "<svg/>"]


@given(bits=st.lists(st.sampled_from(TAGS) | st.text("ab é\n", max_size=4), max_size=40))
def test_any_html_is_read(bits: list[str]) -> None:
    assert isinstance(READERS[".html"].read("".join(bits).encode(), "page"), str)


@given(words=st.lists(st.sampled_from(TAGS[:15]) | st.text("ab", min_size=1, max_size=4), max_size=40))
def test_no_word_of_a_page_is_lost(words: list[str]) -> None:
    said = "".join(word for word in words if word not in TAGS)
    text = READERS[".html"].read("".join(words).encode(), "page")
    assert "".join(letter for letter in text if letter in "ab") == said


@pytest.mark.no_cover
@pytest.mark.parametrize(
    "bit",
    ["<", "<!--", "<a ", "<a x='", "&#", "&#9", "</", "<?", "<![CDATA[", "<script>", "<ul><li>a", "&amp", "<pre>"],
)
def test_a_hostile_page_takes_little_time(bit: str) -> None:
    page = (bit * (250_000 // len(bit))).encode()
    with cpu_within(3):
        READERS[".html"].read(page, "page")


def test_a_number_too_long_for_a_character() -> None:
    number = "&#" + "9" * 5000 + ";"
    assert READERS[".html"].read(number.encode(), "page") == number


def test_suffixes(flow: Path) -> None:
    for name in ("x.MD", "x", "x.rst", "x.log", "x.v2"):
        (flow / name).write_text("<p>a</p>")
        assert read_document(Files(flow), name) == "<p>a</p>"
        assert read_plain_document(flow / name) == "<p>a</p>"
    (flow / "x.HTM").write_text("<p>a</p>")
    assert read_plain_document(flow / "x.HTM") == "a"
    for name in ("x.doc", "x.ODT", "x.rtf"):
        with refused(".md, .markdown, .txt, .text, .rst, .docx, .html, .htm, .xhtml, .pdf"):
            read_document(Files(flow), name)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"a": 1', "expecting ',' delimiter at column 8"),
        ('{\n"a": }', "expecting value at line 2, column 6"),
        ("NaN", "NaN is not a number of JSON"),
        ("[-Infinity]", "-Infinity"),
        ("1e999", "1e999 is too large"),
        ("[" * 65 + "]" * 65 + " ", "deeper than 64"),
        ("[" * 100_000, "deeper than 64"),
        ('"\\ud800"', "half of a surrogate pair"),
        ("9" * 5000, "integer string conversion"),
    ],
)
def test_strict_json(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        parse_json(text)


def test_json_that_is_well() -> None:
    assert parse_json('"\\ud83d\\ude00"') == "😀"
    assert parse_json("[" * 64 + "]" * 64) is not None
    assert len(parse_json("[" + "[]," * 100 + "[]]")) == 101


def test_json_lines() -> None:
    assert list(open_jsonl('{"a": 1}\n\n "x\u2028y"\n3', "`x`")) == [(1, {"a": 1}), (3, "x\u2028y"), (4, 3)]
    with refused("`x`:3: this line is not JSON"):
        list(open_jsonl('1\n\n{"a"}\n', "`x`"))


def test_tables() -> None:
    text = '\n a ,b\n1,"x\n""y"", z"\n\n2,\n'
    assert read_csv(text, "`x`") == [(3, {"a": "1", "b": 'x\n"y", z'}), (6, {"a": "2", "b": ""})]
    assert read_csv("a;b\n1,5;2\n", "`x`") == [(2, {"a": "1,5", "b": "2"})]
    assert read_csv("a\tb\n1\t2\n", "`x`") == [(2, {"a": "1", "b": "2"})]
    assert read_csv("", "`x`") == read_csv("a,b\n", "`x`") == []
    assert len(read_csv("a\n" + "y" * 300_000, "`x`")[0][1]["a"]) == 300_000


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a,b\n1,2\n3\n", "`x`:3: this row has one cell, and the header has 2"),
        ('a,b\n"1\n2",2\n3,4,5\n', "`x`:4: this row has 3 cells"),
        ("a,\n1,2\n", "`x`:1: column 2 has no name"),
        ("a,b,a\n", "two columns have the name `a`"),
        ('a,b\n1,2\n"3,4\n', "`x`:3: this row is not CSV: a quote is opened and never closed"),
        ('a,b\n1,"2"3\n', "`x`:2: this row is not CSV"),
    ],
)
def test_broken_tables(text: str, words: str) -> None:
    with refused(words):
        read_csv(text, "`x`")
