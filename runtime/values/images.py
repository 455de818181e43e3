"""Images in templates: each stands in the text as a mark, and the message knows the places of its marks."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from typing import Any

from flowrun.dsl import ImageValue

from ..vocabulary.image import Image, mark_of
from .candidates import Candidates
from .image_values import image_of
from .prompt_cuts import Cuts
from .prompt_text import PromptError

_TRIES = 4


class Images:
    """The images of one message while its template is rendered.

    Each is written as a code with ``salt`` and its number. A text that holds such a code itself is found by its number
    of codes; then the template is rendered again with another salt, a digest of the whole text, which no part of it
    can hold.
    """

    def __init__(self, salt: str = "") -> None:
        self.salt = salt
        self.found: list[ImageValue] = []

    def write(self, value: Any) -> str:
        """Return the code of an image, or the codes of a list of images on lines of their own.

        The candidates of a judge have their numbers.
        """
        if not isinstance(value, list):
            return self._code(value)
        numbered = isinstance(value, Candidates)
        lines = [f"{number}. {self._code(one)}" if numbered else self._code(one) for number, one in enumerate(value, 1)]
        return "\n".join(lines)

    def _code(self, value: ImageValue) -> str:
        self.found.append(value)
        return self._written(len(self.found) - 1)

    def _written(self, number: int) -> str:
        return f"\ue000{self.salt}:{number}\ue001"

    def placed(self, text: str, cuts: Cuts | None = None) -> tuple[str, tuple[Image, ...]] | None:
        """Put the marks in the places of the codes. Return None if the text has codes of its own.

        The ends of ``cuts`` move with the text.
        """
        parts = re.split(f"\ue000{self.salt}:([0-9]+)\ue001", text)
        if [int(one) for one in parts[1::2]] != list(range(len(self.found))):
            return None
        out, size, images = [parts[0]], len(parts[0]), []
        grown: list[tuple[int, int]] = []
        coded = size
        for number, (value, behind) in enumerate(zip(self.found, parts[2::2], strict=True), 1):
            image = image_of(value)
            mark = mark_of(image, number)
            images.append(replace(image, at=size, until=size + len(mark)))
            coded += len(self._written(number - 1))
            size += len(mark)
            grown.append((coded, size - coded))
            out += [mark, behind]
            size, coded = size + len(behind), coded + len(behind)
        if cuts is not None:
            cuts.move(grown)
        return "".join(out), tuple(images)


def with_images(render: Callable[[Images], str], cuts: Cuts | None = None) -> tuple[str, tuple[Image, ...]]:
    """Render the template of a message. Return its text, and the images in it. Raises PromptError.

    ``cuts`` are those that ``render`` notes.
    """
    salt = ""
    for _ in range(_TRIES):
        images = Images(salt)
        text = render(images)
        if (found := images.placed(text, cuts)) is not None:
            return found
        salt = sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    raise PromptError("a text of this prompt imitates the places of its images")
