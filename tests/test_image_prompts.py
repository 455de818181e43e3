"""Images in prompts: each stands where the template shows it, whatever the texts around it say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from flowrun.dsl import ImageValue
from flowrun.runtime.engine.decisions import Call
from flowrun.runtime.engine.keys import key_of
from flowrun.runtime.files.images import facts_of
from flowrun.runtime.values.prompts import render, render_images
from flowrun.runtime.vocabulary.call import Message, Request
from flowrun.runtime.vocabulary.image import Image
from flowrun.testing import run_scripted
from support.images import png


def image(width: int = 4, path: str = "/a.png") -> ImageValue:
    return ImageValue({**facts_of(png(width, 3), "x"), "path": path})


def message(template: str, fenced: tuple[int, ...] = (), **values: Any) -> Message:
    ((text, images),) = render_images([(template, fenced)], values.__getitem__)
    return Message("user", text, images)


def told(found: Message) -> list[str]:
    """The parts of a message; an image is told by its width."""
    return [one if isinstance(one, str) else f"<{one.width}>" for one in found.parts]


@pytest.mark.parametrize(
    ("template", "parts"),
    [
        ("{{ a }}", ["<4>"]),
        ("Look: {{ a }} and {{ b }}.", ["Look: ", "<4>", " and ", "<5>", "."]),
        ("{{ a }}{{ b }}{{ a }}", ["<4>", "<5>", "<4>"]),
        ("{% for x in both %}{{ loop.index }}{{ x }}{% endfor %}", ["1", "<4>", "2", "<5>"]),
        ("{{ both }}", ["<4>", "\n", "<5>"]),
        ("{% if maybe %}{{ maybe }}{% else %}none{% endif %}", ["none"]),
        ("{% set x = a %}{{ x }}{{ row.picture }}", ["<4>", "<5>"]),
        ("{{ maybe | default(a) }}", ["<4>"]),
        ("{{ (both | first) if maybe is none else b }}", ["<4>"]),
        ("{{ none_of_them }}!", ["[]!"]),
    ],
)
def test_an_image_stands_in_its_place(template: str, parts: list[str]) -> None:
    a, b = image(4), image(5)
    found = message(template, a=a, b=b, both=[a, b], maybe=None, row={"picture": b}, none_of_them=[])
    assert told(found) == parts


def test_the_text_has_a_mark_in_the_place_of_an_image() -> None:
    found = message("See {{ a }}.", a=image(4))
    (one,) = found.images
    assert found.text == f"See ⟨image 1: image/png 4×3 {one.digest[7:19]}⟩."
    assert found.text[one.at : one.until].startswith("⟨image 1")
    assert one.path == "/a.png"


@pytest.mark.parametrize(
    "plain", ["{{ text }}{{ a }}{{ text }}", "{% if true %}{{ text }}{% endif %}{{ a }}{{ text }}"]
)
def test_a_text_that_imitates_a_place_stays_a_text(plain: str) -> None:
    mark = message("{{ a }}", a=image(4)).text
    for text in ("\ue000:0\ue001", "\ue000:1\ue001", f"{mark}", "\ue000", "\ue001:0", "\ue000:0\ue001" * 3):
        assert told(message(plain, a=image(4), text=text)) == [text, "<4>", text]


def test_a_text_that_knows_the_first_salt_stays_a_text() -> None:
    """The attacker puts the code of the second try into the text. It cannot hold a digest of itself."""
    from hashlib import sha256

    first = "\ue000:0\ue001"
    salt = sha256((first + first).encode()).hexdigest()
    text = f"{first}\ue000{salt}:0\ue001"
    assert told(message("{{ a }}{{ text }}", a=image(4), text=text)) == ["<4>", text]


def test_a_record_with_the_fields_of_an_image_is_a_record() -> None:
    row = dict(image(4))
    found = message("{{ row }}", row=row)
    assert not found.images
    assert '"image": "sha256:' in found.text


def test_foreign_texts_have_marks_and_images_have_none() -> None:
    template = "{{ a }} {{ text }}"
    found = message(template, (3, 11), a=image(4), text="Hi")
    assert told(found)[0] == "<4>"
    assert told(found)[1].startswith(" <data-")
    jinja = "{% if text %}{{ a }}{% endif %} {{ text }}"
    found = message(jinja, (16, 35), a=image(4), text="Hi")
    assert told(found)[0] == "<4>"
    assert "Hi</data-" in told(found)[1]


def test_a_text_that_is_not_sent_shows_the_mark() -> None:
    assert render("{{ a }}", {"a": image(4)}.__getitem__).startswith("⟨image 1: image/png 4×3")
    assert render("{% if true %}{{ a }}{% endif %}", {"a": image(4)}.__getitem__).startswith("⟨image 1")


def key(*messages: Message) -> bytes:
    return key_of(Call(1, "p", "m:m", Request(messages)), "http://x")


def test_the_key_goes_by_the_digest_and_the_place() -> None:
    one = message("{{ a }} and {{ b }}", a=image(4), b=image(5))
    assert key(one) == key(message("{{ a }} and {{ b }}", a=image(4, "/moved.png"), b=image(5)))
    assert key(one) != key(message("{{ b }} and {{ a }}", a=image(4), b=image(5)))
    # The mark has a part of the digest, and the key has the whole.
    (first, second) = one.images
    other = replace(one, images=(replace(first, digest=first.digest[:-1] + "0"), second))
    assert key(one) != key(other)
    assert key(one) != key(Message("user", one.text))


def test_a_message_without_images_has_its_text_as_its_part() -> None:
    assert [*Message("user", "").parts] == [""]
    assert [*Message("user", "x").parts] == ["x"]
    whole = Message("user", "⟨1⟩", (Image("sha256:0", "image/png", 1, 1, 1, 0, 3),))
    assert len([*whole.parts]) == 1


def test_a_judge_sees_its_candidates_with_numbers(tmp_path: Path) -> None:
    for name, width in (("a.png", 4), ("b.png", 5)):
        (tmp_path / name).write_bytes(png(width))
    ask = 'ask "Which?\\n{{ results }}\\n{% for one in results %}{{ one }}{% endfor %}"'
    (tmp_path / "a.flow").write_text(
        "flow pick(pictures: [image]) {\n  best_one = map one in pictures at most 9 { one } reduce best("
        f"judge: {ask})\n  return best_one\n}}\n"
    )
    pictures = [tmp_path / "a.png", tmp_path / "b.png"]
    result = run_scripted(tmp_path / "a.flow", pictures=pictures, replies={"best_one.reduce": [2, 1]})
    assert result.value["path"] == str(tmp_path / "b.png")
    first, second = result.prompts("best_one.reduce")
    assert first.startswith("Which?\n1. ⟨image 1: image/png 4×30 ")
    assert "\n2. ⟨image 2: image/png 5×30 " in first
    assert first.count("2. ⟨image") == second.count("2. ⟨image") == 2
    assert second.startswith("Which?\n1. ⟨image 1: image/png 5×30 ")
