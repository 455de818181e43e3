"""Random texts and quotes of them: respelled, changed, or made up."""

from __future__ import annotations

import unicodedata
from random import Random

from .quote_reference import plain, tokens

WORDS = (
    "not is a fine café cafe\u0301 ﬁne no 1.5 -5 10² 5% $5 non well x שלום مرحبا 日本 語 กข 𝐍𝐨𝐭 한국 x\u0302 é\u0323 "
    "\u1112\u1161\u11ab can't l’eau e.g. … ... Ⅳ ℃ _a_ 😀 ½ 3 2020 fi ﬀ"
).split()
GLUE = [
    *(" ", " ", " ", "\n", "\r\n", "  ", "\u00a0", "\u2028", "\t", "\f", ""),
    *("-", "-\n", "- ", "–", "—", " — ", "--", "-\r\n", "\u2011", "\u00ad", "\u00ad\n", "\u200b\u00ad\n", "-\u00ad\n"),
    *("\u200b", ".", ",", ": ", "“", "”", "'", '"', "«", "»", "\u00b4", "_", "%", "[...]", "/", "\u0301"),
]
AROUND = ['"{}"', "…{}", "{}...", "“{}”", "[...] {}"]


def random_text(random: Random, most: int = 7) -> str:
    return "".join(random.choice(WORDS) + random.choice(GLUE) for _ in range(random.randint(1, most)))


def respelled(random: Random, text: str) -> str:
    """Write a text in another way that a quote may use."""
    said = ""
    for part in tokens(text):
        chars = part.chars
        composed = unicodedata.normalize("NFC", chars)
        ways = {
            "blank": [" ", "\n", "  ", "\u00a0\n", chars],
            "dash": [chars, "-", "–"],
            "soft": ["", "-", "\u00ad"],
            "letter": [chars, composed, unicodedata.normalize("NFD", chars), "".join(map(plain, composed))],
        }
        said += random.choice(ways[part.kind])
        if random.random() < 0.1:
            said += random.choice("\u200b\u00ad\ufeff")
    return said


def changed(random: Random, text: str) -> str:
    """Leave some characters out, or put others in their place."""
    start = random.randrange(len(text))
    return text[:start] + random.choice(["", "x", " ", "…"]) + text[start + random.randint(1, 4) :]


def random_quote(random: Random, text: str) -> str:
    start = random.randrange(len(text))
    said = text[start : random.randint(start + 1, len(text))]
    way = random.random()
    if way < 0.6:
        said = respelled(random, said)
    if 0.5 < way < 0.8 and said:
        said = changed(random, said)
    elif way > 0.9:
        said = random_text(random, 2)
    return random.choice(AROUND).format(said) if random.random() < 0.1 else said
