"""What type, numbers and layout mean in a page and in a Word document is still there in their text."""

from __future__ import annotations

import pytest

from flowrun.runtime.documents.reading import READERS
from flowrun.runtime.vocabulary.errors import InputError
from support.cpu import cpu_within
from support.word_files import docx_of, item, para

HTML = {
    "a power": ("5&times;10<sup>6</sup> m<sup>2</sup> 10<sup>-3</sup>", "5×10^6 m^2 10^-3"),
    "a power of several signs": ("x<sup>n+1</sup> y<sup> <i>2</i> </sup>z", "x^(n+1) y ^2 z"),
    "an index": ("H<sub>2</sub>O, a<sub>i,j</sub>", "H_2O, a_(i,j)"),
    "an ordinal": ("1<sup>st</sup> 2<sup>nd</sup> 1<sup>er</sup> X<sup>&trade;</sup>", "1st 2nd 1er X™"),
    "a note behind money": ("price $5<sup>1</sup>, €12.50<sup>a</sup>", "price $5[^1], €12.50[^a]"),
    "a note behind a clause": ("It grew.<sup>3</sup> And so,<sup>4</sup>", "It grew.[^3] And so,[^4]"),
    "a note by its link": (
        'seen<sup><a href="#fn4">4</a></sup> 10<sup id="r"><a href="page#cite_note-5">[5]</a></sup>'
        '<a role="doc-noteref" href="#n">6</a>',
        "seen[^4] 10[^5][^6]",
    ),
    "a mark that is no number": ("20<sup>*</sup> 30<sup>†</sup>", "20* 30†"),
    "a mark that never ends": ("10<sup>6<p>next", "10^6\n\n^next"),
    "struck out": ("<del>$100</del> <s>1</s><strike> 2 </strike>$80", "~~$100~~ ~~1~~ ~~2~~ $80"),
    "struck out by blocks": ("<del><p>one<p>two</del><p>three", "~~one~~\n\n~~two~~\n\nthree"),
    "struck out by style": (
        '<span style="color:red;text-decoration: underline line-through">a<span>b</span>c</span>d'
        '<li style="text-decoration-line:line-through">x<li>y',
        "~~abc~~d\n\n- ~~x~~\n- y",
    ),
    "inserted": ("<ins>new</ins>", "new"),
    "a list that begins elsewhere": ('<ol start="5"><li>a<li value="9">b<li>c</ol>', "5. a\n9. b\n10. c"),
    "a list that counts down": ("<ol reversed><li>a<li>b<ul><li>x</ul><li>c</ol>", "3. a\n2. b\n  - x\n1. c"),
    "a list of letters": ('<ol type="a" start=26><li>z<li>b</ol><ol type=I><li>i<li type=i>j</ol>', None),
    "numbers that are none": ("<ol start=x><li>a<li value='1e9'>b<ol start=-1><li>c<li>d", None),
    "a cell over two rows": (
        "<table><tr><th>Region<th>Item<th>Units<tr><td rowspan=2>EU<td>Cable<td>12<tr><td>Hub<td>7<tr><td>US<td>x<td>1",
        "Region | Item | Units\nEU | Cable | 12\nEU | Hub | 7\nUS | x | 1",
    ),
    "a cell over three rows": (
        "<table><tr><td rowspan=3>a<td>1<tr><td>2<tr><td>3<tr><td>b<td>4",
        "a | 1\na | 2\na | 3\nb | 4",
    ),
    "a cell over the rest of its group": (
        "<table><tbody><tr><td rowspan=0>a<td>1<tr><td>2<tbody><tr><td>b<td>3",
        "a | 1\na | 2\nb | 3",
    ),
    "a cell over two columns": (
        "<table><tr><th>n<th colspan=2>2023<tr><td colspan=2>Total<td>9<tr><td>1<td>2<td>3<tr><td colspan=3>end",
        "n | 2023 | 2023\nTotal |  | 9\n1 | 2 | 3\nend",
    ),
    "a cell over rows and columns": (
        "<table><tr><td rowspan=2 colspan=2>a<td>1<tr><td>2<tr><td>3<td>4<td>5",
        "a |  | 1\na |  | 2\n3 | 4 | 5",
    ),
    "a cell on the right": ("<table><tr><td>1<td rowspan=2>a<tr><td>2", "1 | a\n2 | a"),
    "a fraction": ("<math><mfrac><mn>1</mn><mn>2</mn></mfrac></math> per cent", "1/2 per cent"),
    "a mixed number": ("<math><mn>2</mn><mfrac><mn>1</mn><mn>2</mn></mfrac></math>", "2 1/2"),
    "a long fraction": (
        "<math><mfrac><mrow><mi>a</mi><mo>+</mo><mn>1</mn></mrow><msup><mi>b</mi><mn>2</mn></msup></mfrac></math>",
        "(a+1)/(b^2)",
    ),
    "a root and a sum": (
        "<math><msqrt><mn>2</mn></msqrt><mo>+</mo><munderover><mo>∑</mo><mrow><mi>i</mi><mo>=</mo><mn>1</mn></mrow>"
        "<mi>n</mi></munderover><msub><mi>x</mi><mi>i</mi></msub></math>",
        "√(2)+∑_(i=1)^n x_i",
    ),
    "a formula and its source": (
        "<span><math><semantics><mrow><mn>2</mn><mo>&#x2062;</mo><mi>x</mi></mrow><annotation encoding='tex'"
        '>2x</annotation></semantics></math></span><span class="katex-html" aria-hidden="true">2x</span>.',
        "2x.",
    ),
    "a matrix": (
        "<math><mtable><mtr><mtd><mn>1</mn></mtd><mtd><mn>2</mn></mtd></mtr><mtr><mtd><mn>3</mn></mtd></mtr></mtable></math>",
        "[1, 2; 3]",
    ),
    "a formula that never ends": ("<math><mi>x<p>after", "x\n\nafter"),
    "hidden": (
        "a<span hidden>b<span>c</span>d</span>e<p hidden>f<p>g<div style='display : none'><p>h</div>i"
        "<b style='visibility:hidden'>j</b><i hidden=until-found>k</i>",
        "ae\n\ng\n\nik",
    ),
    "hidden items and cells": (
        "<ul><li hidden>a<ul><li>x</ul><li>b</ul><table><tr><td hidden>1<td>2<tr hidden><td>3<tr><td>4</table>c",
        "- b\n2\n4\n\nc",
    ),
    "not hidden": ('<p aria-hidden="true" class="x" style="color:none">a<input type=hidden value=b>', "a"),
    "boxes": ("<input type=checkbox checked>Yes <input type='radio'>No <input>", "[x] Yes [ ] No"),
    "quoted and read aloud": ("<q>a</q> <ruby>漢<rp>(</rp><rt>kan</rt><rp>)</rp></ruby>", "“a” 漢(kan)"),
}
HTML["a list of letters"] = (HTML["a list of letters"][0], "z. z\naa. b\nI. i\nii. j")
HTML["numbers that are none"] = (HTML["numbers that are none"][0], "1. a\n1. b\n  -1. c\n  0. d")


def page(html: str | bytes) -> str:
    return READERS[".html"].read(html if isinstance(html, bytes) else html.encode(), "`x`")


@pytest.mark.parametrize(("html", "text"), HTML.values(), ids=HTML)
def test_html(html: str, text: str) -> None:
    assert page(html) == text


CHARSETS = {
    "latin-1": ('<meta charset="iso-8859-1"><p>caf\xe9', "latin-1"),
    "windows quotes as latin-1": ("<meta charset=latin1><p>“caf\xe9” …", "cp1252"),
    "http-equiv": ('<META HTTP-EQUIV=Content-Type CONTENT="text/html; charset=windows-1251"><p>Привет', "cp1251"),
    "an XML declaration": ('<?xml version="1.0" encoding="ISO-8859-2"?><p>žluť', "iso-8859-2"),
    "Japanese": ("<head><meta charset='Shift_JIS'></head><p>日本語①", "cp932"),
    "Chinese": ("<meta charset=gb2312><p>中文镕", "gb18030"),
    "Korean": ("<meta charset=euc-kr><p>한국어", "cp949"),
    "declared in a comment": ("<!-- <meta charset=latin1> --><p>caf\xe9", "utf-8"),
    "a description": ('<meta name=description content="charset=latin1"><p>caf\xe9', "utf-8"),
    "a mark comes first": ("<meta charset=latin1><p>caf\xe9", "utf-8-sig"),
    "UTF-16": ("<meta charset=utf-16><p>caf\xe9", "utf-16"),
    "UTF-16 in vain": ("<meta charset=utf-16><p>caf\xe9", "utf-8"),
    "none": ("<p>caf\xe9", "utf-8"),
}


@pytest.mark.parametrize(("html", "encoding"), CHARSETS.values(), ids=CHARSETS)
def test_declared_encodings(html: str, encoding: str) -> None:
    assert page(html.encode(encoding)) == html.partition("<p>")[2]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (
            b"<meta charset=utf-7><p>+ADw-",
            "declares the encoding `utf-7`, which flowrun does not read; save it as UTF-8",
        ),
        (b"<meta charset=nonsense>", "declares the encoding `nonsense`, which flowrun does not read"),
        (b"<meta charset=rot13>", "declares the encoding `rot13`, which flowrun does not read"),
        (b"<meta charset=shift_jis><p>\x81", "and byte 27 does not fit it"),
        (b"<p>caf\xe9", "is not UTF-8 text: byte 6 is 0xe9"),
    ],
)
def test_encodings_that_are_not_read(data: bytes, words: str) -> None:
    with pytest.raises(InputError) as caught:
        page(data)
    assert words in str(caught.value)


@pytest.mark.no_cover
@pytest.mark.parametrize(
    "bit",
    [
        *("<sup>", "<sup>1</sup>", "<del><p>", "<math><mfrac>", "<math>", "<mfrac>", "<ol reversed><li>", "<p hidden>"),
        *("<a b=\"'", "<div hidden>", "<tr><td rowspan=99999>x", "<td rowspan=0>"),
        "<span style='text-decoration:line-through'>",
    ],
)
def test_a_hostile_page_takes_little_time(bit: str) -> None:
    data = (bit * (200_000 // len(bit))).encode()
    with cpu_within(3):
        page(b"<table><tr>" + data)


def test_a_page_that_grows_is_refused() -> None:
    rows = "<table><tr><td rowspan=0>" + "x" * 20_000 + "<tr><td>y" * 20_000
    with pytest.raises(InputError, match="`x` has more than 64 Mi characters"):
        page(rows)


def run(text: str, properties: str = "") -> str:
    return f'<w:r><w:rPr>{properties}</w:rPr><w:t xml:space="preserve">{text}</w:t></w:r>'


UP, DOWN = '<w:vertAlign w:val="superscript"/>', '<w:vertAlign w:val="subscript"/>'
STYLES = f"""
  <w:style w:styleId="Up"><w:name w:val="Up"/><w:rPr>{UP}</w:rPr></w:style>
  <w:style w:styleId="UpToo"><w:name w:val="Up too"/><w:basedOn w:val="Up"/></w:style>
  <w:style w:styleId="Old"><w:name w:val="Old"/><w:rPr><w:strike/></w:rPr></w:style>
  <w:style w:styleId="Secret"><w:name w:val="Secret"/><w:rPr><w:vanish/></w:rPr></w:style>
"""
NUMBERING = (
    '<w:abstractNum w:abstractNumId="7"><w:lvl w:ilvl="0"><w:start w:val="3"/><w:numFmt w:val="decimal"/>'
    '<w:lvlText w:val="%1."/></w:lvl></w:abstractNum><w:num w:numId="1"><w:abstractNumId w:val="7"/></w:num>'
    '<w:num w:numId="2"><w:abstractNumId w:val="7"/><w:lvlOverride w:ilvl="0"><w:startOverride w:val="9"/>'
    "</w:lvlOverride></w:num>"
)


def row(*cells: str) -> str:
    return "<w:tr>" + "".join(f"<w:tc>{cell}</w:tc>" for cell in cells) + "</w:tr>"


def merged(value: str, text: str = "") -> str:
    return f'<w:tcPr><w:vMerge w:val="{value}"/></w:tcPr>' + para(text)


WORD = {
    "a power": (run("10") + run("6", UP) + run(" units"), "10^6 units"),
    "a power in pieces": (run("10") + run("1", UP) + run("2", UP + '<w:rFonts w:ascii="Arial"/>'), "10^12"),
    "an index": (run("H") + run("2", DOWN) + run("O"), "H_2O"),
    "raised by a style": (
        run("m") + run("2", '<w:rStyle w:val="UpToo"/>') + run("3", '<w:rStyle w:val="No"/>'),
        "m^23",
    ),
    "not raised after all": (run("2", '<w:rStyle w:val="Up"/><w:vertAlign w:val="baseline"/>'), "2"),
    "a note": (run("price $5") + run("1", UP) + run("; done.") + run("2", UP), "price $5[^1]; done.[^2]"),
    "an ordinal": (run("1") + run("st", UP), "1st"),
    "struck out": (run("fee ") + run("$100", "<w:strike/>") + run(" $80"), "fee ~~$100~~ $80"),
    "struck out twice": (run("a", "<w:dstrike/>") + run("b", '<w:strike w:val="0"/>'), "~~a~~b"),
    "struck out by a style": (run("a", '<w:rStyle w:val="Old"/>') + run("b"), "~~a~~b"),
    "hidden": (run("a") + run("b", "<w:vanish/>") + run("c", '<w:vanish w:val="false"/>'), "ac"),
    "hidden by a style": (run("a") + run("b", '<w:rStyle w:val="Secret"/>'), "a"),
    "signs": (
        '<w:r><w:sym w:font="Wingdings" w:char="F0FE"/><w:sym w:font="Wingdings" w:char="F0A8"/>'
        '<w:sym w:font="Symbol" w:char="F0B3"/><w:sym w:font="Symbol" w:char="F061"/>'
        '<w:sym w:font="Arial" w:char="20AC"/></w:r>',
        "☑◻≥α€",
    ),
    "a sign that nobody knows": ('<w:r><w:sym w:font="Webdings" w:char="F023"/></w:r>', "[sign F023 of Webdings]"),
    "letters of such a font": (run("a\uf0a3b", '<w:rFonts w:ascii="Symbol" w:hAnsi="Symbol"/>'), "a≤b"),
    "deleted signs": (
        '<w:del><w:r><w:sym w:font="Wingdings" w:char="F0FE"/><w:t>x</w:t></w:r></w:del>' + run("y"),
        "y",
    ),
    "a fraction": (
        run("Rate ")
        + "<m:oMath><m:f><m:num><m:r><m:t>1</m:t></m:r></m:num><m:den><m:r><m:t>2</m:t></m:r></m:den></m:f></m:oMath>"
        + run(" per cent"),
        "Rate 1/2 per cent",
    ),
    "a formula": (
        "<m:oMathPara><m:oMath><m:sSup><m:sSupPr><m:ctrlPr><w:rPr><w:i/></w:rPr></m:ctrlPr></m:sSupPr><m:e><m:d><m:dPr>"
        '<m:begChr m:val="["/><m:endChr m:val="]"/></m:dPr><m:e><m:r><m:t>a</m:t></m:r><m:r><m:t>+1</m:t></m:r></m:e>'
        "</m:d></m:e><m:sup><m:r><m:t>2</m:t></m:r></m:sup></m:sSup><m:r><m:t>=</m:t></m:r><m:rad><m:radPr/><m:deg/><m:e><m:r>"
        '<m:t>x</m:t></m:r></m:e></m:rad><m:nary><m:naryPr><m:chr m:val="∑"/></m:naryPr><m:sub><m:r><m:t>i=1</m:t>'
        "</m:r></m:sub><m:sup><m:r><m:t>n</m:t></m:r></m:sup><m:e><m:r><m:t>i</m:t></m:r></m:e></m:nary></m:oMath></m:oMathPara>",
        "([a+1])^2=√(x)∑_(i=1)^n i",
    ),
    "boxes of a form": (
        '<w:r><w:fldChar><w:ffData><w:checkBox><w:default w:val="0"/><w:checked/></w:checkBox></w:ffData></w:fldChar>'
        "</w:r>" + run("yes"),
        "[x] yes",
    ),
}


def word(body: str) -> str:
    return READERS[".docx"].read(docx_of(body, styles=STYLES, numbering=NUMBERING), "`x`")


@pytest.mark.parametrize(("runs", "text"), WORD.values(), ids=WORD)
def test_word(runs: str, text: str) -> None:
    assert word(f"<w:p>{runs}</w:p>") == text


def test_word_lists_that_begin_elsewhere() -> None:
    assert word(item("a", 1) + item("b", 1) + item("c", 2) + item("d", 2)) == "3. a\n4. b\n9. c\n10. d"


def test_word_cells_over_rows_and_columns() -> None:
    wide = '<w:tcPr><w:gridSpan w:val="2"/></w:tcPr>' + para("Total")
    table = (
        row(para("Region"), para("Item"), para("Units"))
        + row(merged("restart", "EU"), para("Cable"), para("12"))
        + row(merged("continue"), para("Hub"), para("7"))
        + row(wide, para("19"))
    )
    assert word(f"<w:tbl>{table}</w:tbl>") == "Region | Item | Units\nEU | Cable | 12\nEU | Hub | 7\nTotal |  | 19"
