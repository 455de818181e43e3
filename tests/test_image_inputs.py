"""Images as inputs: from the command line, from rows, and from Python."""

from __future__ import annotations

import io
import json
import os
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest

from flowrun.dsl import ImageValue, types
from flowrun.dsl import plan as p
from flowrun.runtime.inputs.inputs import read_input
from flowrun.runtime.session.arguments import given_inputs
from flowrun.runtime.session.loading import checked_inputs
from flowrun.runtime.vocabulary.errors import InputError
from support.harness import planned
from support.images import gif, png

ROW = types.Record((types.Field("picture", types.IMAGE), types.Field("name", types.TEXT)), "Row")
PAIR = types.Record((types.Field("picture", types.Optional(types.IMAGE)), types.Field("name", types.TEXT)), "Row")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pictures" / "more").mkdir(parents=True)
    for name, width in {"b.png": 5, "a.png": 4, "more/c.png": 6}.items():
        (tmp_path / "pictures" / name).write_bytes(png(width))
    (tmp_path / "pictures" / "notes.txt").write_text("no image")
    (tmp_path / "pictures" / ".hidden.png").write_bytes(png(9))
    return tmp_path


def read(type_: types.Type, given: str) -> Any:
    return read_input(p.Param("x", type_, None, True), given, lambda: "")


def widths(values: list[Any]) -> list[int]:
    assert all(isinstance(one, ImageValue) for one in values)
    return [one["width"] for one in values]


def test_a_path_is_an_image() -> None:
    for given in ("pictures/a.png", "@pictures/a.png"):
        found = read(types.IMAGE, given)
        assert isinstance(found, ImageValue)
        assert {**found} | {"image": 0} == {
            "image": 0,
            "type": "image/png",
            "width": 4,
            "height": 30,
            "size": len(png(4)),
            "path": os.path.abspath("pictures/a.png"),
        }
    assert read(types.Optional(types.IMAGE), "") is None


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("pictures", [4, 5]),
        ("pictures/*.png", [4, 5]),
        ("pictures/**/*.png", [4, 5, 6]),
        ("pictures/b.png", [5]),
        ('["pictures/b.png", "pictures/a.png", "pictures/b.png"]', [5, 4, 5]),
    ],
)
def test_a_list_of_images_is_a_folder_a_pattern_or_paths(given: str, found: list[int]) -> None:
    assert widths(read(types.ListOf(types.IMAGE), given)) == found


@pytest.mark.parametrize(
    ("type_", "given", "said"),
    [
        (types.IMAGE, "-", "does not come from standard input"),
        (types.IMAGE, "pictures", "is a folder, not a file"),
        (types.IMAGE, "none.png", "there is no file"),
        (types.IMAGE, "pictures/notes.txt", "is no image"),
        (types.ListOf(types.IMAGE), "pictures/*", "`pictures/notes.txt` is no image"),
        (types.ListOf(types.IMAGE), "pictures/none*", "no file matches the pattern"),
        (types.ListOf(types.IMAGE), '["pictures/a.png", "x.png"]', "item 2: there is no file `x.png`"),
        (types.ListOf(types.IMAGE, least=3), "pictures", "expected [image](3..), found 2 elements"),
    ],
)
def test_what_is_no_image_is_named(type_: types.Type, given: str, said: str) -> None:
    with pytest.raises(InputError) as raised:
        read(type_, given)
    assert str(raised.value).startswith("`x`: ")
    assert said in str(raised.value)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("rows.jsonl", '{"picture": "a.png", "name": "one"}\n{"picture": "more/c.png", "name": "two"}\n'),
        ("rows.json", '[{"picture": "a.png", "name": "one"}, {"picture": "more/c.png", "name": "two"}]'),
        ("rows.csv", "picture,name\na.png,one\nmore/c.png,two\n"),
    ],
)
def test_rows_name_images_beside_them(folder: Path, name: str, text: str) -> None:
    (folder / "pictures" / name).write_text(text)
    rows = read(types.ListOf(ROW), f"pictures/{name}")
    assert [row["name"] for row in rows] == ["one", "two"]
    assert widths([row["picture"] for row in rows]) == [4, 6]


def test_rows_lead_to_no_file_outside_of_their_folder(folder: Path) -> None:
    (folder / "secret.png").write_bytes(png())
    (folder / "pictures" / "link.png").symlink_to(folder / "secret.png")
    for path in ("../secret.png", str(folder / "secret.png"), "link.png", "more/../../secret.png"):
        (folder / "pictures" / "rows.jsonl").write_text(json.dumps({"picture": path, "name": "x"}))
        with pytest.raises(InputError, match=r"item 1, field `picture`: .* is outside of the folder of the rows"):
            read(types.ListOf(ROW), "pictures/rows.jsonl")


def test_a_row_may_lack_an_image(folder: Path) -> None:
    (folder / "pictures" / "rows.csv").write_text("picture,name\na.png,one\n,two\n")
    rows = read(types.ListOf(PAIR), "pictures/rows.csv")
    assert [row["picture"] is None for row in rows] == [False, True]


def test_a_row_may_not_leave_out_an_image_that_it_must_have(folder: Path) -> None:
    (folder / "pictures" / "rows.csv").write_text("picture,name\na.png,one\n,two\n")
    with pytest.raises(InputError, match="item 2, field `picture`: the name of the image is empty"):
        read(types.ListOf(ROW), "pictures/rows.csv")


def test_large_rows_with_images_are_checked_before_the_run(folder: Path) -> None:
    """Rows without images would stay on the disk."""
    lines = [json.dumps({"picture": "a.png", "name": "x" * 1000})] * 1200
    (folder / "pictures" / "rows.jsonl").write_text("\n".join([*lines, '{"picture": "none.png", "name": ""}']))
    with pytest.raises(InputError, match=r"item 1201, field `picture`: there is no file `none.png`"):
        read_input(p.Param("x", types.ListOf(ROW), None, True), "pictures/rows.jsonl", lambda: "", by_row=True)


LOOK = planned(
    "type Row = { picture: image, name: text }\n"
    "flow look(picture: image, several: [image]?, row: Row?) {\n"
    '  a = ask "{{ picture }}{% if several %}{{ several }}{% endif %}{% if row %}{{ row.picture }}{% endif %}"\n'
    "  return a\n}\n"
)


def python(**values: Any) -> dict[str, Any]:
    return checked_inputs(LOOK, given_inputs(LOOK, None, values))


def test_python_gives_a_path_or_bytes(folder: Path) -> None:
    found = python(
        picture=Path("pictures/a.png"),
        several=(png(7), bytearray(gif()), Path("pictures/b.png")),
        row={"picture": memoryview(png(8)), "name": "x"},
    )
    assert widths([found["picture"], *found["several"], found["row"]["picture"]]) == [4, 7, 10, 5, 8]
    assert b64decode(found["several"][0]["data"]) == png(7)
    assert "path" not in found["several"][0]


def test_python_gives_an_image_of_pillow() -> None:
    pillow = pytest.importorskip("PIL.Image")
    found = python(picture=pillow.new("RGB", (12, 3), "red"))
    assert (found["picture"]["type"], found["picture"]["width"]) == ("image/png", 12)
    assert pillow.open(io.BytesIO(b64decode(found["picture"]["data"]))).size == (12, 3)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("pictures/a.png", r"write `pathlib.Path\('pictures/a.png'\)`"),
        (3, "must be an image, its Path or its bytes; found the number 3"),
        (b"hello", "`picture` is no image"),
        (b"", "`picture` is empty"),
        (None, "expected image, found nothing"),
        (png(4000, 3000) + b"\0" * 1024 * 1024, "an image that is no file may have 1 MiB: save it"),
        (Path("pictures/notes.txt"), "is no image"),
        ({"path": "pictures/a.png"}, "must be an image"),
    ],
)
def test_python_gives_something_else(value: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        python(picture=value)


def test_an_image_of_an_earlier_run_is_the_same_image(folder: Path) -> None:
    earlier = json.loads(json.dumps(python(picture=Path("pictures/a.png"), several=[png(7)])))
    again = python(**earlier)
    assert again["picture"] == earlier["picture"]
    assert isinstance(again["picture"], ImageValue)
    assert again["several"] == earlier["several"]
    (folder / "pictures" / "a.png").write_bytes(png(9))
    with pytest.raises(InputError, match=r"a\.png` has changed"):
        python(**earlier)
    with pytest.raises(InputError, match=r"neither its `path` nor its `data`"):
        python(picture={"image": "sha256:0"})
    with pytest.raises(InputError, match=r"no base64"):
        python(picture={"image": "sha256:0", "data": "***"})
