"""The marks around foreign texts in a prompt. A text cannot end its own mark, or that of another one.

The mark of a text holds a digest of it: an equal text has an equal mark in each run, so its answer has the same key in
the journal. Telling a model which part of a prompt is data is known as spotlighting (arXiv 2403.14720).
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256

from flowrun.dsl import pattern

LENGTH = 16
"""The hexadecimal digits of a mark."""
_MOST = 32
"""The most texts of a request that have marks of their own. In a request with more, all have the same mark."""
_DIGITS = pattern(f"[0-9a-f]{{{LENGTH},}}")


class Fences:
    """The foreign texts of one request.

    A prompt is rendered twice: first each text is ``add``ed, and after ``close`` each is written with its marks.
    """

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._digits = ""
        self._shared = ""
        self._known: dict[str, str] = {}
        self._closed = False
        self.steady = True
        """True if the mark of each text depends on that text alone."""

    def write(self, text: str) -> str:
        """Return the text as the prompt shows it."""
        if not self._closed:
            self.texts.append(text)
            return text
        if text not in self._known:
            self._known[text] = self._shared or self._mark((text,))
        mark = self._known[text]
        return f"<data-{mark}>{text}</data-{mark}>"

    def close(self) -> None:
        """Choose the marks: all texts of the request are known."""
        self._closed = True
        self._digits = " ".join(found[0] for text in self.texts for found in _DIGITS.finditer(text.lower()))
        if len(self.texts) > _MOST:
            self._shared = self._mark(self.texts)
            self.steady = False

    def _mark(self, texts: Iterable[str]) -> str:
        digest = sha256()
        for text in texts:
            digest.update(f"{len(text)}:".encode())
            digest.update(text.encode("utf-8", "surrogatepass"))
        while (mark := digest.hexdigest()[:LENGTH]) in self._digits:
            digest.update(b"next")
            self.steady = False
        return mark
