"""The functions of values, which expressions call and prompts use as filters. None for an argument is no argument."""

from __future__ import annotations

import json
import math
import re
from typing import Any

from .failures import Failure


def text_in(value: Any) -> str:
    if not isinstance(value, str):
        raise Failure("a function takes a text, and this is none")
    return value


def list_in(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise Failure("a function takes a list, and this is none")
    return value


def path_of(element: Any, by: str | None) -> Any:
    """Return the field of an element, or the element itself without a field. A missing field is None."""
    for part in by.split(".") if by is not None else ():
        element = element.get(part) if isinstance(element, dict) else None
    return element


def needed(value: Any) -> Any:
    if value is None:
        raise Failure("a function needs all elements, and one is missing")
    return value


def stripped(value: Any, chars: str | None = None) -> str:
    return text_in(value).strip(chars)


def lower(value: Any) -> str:
    return text_in(value).lower()


def upper(value: Any) -> str:
    return text_in(value).upper()


def capitalized(value: Any) -> str:
    return text_in(value).capitalize()


def titled(value: Any) -> str:
    parts = re.split(r"([-\s({\[<]+)", text_in(value))
    return "".join(part[0].upper() + part[1:].lower() for part in parts if part)


def contains(value: Any, part: Any) -> bool:
    if isinstance(value, str):
        return text_in(part) in value
    return part in list_in(value)


def starts_with(value: Any, part: Any) -> bool:
    return text_in(value).startswith(text_in(part))


def ends_with(value: Any, part: Any) -> bool:
    return text_in(value).endswith(text_in(part))


def replaced(value: Any, old: Any, new: Any) -> str:
    if not text_in(old):
        raise Failure("`replace` takes a text to look for, and this one is empty")
    return text_in(value).replace(old, text_in(new))


def lines_of(value: Any) -> list[str]:
    return text_in(value).splitlines()


def words_of(value: Any) -> list[str]:
    return text_in(value).split()


def length(value: Any) -> int:
    if not isinstance(value, str | list | dict):
        raise Failure("`length` takes a text, a list or a record")
    return len(value)


def truncated(value: Any, length: int = 255, killwords: bool = False, end: str = "...", leeway: int = 5) -> str:
    if length < len(end) or leeway < 0:
        raise Failure("`truncate` takes a `length` that is at least that of its `end`, and a `leeway` from 0")
    whole = text_in(value)
    if len(whole) <= length + leeway:
        return whole
    cut = whole[: length - len(end)]
    return (cut if killwords else cut.rsplit(" ", 1)[0]) + end


def indented(value: Any, width: int = 4, first: bool = False) -> str:
    pad = " " * min(width, 80)
    lines = text_in(value).split("\n")
    return "\n".join(pad + line if line and (first or number) else line for number, line in enumerate(lines))


def joined(value: Any, separator: str | None = None) -> str:
    parts = [one if isinstance(one, str) else written(needed(one)) for one in list_in(value)]
    return ("\n" if separator is None else separator).join(parts)


def written(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def finite(made: Any) -> Any:
    if made is not None and (not math.isfinite(made) or (isinstance(made, int) and made.bit_length() > 10_000)):
        raise Failure("the result of a function is too large")
    return made


def rounded(value: Any, precision: int = 0, method: str = "common") -> Any:
    if not isinstance(value, int | float) or not 0 <= precision <= 12:
        raise Failure("`round` takes a number, and a precision from 0 to 12")
    if method == "common":
        return round(value, precision)
    turned = math.ceil if method == "ceil" else math.floor
    return turned(value * 10**precision) / 10**precision


def absolute(value: Any) -> Any:
    return abs(value)


def total(value: Any, by: str | None = None, start: Any = 0) -> Any:
    return finite(sum(numbers_in(value, by), start))


def numbers_in(value: Any, by: str | None) -> list[Any]:
    found = [needed(path_of(one, by)) for one in list_in(value)]
    if not all(isinstance(one, int | float) for one in found):
        raise Failure("a function takes numbers")
    return found


def average(value: Any, by: str | None = None) -> Any:
    found = numbers_in(value, by)
    whole = all(isinstance(one, int) for one in found)
    return finite((sum(found) if whole else math.fsum(found)) / len(found)) if found else None


def smallest(value: Any) -> Any:
    found = [needed(one) for one in list_in(value)]
    return min(found) if found else None


def greatest(value: Any) -> Any:
    found = [needed(one) for one in list_in(value)]
    return max(found) if found else None


def first_part(value: Any, n: int | None = None) -> Any:
    return next(iter(value), None) if n is None else list_in(value)[:n]


def last_part(value: Any, n: int | None = None) -> Any:
    if n is None:
        return value[-1] if value else None
    return list_in(value)[-n:] if n else []


def backwards(value: Any) -> Any:
    return value[::-1] if isinstance(value, str) else list_in(value)[::-1]


def unique(value: Any, case_sensitive: bool = False, by: str | None = None) -> list[Any]:
    seen: dict[Any, Any] = {}
    for one in value:
        key = path_of(one, by)
        seen.setdefault(key.lower() if isinstance(key, str) and not case_sensitive else key, one)
    return list(seen.values())


def same_key(value: Any) -> Any:
    """Return a key that equal values share, and no others. True is not 1; 1 and 1.0 are equal."""
    if value is None or type(value) in (str, int, float):
        return value
    return (bool, value) if isinstance(value, bool) else (dict, json.dumps(plain_numbers(value), sort_keys=True))


def plain_numbers(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: plain_numbers(one) for name, one in value.items()}
    if isinstance(value, list):
        return [plain_numbers(one) for one in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def deduped(value: Any, by: str | None = None) -> list[Any]:
    seen: dict[Any, Any] = {}
    for one in list_in(value):
        seen.setdefault(same_key(path_of(one, by)), one)
    return list(seen.values())


def in_order(value: Any, descending: bool = False, case_sensitive: bool = False, by: str | None = None) -> list[Any]:
    def key(element: Any) -> Any:
        found = needed(path_of(element, by))
        return found.lower() if isinstance(found, str) and not case_sensitive else found

    return sorted(value, key=key, reverse=descending)


def rank_by(value: Any, by: str, top: int | None = None, order: str = "high") -> list[Any]:
    sign = 1 if order == "low" else -1
    numbered = [(sign * path_of(one, by), one) for one in list_in(value) if path_of(one, by) is not None]
    numbered.sort(key=lambda pair: pair[0])
    return [*(one for _, one in numbered), *(one for one in value if path_of(one, by) is None)][:top]


def grouped(value: Any, by: str) -> list[dict[str, Any]]:
    groups: dict[Any, dict[str, Any]] = {}
    for row in list_in(value):
        key = path_of(row, by)
        groups.setdefault(same_key(key), {"key": key, "items": []})["items"].append(row)
    return list(groups.values())
