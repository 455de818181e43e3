"""Names of files made of any text: one safe name each, and no two elements share one."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowrun.runtime.outputs.names import MOST_BYTES, Names, safe_name

ANY = st.one_of(st.text(), st.text(alphabet="./\\ -~:\x00aA\u0301\u202e\ud800ß", max_size=12))


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("note", "note"),
        ("Résumé 2026", "Résumé 2026"),
        ("e\u0301", "é"),
        ("日本語.md", "日本語.md"),
        ('a/b\\c:d*e?f"g<h>i|j', "a_b_c_d_e_f_g_h_i_j"),
        ("../../x", "_.._x"),
        ("..", ""),
        (". . .", ""),
        ("", ""),
        ("   ", ""),
        (".bashrc", "bashrc"),
        ("x. . ", "x"),
        ("-rf *", "_rf _"),
        ("~root", "_root"),
        ("nul", "_nul"),
        ("NUL.tar.gz", "_NUL.tar.gz"),
        ("Com1", "_Com1"),
        ("LPT²", "_LPT²"),
        ("conout$", "_conout$"),
        ("console", "console"),
        ("a\nb\tc\x7f", "a_b_c_"),
        ("a\u200bb\u202ec\ufeff", "a_b_c_"),
        ("\ud800x", "_x"),
        ("a\u00a0b", "a b"),
        ("€" * 100, "€" * 50),
    ],
)
def test_names(text: str, name: str) -> None:
    assert safe_name(text) == name


@given(ANY)
def test_every_name_is_one_safe_part_of_a_path(text: str) -> None:
    name = safe_name(text)
    assert os.path.basename(name) == name
    assert not set('/\\:*?"<>|\x00') & set(name)
    assert name not in (".", "..")
    assert not name.startswith((".", "-", "~", " "))
    assert not name.endswith((".", " "))
    assert len(name.encode()) <= MOST_BYTES + 1
    assert unicodedata.is_normalized("NFC", name)
    assert all(unicodedata.category(sign) not in ("Cc", "Cf", "Cs", "Zl", "Zp") for sign in name)
    assert safe_name(name) in (name, f"_{name}"[: len(name) + 1])


@given(st.lists(ANY, max_size=20))
def test_no_two_elements_share_a_name_on_any_file_system(texts: list[str]) -> None:
    names = Names(".md")
    made = [names.next(text) for text in texts]
    folded = {unicodedata.normalize("NFC", name.casefold()) for name in made}
    assert len(folded) == len(texts)
    again = Names(".md")
    assert [again.next(text) for text in texts] == made


def test_elements_without_a_name_are_numbered_by_their_place() -> None:
    names = Names(".json", reserved=["b.json"])
    values = ["a", None, "A", "a-2", "b", 7, 1.5, True, "..", "0002"]
    assert [names.next(value) for value in values] == [
        "a.json",
        "0002.json",
        "A-2.json",
        "a-2-2.json",
        "b-2.json",
        "7.json",
        "1.5.json",
        "true.json",
        "0009.json",
        "0002-2.json",
    ]


def test_many_equal_names_take_little_time(tmp_path: Path) -> None:
    names = Names(".md")
    made = {names.next("same") for _ in range(20_000)}
    assert len(made) == 20_000
