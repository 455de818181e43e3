"""Reads the words of subtitles (.srt), without their numbers and times."""

import re

from flowrun.runtime import InputError
from flowrun.runtime.documents import Reader

_TIMES = re.compile(r"^\d+\r?\n\d\d:\d\d:\d\d,\d{3} --> .*\r?\n", re.MULTILINE)


def read(data, name):
    """Return the text of the bytes. ``name`` is for messages. A file of another kind is an InputError."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{name} is not in UTF-8; save it again as UTF-8") from None
    if text.strip() and not _TIMES.search(text):
        raise InputError(f"{name} has no times, so it is not a file of subtitles")
    return re.sub(r"\n{2,}", "\n", _TIMES.sub("", text).replace("\r\n", "\n")).strip()


READER = Reader("subtitles", (".srt",), read)
