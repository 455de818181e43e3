"""The conformance suite of document readers."""

from __future__ import annotations

import random
from collections.abc import Mapping

from flowrun.runtime.documents import Reader
from flowrun.runtime.vocabulary.errors import InputError

from .faults import Faults, is_plain, shown

_NAME = "`a file`"
_DAMAGES = 40


def check_reader(reader: Reader, samples: Mapping[bytes, str] | None = None) -> None:
    """Check that a reader keeps its rules. ``samples`` are documents, each with a text that the reader must find in it.

    A reader returns a text that can be written in UTF-8, and always the same text for the same bytes. For bytes that
    are no document of its kind, or a damaged one, it returns a text or raises an InputError that names the file.

    Raises: NonconformityError.
    """
    faults = Faults(f"the reader {reader.name!r}")
    faults.unless(bool(reader.name.strip()), "it has no name")
    faults.unless(bool(reader.suffixes), "it has no suffix")
    for suffix in reader.suffixes:
        sound = suffix == "" or (suffix.startswith(".") and suffix == suffix.lower())
        faults.unless(sound, f"its suffix {suffix!r} does not begin with a point, or is not in small letters")
    dice = random.Random(reader.name)
    junk = [b"", b"\n", b"plain text", b"\xff\xfe\x00", b"\x00" * 64, bytes(range(256)), dice.randbytes(2000)]
    for data in junk:
        _read(reader, data, faults)
    for data, wanted in (samples or {}).items():
        text = _read(reader, data, faults)
        faults.unless(text is not None and wanted in text, f"it does not read {shown(wanted)} in {shown(data)}")
        for _ in range(_DAMAGES):
            at = dice.randrange(len(data)) if data else 0
            _read(reader, data[:at], faults)
            _read(reader, data[:at] + dice.randbytes(1) + data[at + 1 :], faults)
    faults.finish()


def _read(reader: Reader, data: bytes, faults: Faults) -> str | None:
    try:
        faults.unless(isinstance(reader.is_heavy(data), bool), "`is_heavy` returns no bool")
        text = reader.read(data, _NAME)
    except InputError as error:
        faults.unless(_NAME in str(error), f"its error does not name the file: {error}")
        return None
    except Exception as error:  # noqa: BLE001 (whatever it raises is the finding)
        faults.add(f"for {shown(data)} it raises {type(error).__name__}, and not an InputError: {error}")
        return None
    if not faults.unless(isinstance(text, str), f"it returns no text: {shown(text)}"):
        return None
    faults.unless(is_plain(text) and _is_unicode(text), f"its text has parts that are no characters, for {shown(data)}")
    faults.unless(reader.read(data, _NAME) == text, "it reads the same bytes differently the second time")
    return text


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
