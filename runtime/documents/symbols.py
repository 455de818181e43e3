"""The signs of the fonts Symbol, Wingdings and Wingdings 2. These fonts have their own numbers for signs.

Word writes such signs as `w:sym`, or as letters in Unicode's range for private use.
"""

from __future__ import annotations

_GREEK = "ΑΒΧΔΕΦΓΗΙϑΚΛΜΝΟΠΘΡΣΤΥςΩΞΨΖ"
_SYMBOL = {
    **{0x41 + place: letter for place, letter in enumerate(_GREEK)},
    **{0x61 + place: letter for place, letter in enumerate("αβχδεφγηιϕκλμνοπθρστυϖωξψζ")},
    **{0x30 + digit: str(digit) for digit in range(10)},
    **{ord(sign): sign for sign in "!#%&()+,./:;<=>?[]_{|} "},
    **dict(
        zip(
            (0x22, 0x24, 0x27, 0x2A, 0x2D, 0x40, 0x5C, 0x5E, 0x7E, 0xA0, 0xA2, 0xA3, 0xA4, 0xA5, 0xA6),
            "∀∃∋∗−≅∴⊥∼€′≤⁄∞ƒ",
            strict=True,
        )
    ),
    **{0xA7 + place: sign for place, sign in enumerate("♣♦♥♠↔←↑→↓°±″≥×∝∂•÷≠≡≈…")},
    **dict(
        zip(
            (0xC0, 0xC4, 0xC5, 0xC6, 0xC7, 0xC8, 0xC9, 0xCA, 0xCB, 0xCC, 0xCD, 0xCE, 0xCF),
            "ℵ⊗⊕∅∩∪⊃⊇⊄⊂⊆∈∉",
            strict=True,
        )
    ),
    **{0xD0 + place: sign for place, sign in enumerate("∠∇®©™∏√⋅¬∧∨⇔⇐⇑⇒⇓◊〈®©™∑")},
    0xF2: "∫",
}
_WINGDINGS = {
    **dict(zip((0x4A, 0x4B, 0x4C, 0x46, 0x45, 0x47, 0x48, 0x22, 0x28, 0x2A), "☺😐☹☞☜☝☟✂☎✉", strict=True)),
    **dict(zip((0x6C, 0x6D, 0x6E, 0x6F, 0x70, 0x71, 0x72, 0x75, 0x76, 0x77), "●❍■□❐❑❒◆❖⬥", strict=True)),
    **{0x81 + place: sign for place, sign in enumerate("①②③④⑤⑥⑦⑧⑨⑩")},
    **{0x8C + place: sign for place, sign in enumerate("❶❷❸❹❺❻❼❽❾❿")},
    **dict(zip((0x9F, 0xA1, 0xA7, 0xA8, 0xAB, 0xB6, 0xD8, 0xDC), "•○▪◻★☆➢➲", strict=True)),
    **{0xDF + place: sign for place, sign in enumerate("←→↑↓↖↗↙↘")},
    **dict(zip((0xE8, 0xEF, 0xF0, 0xF1, 0xF2, 0xF3, 0xF4), "➔⇦⇨⇧⇩⬄⇳", strict=True)),
    **dict(zip((0xFB, 0xFC, 0xFD, 0xFE), "✗✓☒☑", strict=True)),
}
_WINGDINGS_2 = {
    **dict(zip((0x4F, 0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56), "✗✓☒☑☒☒⊗⊗", strict=True)),
    **dict(zip((0xA3, 0x97, 0x98, 0x99, 0x9A), "□●●●●", strict=True)),
}
_FONTS = {"symbol": _SYMBOL, "wingdings": _WINGDINGS, "wingdings 2": _WINGDINGS_2}
_PRIVATE = 0xF000


def sign(font: str, code: str) -> str:
    """Return a font's sign for a hexadecimal number. An unknown sign is described by a few words instead."""
    try:
        number = int(code, 16)
    except ValueError:
        number = -1
    return _sign(font, number) or f"[sign {code[:8]} of {font[:40]}]"


def translated(text: str, font: str) -> str:
    """Translate a text in one of these fonts. Other texts stay as they are."""
    if font.strip().lower() not in _FONTS or text.isascii():
        return text
    return "".join(_sign(font, ord(one)) or one if _PRIVATE <= ord(one) < _PRIVATE + 256 else one for one in text)


def _sign(font: str, number: int) -> str:
    table = _FONTS.get(font.strip().lower())
    if table is not None:
        return table.get(number - _PRIVATE if number >= _PRIVATE else number, "")
    if "dings" not in font.lower():
        # This is a font of letters, so the number is that of the character.
        return chr(number) if 0x20 <= number < 0xD800 and number not in range(0x7F, 0xA0) else ""
    return ""
