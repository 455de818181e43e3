"""The named commands, each a module of this folder. They are found without click, and none is loaded."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from ..registry.modules import binding, binds, text_of

_FOLDER = __name__.rpartition(".")[0]
# Only help needs them, and Python keeps the patterns that it has compiled.
_SHORT_HELP = r'^@click\.(?:command|group)\([^)]*?\bshort_help="([^"\n]*)"'
_DOCSTRING = r'\A\s*"""(?:`[^`\n]*`: )?([^\n"]*)'


class _Commands(Mapping[str, str]):
    """Every named command, with its line of help.

    A command is a module of this folder that binds ``command``. Its line is the ``short_help`` of its decorator, or
    else the first line of the module. Both are read from the source text. The module is loaded only when the command is
    called.
    """

    def __getitem__(self, name: str) -> str:
        if name not in self:
            raise KeyError(name)
        text = text_of(_FOLDER, name)
        found = re.search(_SHORT_HELP, text, re.MULTILINE) or re.match(_DOCSTRING, text)
        return found[1] if found else ""

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and not name.startswith("_") and binds(_FOLDER, name, "command")

    def __iter__(self) -> Iterator[str]:
        return iter(binding(_FOLDER, "command"))

    def __len__(self) -> int:
        return len(binding(_FOLDER, "command"))


COMMANDS = _Commands()
