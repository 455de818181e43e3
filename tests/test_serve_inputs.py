"""The inputs of clients: values, files in allowed folders alone, bytes, images and models."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from flowrun.dsl import Source
from flowrun.runtime import load, plan_of
from flowrun.runtime.serve.inputs import Inputs
from flowrun.runtime.serve.schemas import as_output, input_schema, output_schema
from flowrun.runtime.vocabulary.errors import InputError

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360606060000000050001a5f645"
    "400000000049454e44ae426082"
)
SECRET = "the secret of this machine"


def plan_with(params: str, result: str = '"x"') -> Any:
    return plan_of(load(Source(f"flow f({params}) {{\n  return {result}\n}}\n")))


async def read(folder: Path | None, params: str, given: Mapping[str, Any], models: tuple[str, ...] = ()) -> Any:
    folders = () if folder is None else (folder,)
    return await Inputs(folders, models).read(plan_with(params), given, [])


@pytest.fixture
def allowed(tmp_path: Path) -> Path:
    folder = tmp_path / "allowed"
    (folder / "deep").mkdir(parents=True)
    (folder / "report.md").write_text("# A report")
    (folder / "deep" / "a.png").write_bytes(PNG)
    (tmp_path / "secret.txt").write_text(SECRET)
    (tmp_path / "secret.png").write_bytes(PNG)
    os.symlink(tmp_path / "secret.txt", folder / "link.txt")
    os.mkfifo(folder / "pipe")
    return folder


async def test_values_get_their_types(tmp_path: Path) -> None:
    params = "a: text, b: 1..5, c: yes | no, d: { e: number, f: [int] }, g: text? = none"
    given = {"a": "x", "b": 3, "c": "YES", "d": {"e": 1, "f": [1, 2], "more": 1}}
    assert await read(None, params, given) == {"a": "x", "b": 3, "c": "yes", "d": {"e": 1, "f": [1, 2]}}


async def test_a_text_is_never_a_path(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text(SECRET)
    for text in (str(tmp_path / "secret.txt"), f"@{tmp_path}/secret.txt", "-", "file:///etc/passwd", "s3://b/k"):
        assert await read(tmp_path, "a: text, b: document", {"a": text, "b": text}) == {"a": text, "b": text}


async def test_a_document_is_read_in_an_allowed_folder(allowed: Path) -> None:
    found = await read(
        allowed, "a: document, b: [document]", {"a": {"path": "report.md"}, "b": [{"path": "report.md"}]}
    )
    assert found == {"a": "# A report", "b": ["# A report"]}
    whole = await read(allowed, "a: document", {"a": {"path": str(allowed / "report.md")}})
    assert whole == {"a": "# A report"}


@pytest.mark.parametrize("kind", ["document", "image"])
@pytest.mark.parametrize(
    "path",
    [
        "../secret.txt",
        "../secret.png",
        "/etc/passwd",
        "link.txt",
        "deep/../../secret.png",
        "pipe",
        "deep",
        ".",
        "",
        "nowhere",
        "a\0b",
        "x" * 5000,
    ],
)
async def test_nothing_else_is_read_or_told(allowed: Path, kind: str, path: str) -> None:
    with pytest.raises(InputError) as caught:
        await read(allowed, f"a: {kind}", {"a": {"path": path}})
    assert "there is no file" in str(caught.value)
    assert SECRET not in str(caught.value)


async def test_without_a_folder_no_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="lets its clients name no file"):
        await read(None, "a: document", {"a": {"path": "report.md"}})


@pytest.mark.parametrize(
    "value",
    [
        {"image": "sha256:0", "path": "/etc/passwd"},
        {"image": "sha256:0", "type": "image/png", "width": 1, "height": 1, "size": 3, "path": "/etc/passwd"},
        {"path": 3},
        {"base64": "x", "path": "report.md"},
        {"base64": "!!!"},
        {"base64": base64.b64encode(b"no image").decode()},
        "/etc/passwd",
        3,
        [],
    ],
)
async def test_an_image_has_no_other_forms(allowed: Path, value: Any) -> None:
    with pytest.raises(InputError):
        await read(allowed, "a: image", {"a": value})


async def test_images_and_documents_come_as_bytes(allowed: Path) -> None:
    data = base64.b64encode(PNG).decode()
    found = await read(
        allowed, "a: image, b: image?, c: [image]", {"a": {"base64": data}, "b": None, "c": [{"path": "deep/a.png"}]}
    )
    assert found["a"]["width"] == 1 and found["a"]["data"] == data
    assert found["b"] is None and found["c"][0]["image"] == found["a"]["image"]
    text = base64.b64encode(b"<h1>Hello</h1>").decode()
    found = await read(allowed, "a: document", {"a": {"base64": text, "name": "page.html"}})
    assert found == {"a": "# Hello"}
    with pytest.raises(InputError, match=r"does not read documents of the kind \.doc"):
        await read(allowed, "a: document", {"a": {"base64": text, "name": "x.doc"}})


async def test_a_client_chooses_only_models_of_the_flow() -> None:
    params = "a: model, b: [model]"
    assert await read(None, params, {"a": "m", "b": ["m"]}, models=("m",))
    for given in ({"a": "openai:gpt-5", "b": []}, {"a": "m", "b": ["ollama:x"]}):
        with pytest.raises(InputError, match="is no model that a client may choose: `m`"):
            await read(None, params, given, models=("m",))


async def test_deep_and_odd_values_are_sentences() -> None:
    deep: Any = "x"
    for _ in range(200):
        deep = [deep]
    for given in ({"a": deep}, {"a": float("nan")}, {"a": "\ud800"}, {"b": 1}):
        with pytest.raises(InputError):
            await read(None, "a: json", given)


@pytest.mark.parametrize(
    ("params", "given", "fits"),
    [
        ("a: text, b: int = 3", {"a": "x"}, True),
        ("a: text, b: int = 3", {"b": 3}, False),
        ("a: text, b: int = 3", {"a": "x", "c": 3}, False),
        ("a: document", {"a": "x"}, True),
        ("a: document", {"a": {"path": "x"}}, True),
        ("a: image", {"a": "x"}, False),
        ("a: image", {"a": {"base64": "x"}}, True),
        ("a: [image](1..2)", {"a": []}, False),
        ("a: { p: image?, n: text }", {"a": {"p": None, "n": "x"}}, True),
        ("a: model", {"a": "m"}, True),
        ("a: model", {"a": "other"}, False),
        ("a: json", {"a": [1, {"x": None}]}, True),
    ],
)
def test_the_schema_says_what_is_taken(params: str, given: Any, fits: bool) -> None:
    schema = input_schema(plan_with(params).params, {}, ("m",))
    jsonschema.Draft202012Validator.check_schema(schema)
    assert jsonschema.Draft202012Validator(schema).is_valid(given) is fits


@pytest.mark.parametrize(
    ("result", "value"),
    [('"x"', "x"), ("[1, 2]", [1, 2]), ("{ a: 1 }", {"a": 1}), ("none", None), ("true", True)],
)
def test_an_output_is_an_object_of_its_schema(result: str, value: Any) -> None:
    type_ = plan_with("q: text", result).type
    schema = output_schema(type_)
    assert schema["type"] == "object"
    jsonschema.validate(as_output(type_, value), schema)
