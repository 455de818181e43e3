"""The readers of answers. Each takes a value and its place, and returns the value as its type has it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flowrun.dsl import option_of
from flowrun.runtime.vocabulary.json_text import JsonError, read_json, unfenced

from .failures import BadAnswer

Reader = Callable[[Any, str], Any]


class Misfit(Exception):
    """A value does not fit its type at a place."""

    def __init__(self, place: str, said: str) -> None:
        super().__init__(f"does not fit{f' at `{place[:80]}`' if place else ''}: {said}")


def below(place: str, name: object) -> str:
    return f"{place}.{name}" if place else str(name)


def a_text(value: Any, place: str) -> str:
    if not isinstance(value, str):
        raise Misfit(place, "input should be a valid string")
    return value


def a_bool(value: Any, place: str) -> bool:
    if not isinstance(value, bool):
        raise Misfit(place, "input should be a valid boolean")
    return value


def an_int(value: Any, place: str) -> int:
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise Misfit(place, "input should be a valid integer")
    return value


def a_number(value: Any, place: str) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise Misfit(below(place, "int"), "input should be a valid integer")
    return value


def anything(value: Any, place: str) -> Any:
    return value


def between(low: float, high: float, whole: bool) -> Reader:
    def read(value: Any, place: str) -> Any:
        value = an_int(value, place) if whole else a_number(value, place)
        if value < low:
            raise Misfit(place, f"input should be greater than or equal to {str(low).removesuffix('.0')}")
        if value > high:
            raise Misfit(place, f"input should be less than or equal to {str(high).removesuffix('.0')}")
        return value

    return read


def sized(least: int, most: int | None) -> Reader:
    def read(value: Any, place: str) -> str:
        text = a_text(value, place)
        if len(text) < least:
            raise Misfit(place, f"string should have at least {least} character{'' if least == 1 else 's'}")
        if most is not None and len(text) > most:
            raise Misfit(place, f"string should have at most {most} character{'' if most == 1 else 's'}")
        return text

    return read


def choice(*words: str) -> Reader:
    *most, last = [repr(word) for word in words]
    said = f"{', '.join(most)} or {last}" if most else last

    def read(value: Any, place: str) -> str:
        found = (option_of(value, words) or value) if isinstance(value, str) else value
        if not isinstance(found, str) or found not in words:
            raise Misfit(place, f"input should be {said}".lower())
        return found

    return read


def list_of(item: Reader, least: int = 0, most: int | None = None) -> Reader:
    def read(value: Any, place: str) -> list[Any]:
        value = opened(value)
        if not isinstance(value, list):
            raise Misfit(place, "input should be a valid list")
        found = [item(one, below(place, number)) for number, one in enumerate(value)]
        for limit, words in ((least, "at least"), (most, "at most")):
            if limit is not None and (len(found) < limit if words == "at least" else len(found) > limit):
                items = "item" if limit == 1 else "items"
                raise Misfit(place, f"value should have {words} {limit} {items} after validation, not {len(found)}")
        return found

    return read


def optional(item: Reader) -> Reader:
    return lambda value, place: None if value is None else item(value, place)


def record(fields: dict[str, Reader], lacking: tuple[str, ...] = ()) -> Reader:
    """Return the reader of a record. It may be ``lacking`` some fields, which are None then."""

    def read(value: Any, place: str) -> dict[str, Any]:
        value = opened(value)
        if not isinstance(value, dict):
            raise Misfit(place, "input should be a valid dictionary")
        found = {}
        for name, reader in fields.items():
            if name not in value and name not in lacking:
                raise Misfit(below(place, name), "field required")
            found[name] = reader(value.get(name), below(place, name))
        for name in value:
            if name not in fields:
                raise Misfit(below(place, name), "extra inputs are not permitted")
        return found

    return read


def one_of(tag: str, members: dict[str, Reader]) -> Reader:
    """Return the reader of a record whose tag tells its type."""
    words = " or ".join(f"`{word}`" for word in members)

    def read(value: Any, place: str) -> Any:
        value = opened(value)
        said = value.get(tag) if isinstance(value, dict) else None
        found = option_of(said, tuple(members)) if isinstance(said, str) else None
        if found is None:
            raise Misfit(place, f"`{tag}` must be {words}".lower())
        return members[found](value, below(place, found))

    return read


def opened(value: Any) -> Any:
    """Read a list or record that a model wrote as JSON text inside a text."""
    if not isinstance(value, str):
        return value
    try:
        inner = read_json(value)
    except JsonError:
        return value
    return inner if isinstance(inner, list | dict) else value


def data_answer(reader: Reader) -> Callable[[str], Any]:
    """Return the reader of an answer that is JSON."""

    def read(text: str) -> Any:
        try:
            return reader(read_json(text), "")
        except (JsonError, Misfit) as error:
            raise BadAnswer(text, str(error)) from None

    return read


def text_answer(text: str) -> str:
    return text.strip()


def choice_answer(*words: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        found = text if text in words else option_of(unfenced(text), words)
        if found is None:
            raise BadAnswer(text, "")
        return found

    return read


def sized_answer(least: int, most: int | None) -> Callable[[str], str]:
    def read(text: str) -> str:
        try:
            value = read_json(text)
        except JsonError:
            value = None
        found = (value if isinstance(value, str) else text).strip()
        if len(found) < least or (most is not None and len(found) > most):
            raise BadAnswer(text, f"has {len(found)} characters")
        return found

    return read
