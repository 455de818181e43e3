"""`speaker`: what one person says, from a line such as `Ann: Hello.` up to the line of the next person.

turns = split(talk, by: speaker)
"""

import re

from flowrun.runtime.splitters import Splitter

_SPEAKER = re.compile(r"^(?=\w[\w ]{0,30}: )", re.MULTILINE)


def split(text, args):
    """Return the pieces in order. They hold all of the text but blank space, and none of them is blank."""
    return [piece.strip() for piece in _SPEAKER.split(text) if piece.strip()]


SPLITTER = Splitter("speaker", (), split, "what one person says")
