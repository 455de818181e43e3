"""The form of a list as one file for each element: the names of the files, their ending and their texts."""

from __future__ import annotations

from flowrun.dsl import did_you_mean, types

from ..vocabulary.errors import DiskError, UsageError
from ..vocabulary.json_value import Json
from ..vocabulary.quoting import shown
from .cells import is_plain, told
from .forms import TEXTS, Form

_OPEN = (types.JSON, types.UNKNOWN)


class Elements:
    """The files of the elements of an answer. ``suffix`` ends their names and sets their form."""

    def __init__(self, type_: types.Type, field: str, option: str, suffix: str = "", *, raw: bool = False) -> None:
        """Check that an answer of this type has such elements.

        ``field`` is the field that names the files, "" if the elements are numbered. ``option`` is the option that
        sets it, for messages. Without ``suffix`` texts go to .md files, and other elements to .json files. A .md or
        .txt file may take a record that has one text besides its name: then it takes this text. Raises UsageError.
        """
        inner = types.unwrapped(type_)
        if not isinstance(inner, types.ListOf) and inner not in _OPEN:
            raise UsageError(
                f"a folder takes one file for each element of a list, and the answer is {told(type_)}: give the name "
                "of a file, such as answer.json"
            )
        item = types.unwrapped(inner.item) if isinstance(inner, types.ListOf) else types.JSON
        self.field = field
        self._text = ""
        if field:
            self._check_field(item, option)
        item = types.plain(item)
        self.suffix = suffix or (".md" if item in (types.TEXT, types.DOCUMENT) else ".json")
        if self.suffix in TEXTS and field and isinstance(item, types.Record):
            others = [one for one in item.fields if one.name != field]
            if len(others) == 1 and types.plain(types.unwrapped(others[0].type)) == types.TEXT:
                self._text, item = others[0].name, types.TEXT
        self.form = Form(f"*{self.suffix}", item, raw=raw)

    def name(self, element: Json) -> Json:
        """Return the value that names the file of an element. None if it has none."""
        found = element.get(self.field) if self.field and isinstance(element, dict) else None
        return None if isinstance(found, dict | list) else found

    def text(self, element: Json) -> str:
        """Return the text of the file of an element. Raises DiskError if its form cannot hold the element."""
        return self.form.whole(element[self._text] if self._text and isinstance(element, dict) else element)

    @staticmethod
    def of(value: Json) -> list[Json]:
        """Return the elements of an answer. Raises DiskError if it is no list, although its type allowed for one."""
        if value is None:
            return []
        if not isinstance(value, list):
            raise DiskError("a folder takes one file for each element of a list, and the answer is no list")
        return value

    def _check_field(self, item: types.Type, option: str) -> None:
        if item in _OPEN:
            return
        if not isinstance(item, types.Record | types.Union):
            raise UsageError(f"{option} names a field, and the elements of the answer have none: leave it out")
        found = next((one for one in item.fields if one.name == self.field), None)
        names = [one.name for one in item.fields]
        if found is None:
            guess = did_you_mean(self.field, names) or f"its fields are {', '.join(map(shown, names))}"
            raise UsageError(f"{option}: an element of the answer has no field {shown(self.field)}; {guess}")
        if not is_plain(found.type) and types.unwrapped(found.type) not in _OPEN:
            raise UsageError(f"{option}: the field {shown(self.field)} is {told(found.type)}, and no name")
