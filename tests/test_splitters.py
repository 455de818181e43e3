"""How texts are cut: nothing is lost, the order is kept, and it takes no longer than the text is long."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from flowrun.runtime.splitters import SPLITTERS
from flowrun.runtime.vocabulary.errors import UsageError
from flowrun.runtime.vocabulary.tokens import estimate
from support.cpu import cpu_within
from support.few_cases import few

RULES: dict[str, dict[str, Any]] = {
    **{rule: {} for rule in ("heading", "paragraph", "sentence", "line", "page")},
    "chars": {"n": 25},
    "tokens": {"n": 9},
}
UNSIZED = [rule for rule, args in RULES.items() if not args]
SNIPPETS = [
    *("# ", "## ", "### ", "#no", "===\n", "---\n", "```\n", "````\n", "~~~\n", "- ", "> ", "    "),
    *(
        "word",
        "Two words. ",
        "a! b? ",
        "x" * 40,
        "。你好！",
        "é",
        " ",
        "\t",
        "\n",
        "\n\n",
        "\r\n",
        "\r",
        "\v",
        "\u2028",
        "\ufeff",
        "\f",
        "Dr. No e.g. ",
        "1. ",
        "😀",
        "{'a':1}",
    ),
]
texts = st.lists(st.sampled_from(SNIPPETS) | st.text(max_size=8), max_size=60).map("".join)


def split(rule: str, text: str, **args: Any) -> list[str]:
    return SPLITTERS[rule].split(text, {**RULES[rule], **args})


def solid(text: str) -> str:
    return "".join(text.split())


@pytest.mark.parametrize("rule", RULES)
@given(text=texts)
@example("a\n" * 30)
def test_nothing_is_lost(rule: str, text: str) -> None:
    pieces = split(rule, text)
    assert solid("".join(pieces)) == solid(text)
    assert all(piece.strip() for piece in pieces)
    assert all(piece in text for piece in pieces)


@pytest.mark.parametrize("rule", UNSIZED)
@given(text=texts, overlap=st.integers(0, 24))
def test_an_overlap_repeats_the_words_before(rule: str, text: str, overlap: int) -> None:
    bare = split(rule, text)
    pieces = split(rule, text, overlap=overlap)
    assert len(pieces) == len(bare)
    assert pieces[:1] == bare[:1]
    for before, plain, piece in zip(bare, bare[1:], pieces[1:], strict=False):
        assert piece.endswith(plain)
        repeated = piece[: len(piece) - len(plain)].rstrip()
        assert before.endswith(repeated)
        assert len(repeated) <= overlap


@given(
    words=st.lists(st.tuples(st.integers(1, 40), st.sampled_from([" ", "\n", "\n\n", ". ", "  " * 20])), max_size=30),
    most=st.integers(1, 30),
    data=st.data(),
)
def test_chars_with_any_overlap(words: list[tuple[int, str]], most: int, data: st.DataObject) -> None:
    overlap = data.draw(st.integers(0, most - 1))
    # No letter stands twice, so that each piece has one place in the text.
    letters = iter(chr(code) for code in range(0x4E00, 0x9000))
    text = "".join("".join(next(letters) for _ in range(length)) + after for length, after in words)
    text = text.replace(". ", " . ")
    marks = [place for place, letter in enumerate(text) if letter >= "\u4e00"]
    pieces = split("chars", text, n=most, overlap=overlap)
    end = 0
    for number, piece in enumerate(pieces):
        assert 0 < len(piece) <= most
        first = next((place for place, letter in enumerate(piece) if letter >= "\u4e00"), None)
        if first is None:
            end = text.index(piece, end) + len(piece)
            continue
        start = text.index(piece[first]) - first
        assert text[start : start + len(piece)] == piece
        assert number == 0 or start >= end - overlap
        assert not text[end : max(start, end)].strip()
        if start < end:
            assert text[start - 1].isspace()
        assert start + len(piece) > end
        end = start + len(piece)
    assert not marks or end > marks[-1]


def test_a_character_of_two_tokens_is_not_squeezed_in_for_one() -> None:
    pieces = split("tokens", "# # Dr. No e.g. 0:0# \N{GRINNING FACE}", n=14)
    assert max(estimate(piece) for piece in pieces) <= 14


@given(text=texts, most=st.integers(1, 40), data=st.data())
def test_tokens_keep_their_bound_and_overlap(text: str, most: int, data: st.DataObject) -> None:
    overlap = data.draw(st.integers(0, most - 1))
    pieces = split("tokens", text, n=most, overlap=overlap)
    assert all(estimate(piece) <= most or len(piece) == 1 for piece in pieces)
    if not overlap:
        words = [word for piece in pieces for word in piece.split()]
        for word in text.split():
            if estimate(word) <= most and not re.search("[。！？]", word):
                assert word in words


@given(
    words=st.lists(st.tuples(st.integers(1, 20), st.sampled_from([" ", "\n", "\n\n", "  " * 20])), max_size=30),
    most=st.integers(1, 30),
    data=st.data(),
)
def test_tokens_repeat_no_more_than_the_overlap(words: list[tuple[int, str]], most: int, data: st.DataObject) -> None:
    overlap = data.draw(st.integers(0, most - 1))
    letters = iter(chr(code) for code in range(0x4E00, 0x9000))
    text = "".join("".join(next(letters) for _ in range(length)) + after for length, after in words)
    end = 0
    for piece in split("tokens", text, n=most, overlap=overlap):
        # No letter stands twice, so that each piece has one place in the text.
        start = text.index(piece[0])
        assert text[start : start + len(piece)] == piece
        assert not text[end:start].strip()
        assert estimate(text[start : max(start, end)]) <= overlap
        assert start + len(piece) > end
        end = start + len(piece)
    assert not text[end:].strip()


@given(text=texts, most=st.integers(1, 60))
def test_chars_keeps_its_bound_and_words(text: str, most: int) -> None:
    pieces = split("chars", text, n=most)
    assert all(0 < len(piece) <= most for piece in pieces)
    words = [word for piece in pieces for word in piece.split()]
    for word in re.findall(r"\S+", text):
        if len(word) <= most and not re.search("[。！？]", word):
            assert word in words


def test_chars_takes_the_best_border() -> None:
    paragraphs = "One two three.\n\nFour five six. Seven eight."
    assert split("chars", paragraphs, n=25) == ["One two three.", "Four five six.", "Seven eight."]
    assert split("chars", "First line\nsecond line is longer", n=20) == ["First line", "second line is", "longer"]
    assert split("chars", "Say it now. Then go on", n=18) == ["Say it now.", "Then go on"]
    assert split("chars", "alpha beta gamma", n=10) == ["alpha beta", "gamma"]
    assert split("chars", "abcdefghij kl", n=4) == ["abcd", "efgh", "ij", "kl"]
    assert split("chars", "今日は雨です。明日は晴れです。", n=8) == ["今日は雨です。", "明日は晴れです。"]


def test_chars_with_overlap() -> None:
    assert split("chars", "one two three four five six", n=14, overlap=6) == [
        "one two three",
        "three four",
        "four five six",
    ]
    # The overlap gives way where the next word needs the room.
    assert split("chars", "aa bb cccccccc", n=8, overlap=5) == ["aa bb", "cccccccc"]


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ({"n": 0}, "`n` must be a whole number of characters, at least 1, and here it is 0"),
        ({"n": "5"}, "here it is '5'"),
        ({"n": True}, "here it is True"),
        ({"n": 5, "overlap": -1}, "`overlap` must be a whole number"),
        ({"n": 5, "overlap": 5}, "overlap of 5 characters must be less than the 5 characters of a piece"),
        ({"n": None}, "`n` must be a whole number"),
    ],
)
def test_bad_arguments(args: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=re.escape(words)):
        SPLITTERS["chars"].split("text", args)


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ({"n": 0}, "`n` must be a whole number of tokens, at least 1, and here it is 0"),
        ({"n": 8, "overlap": -1}, "`overlap` must be a whole number of tokens, at least 0"),
        ({"n": 8, "overlap": 8}, "overlap of 8 tokens must be less than the 8 tokens of a piece"),
    ],
)
def test_bad_arguments_of_tokens(args: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=re.escape(words)):
        SPLITTERS["tokens"].split("text", args)


def test_tokens_take_the_best_border() -> None:
    text = "One two three.\n\nFour five six seven. Eight nine."
    assert split("tokens", text, n=7) == ["One two three.", "Four five six seven.", "Eight nine."]
    assert split("tokens", "one two three four five", n=3, overlap=1) == [
        "one two three",
        "three four five",
    ]
    assert split("tokens", "今日は雨です。明日は晴れです。", n=8) == ["今日は雨です。", "明日は晴れです。"]
    assert split("tokens", "a" * 24, n=2) == ["a" * 16, "a" * 8]


@pytest.mark.parametrize("unit", ["chars", "tokens"])
def test_one_line_end_is_no_border_of_a_paragraph(unit: str) -> None:
    text = "One two three four\r\n\r\nfive\r\nsix seven eight"
    pieces = split(unit, text, n=30 if unit == "chars" else 8)
    assert pieces == ["One two three four", "five\r\nsix seven eight"]


SENTENCES = {
    "plain": ("One two. Three! Four?\nFive… six", ["One two.", "Three!", "Four?", "Five… six"]),
    "abbreviations": (
        "Dr. No met Mr. Fox, e.g. here. J. Doe left.",
        ["Dr. No met Mr. Fox, e.g. here.", "J. Doe left."],
    ),
    "numbers": ("It is 3.14 or v2.0.1. In 2020. The end.", ["It is 3.14 or v2.0.1.", "In 2020.", "The end."]),
    "quotes": ("“Go.” She went. (He did.) Why", ["“Go.”", "She went.", "(He did.)", "Why"]),
    "small letters go on": ("Yahoo! is one. “Stop!” he said.", ["Yahoo! is one.", "“Stop!” he said."]),
    "wrapped": ("One\ntwo\nthree. Four", ["One\ntwo\nthree.", "Four"]),
    "paragraphs": ("One\n\ntwo\r\n\r\nthree", ["One", "two", "three"]),
    "line ends of Windows": ("One\r\ntwo. Three", ["One\r\ntwo.", "Three"]),
    "headings": ("# Title\nOne. Two.\n## Next\nThree", ["# Title", "One.", "Two.", "## Next", "Three"]),
    "lists": ("Buy:\n- tea\n- milk. Now\n2. pay", ["Buy:", "- tea", "- milk.", "Now", "2. pay"]),
    "wide": ("今日は雨です。明日は？「晴れ。」はい", ["今日は雨です。", "明日は？", "「晴れ。」", "はい"]),
    "I": ("It was I. He knew.", ["It was I.", "He knew."]),
}


@pytest.mark.parametrize(("text", "pieces"), SENTENCES.values(), ids=SENTENCES)
def test_sentences(text: str, pieces: list[str]) -> None:
    assert split("sentence", text) == pieces


def test_pages() -> None:
    assert split("page", "\fone\n\ntwo\n\f\f three \f") == ["one\n\ntwo", " three"]
    assert split("page", "one") == ["one"]


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("text", ["", " ", "\n\n\n", "\r\n\t"])
def test_blank_texts_have_no_pieces(rule: str, text: str) -> None:
    assert split(rule, text, overlap=3) == []


HEADINGS = {
    "none": ("Just text.\n\nMore.", ["Just text.\n\nMore."]),
    "one": ("# A\n\ntext", ["# A\n\ntext"]),
    "text before": ("Hello.\n\n# A\na\n# B\nb", ["Hello.", "# A\na", "# B\nb"]),
    "title with text": ("# T\n\nIntro.\n\n## A\na\n\n## B\nb", ["# T\n\nIntro.", "## A\na", "## B\nb"]),
    "title alone joins": ("# T\n\n## A\na\n\n## B\nb", ["# T\n\n## A\na", "## B\nb"]),
    "titles alone join": ("# T\n## S\n### A\na\n### B\nb", ["# T\n## S\n### A\na", "### B\nb"]),
    "deeper stays": ("## A\n### a1\n### a2\n## B\nb", ["## A\n### a1\n### a2", "## B\nb"]),
    "empty section stays its own": ("# A\n# B\nb", ["# A", "# B\nb"]),
    "shallower in the middle": ("## A\na\n# T\nt\n## B\nb", ["## A\na", "# T\nt", "## B\nb"]),
    "no level twice": ("intro\n# A\na\n## B\nb", ["intro", "# A\na\n## B\nb"]),
    "setext": ("A\n===\na\n\nB\nC\n===\nb", ["A\n===\na", "B\nC\n===\nb"]),
    "setext and atx": ("A\n---\na\n## B\nb", ["A\n---\na", "## B\nb"]),
    "fenced": ("# A\n```\n# no\n```\n# B\nb", ["# A\n```\n# no\n```", "# B\nb"]),
    "indented": ("# A\n\n    # no\n\n# B", ["# A\n\n    # no", "# B"]),
    "quoted and listed": ("# A\n> # no\n\n- # no\n\n# B", ["# A\n> # no\n\n- # no", "# B"]),
    "no space, no heading": ("# A\n#no\n# B", ["# A\n#no", "# B"]),
    "front matter": ("---\ntitle: x\ntags: y\n---\n# A\na\n# B\nb", ["---\ntitle: x\ntags: y\n---\n# A\na", "# B\nb"]),
    "a comment in front matter": (
        "---\ntitle: x\n# for editors\ntags: [a]\n---\n\n# A\na\n\n# B\nb",
        ["---\ntitle: x\n# for editors\ntags: [a]\n---\n\n# A\na", "# B\nb"],
    ),
    "a blank line in front matter": (
        "---\ntitle: x\n\ntags:\n- a\n-\n  b\n...\n# A\na\n# B\nb",
        ["---\ntitle: x\n\ntags:\n- a\n-\n  b\n...\n# A\na", "# B\nb"],
    ),
    "a comment on top of front matter": (
        '---\n# ours\n"a key": |\n  text\n\n  # text\n---\n# A\na\n# B\nb',
        ['---\n# ours\n"a key": |\n  text\n\n  # text\n---\n# A\na', "# B\nb"],
    ),
    "front matter in TOML": (
        "+++\n# ours\ntitle = 'x'\n\n[menu]\nn = 1\n+++\n# A\na\n# B\nb",
        ["+++\n# ours\ntitle = 'x'\n\n[menu]\nn = 1\n+++\n# A\na", "# B\nb"],
    ),
    "text between rules": ("---\n# A\nSome text.\n\n---\n# B\nb", ["---", "# A\nSome text.\n\n---", "# B\nb"]),
    "a note between rules": ("---\n\nNote: x\n\n# A\n\n---\n# B\nb", ["---\n\nNote: x", "# A\n\n---", "# B\nb"]),
    "a heading between rules": ("---\n# A\n\n---\n# B\nb", ["---", "# A\n\n---", "# B\nb"]),
    "a rule on top": ("---\n\n# A\na\n\n# B\n\n---\n", ["---", "# A\na", "# B\n\n---"]),
    "carriage returns": ("# A\r\na\r\n# B\r\nb", ["# A\r\na", "# B\r\nb"]),
    "old line ends": ("# A\ra\r# B\rb", ["# A\ra", "# B\rb"]),
    "other separators": ("# A\na\u2028# no\x0c# no\n# B\nb", ["# A\na\u2028# no\x0c# no", "# B\nb"]),
}


@pytest.mark.parametrize(("text", "pieces"), HEADINGS.values(), ids=HEADINGS)
def test_headings(text: str, pieces: list[str]) -> None:
    assert split("heading", text) == pieces


PARAGRAPHS = {
    "plain": ("one\ntwo\n\nthree\n\n\n four", ["one\ntwo", "three", " four"]),
    "blank lines with spaces": ("one\n \t\ntwo", ["one", "two"]),
    "fence": ("a\n\n```\nx\n\ny\n```\n\nb", ["a", "```\nx\n\ny\n```", "b"]),
    "shorter fence inside": ("````\n```\n\n```\n````\n\nb", ["````\n```\n\n```\n````", "b"]),
    "tildes": ("~~~ py\nx\n\ny\n~~~\n\nb", ["~~~ py\nx\n\ny\n~~~", "b"]),
    "never closed": ("```\na\n\nb", ["```\na", "b"]),
    "underlined titles": ("One\n~~~~\n\na\n\nTwo\n~~~~\n\nb", ["One\n~~~~", "a", "Two\n~~~~", "b"]),
    "inline ticks": ("```a``` b\n\nc\n\n```d``` e", ["```a``` b", "c", "```d``` e"]),
}


@pytest.mark.parametrize(("text", "pieces"), PARAGRAPHS.values(), ids=PARAGRAPHS)
def test_paragraphs(text: str, pieces: list[str]) -> None:
    assert split("paragraph", text) == pieces


def test_lines() -> None:
    assert split("line", "a\n\n  b \r\n\tc\rd") == ["a", "  b", "\tc", "d"]
    assert split("line", "a b c\nd", overlap=3) == ["a b c", "b c\nd"]


SIZE = 512 * 1024
LARGE = {
    "prose": ("## Head\n\n" + "The quick brown fox jumps over the lazy dog. " * 12 + "\n\n") * (SIZE // 550),
    "one line": "word " * (SIZE // 5),
    "one word": "x" * SIZE,
    "blanks": " " * SIZE,
    "line ends": "\n" * SIZE,
    "hashes": "#" * SIZE,
    "dashes": "---" + "-" * SIZE + "x",
    "feeds": "\f" * SIZE,
    "points": "a. " * (SIZE // 3),
    "letters and points": "a." * (SIZE // 2),
    "marks": ".!?" * (SIZE // 3),
    "ideographs": "今" * SIZE,
    "pictures": "😀" * SIZE,
    "unassigned": "\U00050000" * SIZE,
    "different words": " ".join(map(str, range(SIZE // 7))),
    "front matter that never ends": "---\n" + "a: b\r\n" * 10_000,
}


@pytest.mark.no_cover
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("kind", few(list(LARGE), "prose", "one word", "front matter that never ends"))
def test_a_large_text_takes_little_time(rule: str, kind: str) -> None:
    text = LARGE[kind]
    # Half a second is the aim, met by all but machines that are slow or busy.
    with cpu_within(2.5):
        split(rule, text, **({"n": 800, "overlap": 80} if RULES[rule] else {}))
