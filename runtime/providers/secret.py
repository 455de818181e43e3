"""The search for the key in foreign text. Messages hide it. An answer that contains it is found but not edited."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator
from functools import lru_cache
from hashlib import sha256
from math import log2
from urllib.parse import quote

from flowrun.dsl import pattern

SHOWN = "[key]"
_LONG = 16
_SHORT = 4
_DISTINCT = 6
_BITS = 32.0
# No word has this many letters in a row of one case.
_WORD = 20
_WINDOW = 1024 * 1024
_ESCAPE = pattern(r"\\(?:u([0-9a-fA-F]{4})|([\"\\/]))")


class Secret:
    """A key, and the forms in which a server may send it back.

    A key is ``real`` if it is long and not a word. Users give local servers a word such as ``ollama``, ``EMPTY`` or
    ``none`` as a key. A text that contains such a word reveals nothing.
    """

    def __init__(self, key: str) -> None:
        self.real = len(key) >= _LONG and len(set(key)) >= _DISTINCT and _bits(key) >= _BITS
        self._forms = _forms(key) if self.real else ()
        self._longest = 6 * max(map(len, self._forms), default=0)
        self._shortest = min(map(len, self._forms), default=0)
        # A word is the key only where the text presents it as one: "Incorrect API key provided: ollama". A number or
        # two letters are nobody's secret.
        self._named = (
            None
            if len(key) < _SHORT
            else pattern(
                r"(?i:(?:bearer|api[-_ ]?key|key|token|authorization)[^\w\n]{0,8}"
                r"(?:(?:provided|given|is|was|of)[^\w\n]{1,4})?)(?<!\w)" + f"({re.escape(key)})" + r"(?!\w)"
            )
        )

    def hide(self, text: str) -> str:
        """Return the text of a message with the key replaced by ``[key]``."""
        if not self.real:
            return (
                text if self._named is None else self._named.sub(lambda found: found[0][: -len(found[1])] + SHOWN, text)
            )
        if "\\" in text and not self._plainly(text) and self._plainly(plain := _unescaped(text)):
            text = plain
        for form in self._forms:
            text = text.replace(form, SHOWN)
        return text

    def carried_by(self, text: str) -> bool:
        """Tell whether the text contains a real key: plain, escaped as in JSON or an address, in base64 or in hex."""
        # Most texts to search are the short names of requests.
        if not self.real or len(text) < self._shortest:
            return False
        return self._plainly(text) or ("\\" in text and any(map(self._plainly, self._windows(text))))

    def _windows(self, text: str) -> Iterator[str]:
        """Yield a large text without its escapes, in pieces that overlap by more than the longest form of the key."""
        for at in range(0, len(text), _WINDOW):
            yield _unescaped(text[max(0, at - self._longest) : at + _WINDOW])

    def _plainly(self, text: str) -> bool:
        return any(form in text for form in self._forms)


@lru_cache(maxsize=64)
def secret(key: str) -> Secret:
    return Secret(key)


def digest_of(text: str) -> str:
    """Return the length and the digest of a text, in words. They replace a text that cannot be kept."""
    digest = sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{len(text):,} character{'s' * (len(text) != 1)}, SHA-256 {digest}"


def _forms(key: str) -> tuple[str, ...]:
    raw = key.encode()
    forms = [key, quote(key, safe=""), raw.hex(), raw.hex().upper()]
    for shift in range(3):
        # The characters at both ends of the base64 depend on the text around the key.
        head, over = (0, 2, 3)[shift], (shift + len(raw)) % 3
        encoded = b64encode(b"\0" * shift + raw).decode().rstrip("=")
        core = encoded[head : len(encoded) - 1 if over else None]
        forms += [core, core.replace("+", "-").replace("/", "_")]
    return tuple(dict.fromkeys(forms))


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(lambda found: chr(int(found[1], 16)) if found[1] else found[2], text)


def _bits(key: str) -> float:
    """Estimate how many bits of a key nobody can guess.

    A word counts as none. Any other part counts by its length and by the kinds of its characters.
    """
    bits = 0.0
    for part in re.split(r"[-_.: ]+", key):
        if part.isalpha() and (part.islower() or part.isupper() or part.istitle()) and len(part) < _WORD:
            continue
        kinds = (
            26 * any(char.islower() for char in part)
            + 26 * any(char.isupper() for char in part)
            + 10 * any(char.isdigit() for char in part)
            + 8 * (not part.isalnum())
        )
        bits += len(part) * log2(max(2, kinds)) if part else 0.0
    return bits
