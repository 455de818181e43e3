"""Plans with images: edited plans are checked again, and the bounds count images."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from flowrun.dsl import FlowError, ImageValue, Source, UnfitError, audit_plan, check_flow, make_plan
from flowrun.dsl import plan as p
from flowrun.runtime.catalog import catalog
from flowrun.runtime.files.files import Files
from flowrun.runtime.forecast.estimate import estimate_plan
from flowrun.runtime.vocabulary.errors import UsageError
from flowrun.runtime.vocabulary.image_tokens import tokens_of, worst

LOOK = """
type Row = { picture: image, name: text }

flow look(picture: image, rows: [Row], extra: image?) {
  a = ask system "Be brief. {{ picture_name }}" user "{{ picture }}"
  b = map row in rows at most 10 {
    ask "{{ row.name }}{{ row.picture }}{% if extra %}{{ extra }}{% endif %}"
  } reduce collect
  picture_name = "x"
  return { a, b }
}
"""


def plan_of(text: str = LOOK) -> p.Plan:
    return make_plan(check_flow(Source(text, "a.flow"), catalog()))


def test_a_plan_with_images_survives_its_json_and_the_audit() -> None:
    made = plan_of()
    again = p.from_json(p.to_json(made))
    assert again == made
    audit_plan(again, catalog())


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("Be brief. {{ picture_name }}", "Be brief. {{ picture }}", "a system part has no images"),
        ("{{ row.name }}{{ row.picture }}", "{{ row }}", "has an image inside, and cannot be written as a whole"),
        ("{{ row.name }}{{ row.picture }}", "{{ row.picture | upper }}", "the filter `upper` takes a text"),
        ('"answer":{"kind":"text"}', '"answer":{"kind":"image"}', "an answer cannot be an image"),
    ],
)
def test_an_edited_plan_is_checked_again(old: str, new: str, said: str) -> None:
    text = p.to_json(plan_of())
    assert old in text
    with pytest.raises(UnfitError, match=said):
        audit_plan(p.from_json(text.replace(old, new, 1)), catalog())


def image(width: int, height: int) -> dict[str, Any]:
    return {"image": f"sha256:{width}", "type": "image/png", "width": width, "height": height, "size": 9, "path": "/x"}


def bounds(model: str = "openai:gpt-4o", **inputs: Any) -> list[tuple[float, float | None]]:
    found = estimate_plan(plan_of(), inputs, Files(Path()), model=model, environ={})
    return [(one.tokens_in.least, one.tokens_in.most) for one in found.inside[:2]]


def test_the_bounds_count_each_image_by_its_size() -> None:
    rows = [{"name": "x", "picture": image(512, 512)}, {"name": "y", "picture": image(1024, 1024)}]
    (a, b) = bounds(picture=image(1024, 1024), rows=rows, extra=None)
    assert 765 <= a[0] <= 765 + 30
    assert a[1] is not None and a[1] <= 3 * (765 + 60)
    assert 255 + 765 <= b[0] <= 255 + 765 + 30
    with_extra = bounds(picture=image(1024, 1024), rows=rows, extra=image(512, 512))[1]
    assert 2 * 255 - 4 <= with_extra[0] - b[0] <= 2 * 255 + 4


def test_an_image_that_is_not_given_counts_as_the_largest() -> None:
    (a, b) = bounds()
    assert a[0] < 60
    assert a[1] is not None and 1445 * 3 <= a[1] <= 1700 * 3
    assert b[1] is None, "the names of the rows have any length"


@pytest.mark.parametrize(
    "model", ["openai:gpt-4o", "openai:gpt-5-nano", "anthropic:claude-opus-4-7", "gemini:gemini-2.5-pro", "lab:x"]
)
def test_no_image_has_more_tokens_than_an_unknown_one(model: str) -> None:
    rule, dice = tokens_of(model), random.Random(3)
    for _ in range(3000):
        size = dice.randint(1, 8000), dice.randint(1, 8000)
        assert rule(*size) <= worst(rule), size


def test_a_model_that_takes_no_image_is_refused_by_the_plan() -> None:
    with pytest.raises(UsageError, match="embedded reads no images"):
        bounds("embedded", picture=image(4, 4), rows=[])
    with pytest.raises(UsageError, match="embedded reads no images"):
        bounds("embedded")
    with pytest.raises(UsageError, match="openai:o3-mini reads no images"):
        bounds("openai:o3-mini")


def test_a_flow_that_shows_no_image_may_have_any_model() -> None:
    made = plan_of('flow f(picture: image, x: text) {\n  a = ask "{{ x }}"\n  return { a, picture }\n}\n')
    assert estimate_plan(made, {}, Files(Path()), model="embedded", environ={}).calls.least == 1


def test_a_file_may_have_a_type_image_of_its_own() -> None:
    made = plan_of(
        "type image = { width: int, name: text }\n"
        'flow f(image: image, kind: photo | table) {\n  a = ask "{{ image }} {{ kind }}" -> image\n  return a\n}\n'
    )
    assert made.params[0].type.kind == "record"
    assert made.params[1].type.kind == "choice"


def test_other_types_keep_their_names() -> None:
    with pytest.raises(FlowError, match="the language has a type `document`"):
        plan_of("type document = { a: int }\nflow f(x: document) {\n  return x\n}\n")


def test_an_image_value_is_plain_data() -> None:
    import copy
    import json
    import pickle

    made = ImageValue(image(3, 4))
    assert json.loads(json.dumps(made)) == image(3, 4)
    for again in (pickle.loads(pickle.dumps(made)), copy.deepcopy(made)):
        assert isinstance(again, ImageValue)
        assert again.pixels == (3, 4)
