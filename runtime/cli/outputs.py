"""The outputs of a run: `--output FILE` for the answer, and `--output.NAME FILE` for a field of it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from flowrun.dsl import did_you_mean, pattern, types

from ..api import Result
from ..files.urls import is_url, url_place
from ..vocabulary.errors import DiskError, UsageError
from ..vocabulary.quoting import shown
from .paths import PathThatIs, to_file

if TYPE_CHECKING:
    from ..outputs.target import Source
    from .answer_folder import AnswerFolder
    from .answer_url import AnswerUrl
    from .output import AnswerFile

HELP = (
    "Write the answer to FILE. Its ending sets the form: .json, .jsonl (line by line), .csv, .tsv, .txt or .md. "
    "FOLDER/ takes a file for each element of a list, and 'FOLDER/*.md' sets their ending."
)
FIELDS = "Write one field of the answer to FILE. Give it for several fields."
NAME_FROM = "Name the files in FOLDER/ by this field of each element. With --output.NAME write --name-from.NAME."
RAW = "Do not mark texts of a .csv or .tsv file that look like formulas."
_OF_FIELD = pattern(r"--(output|name-from)\.([^=]+)")
_META = "flowrun.outputs"


class AnswerPlace(NamedTuple):
    """A place for an answer: a file or a folder, also of objects if its ``url`` is given."""

    path: Path
    is_folder: bool
    suffix: str = ""
    url: str = ""


class AnswerPath(PathThatIs):
    """The path of a file for an answer. It is a folder if it ends in a slash, or in ``*`` and an ending of files."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if isinstance(value, AnswerPlace):
            return value
        if isinstance(value, str) and is_url(value):
            return _url_of(value)
        path = super().convert(value, param, ctx)
        if path.stem == "*" and path.suffix:
            return AnswerPlace(path.parent, True, path.suffix.lower())
        return AnswerPlace(path, str(value).endswith(("/", os.sep)))


def _url_of(url: str) -> AnswerPlace:
    folder, _, last = url.rpartition("/")
    if last.startswith("*.") and len(last) > 2:
        return AnswerPlace(url_place(folder), True, last[1:].lower(), url=f"{folder}/")
    return AnswerPlace(url_place(url), not last, url=url)


def output_options() -> list[click.Parameter]:
    """Return the options of a command that writes an answer. The command must be a ``WithOutputs``."""
    return [
        click.Option(["--output", "-o"], type=AnswerPath(), metavar="FILE|FOLDER/", help=HELP),
        click.Option(["--output.NAME", "of_field"], metavar="FILE|FOLDER/", expose_value=False, help=FIELDS),
        click.Option(["--name-from"], metavar="FIELD", help=NAME_FROM),
        click.Option(["--raw"], is_flag=True, help=RAW),
    ]


class WithOutputs(click.Command):
    """A command that takes `--output.NAME` and `--name-from.NAME`, whatever the names are."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        found = (_OF_FIELD.match(word) for word in args)
        ctx.meta[_META] = {(one[1], one[2]): None for one in found if one is not None}
        return super().parse_args(ctx, args)

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        params = super().get_params(ctx)
        extra = [_field_option(kind, field, number) for number, (kind, field) in enumerate(ctx.meta.get(_META, ()))]
        known = {flag for one in extra for flag in one.opts}
        return [*(one for one in params if not known.intersection(one.opts)), *extra]


def _field_option(kind: str, field: str, number: int) -> click.Option:
    def keep(ctx: click.Context, param: click.Parameter, value: Any) -> None:
        ctx.meta[_META][kind, field] = value

    return click.Option(
        [f"--{kind}.{field}", f"of_field_{number}"],
        type=AnswerPath() if kind == "output" else click.STRING,
        hidden=True,
        expose_value=False,
        callback=keep,
    )


class WantedOutputs(NamedTuple):
    """The outputs that a command line names. The places are by field; "" is the whole answer."""

    places: Mapping[str, AnswerPlace]
    names: Mapping[str, str]
    raw: bool

    @classmethod
    def given(cls, output: AnswerPlace | None, name_from: str | None, raw: bool) -> WantedOutputs:
        """Collect the outputs of the command that is running. Raises UsageError if an option has no output."""
        places = {} if output is None or to_file(output.path) is None else {"": output}
        names = {} if name_from is None else {"": name_from}
        for (kind, field), value in click.get_current_context().meta.get(_META, {}).items():
            if value is None:
                continue  # the word was the value of another option
            if kind == "name-from":
                names[field] = value
            elif to_file(value.path) is None:
                raise UsageError(f"--output.{field} needs the name of a file, because standard output has the answer")
            else:
                places[field] = value
        if raw and not places:
            raise UsageError("--raw works only with a .csv or .tsv file: name the file with --output")
        for field in names:
            if field not in places or not places[field].is_folder:
                raise UsageError(
                    f"{_option('name-from', field)} needs a folder: write {_option('output', field)} FOLDER/"
                )
        return cls(places, names, raw)

    @property
    def files(self) -> list[Path]:
        """The files that the outputs name, without folders and URLs."""
        return [place.path for place in self.places.values() if not place.is_folder and not place.url]

    def __bool__(self) -> bool:
        return bool(self.places)


class Outputs:
    """The outputs of a run, opened before anything is paid.

    ``take`` is the function that takes the elements of the answer one by one; None if the answer is needed as a whole.
    """

    def __init__(
        self, wanted: WantedOutputs, type_: types.Type, sources: Iterable[Source], others: Iterable[Path] = ()
    ) -> None:
        """Prepare all outputs for an answer of ``type_``.

        ``sources`` are the files that the run reads, ``others`` the other files that the command writes. Raises
        UsageError, DiskError; nothing is open then.
        """
        self._stack = ExitStack()
        self._parts: dict[str, AnswerFile | AnswerFolder | AnswerUrl] = {}
        sources = tuple(sources)
        written = [Path(os.path.realpath(one)) for one in (*wanted.files, *others)]
        with ExitStack() as opening:
            for field, place in wanted.places.items():
                part = _opened(wanted, field, place, _type_of(type_, field), sources, written)
                opening.enter_context(part)
                self._parts[field] = part
            _must_differ(self._parts)
            if wanted.raw and not any(one.form.is_table for one in self._parts.values()):
                raise UsageError("--raw works only with a .csv or .tsv file, and no output is one")
            self._stack = opening.pop_all()

    def __enter__(self) -> Outputs:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def take(self) -> Callable[[Any], None] | None:
        whole = self._parts.get("")
        return whole.row if whole is not None and whole.by_line else None

    def finish(self, result: Result) -> tuple[list[str], list[str]]:
        """Write the answer to its places. Return remarks on that for the user, and the failures."""
        remarks: list[str] = []
        failures: list[str] = []
        for field, part in self._parts.items():
            if not result.outcome.complete:
                remarks.append(part.left())
                continue
            value = result.value if not field else result.value.get(field) if result.value is not None else None
            try:
                remarks.append(part.finish(value, handed=result.handed and not field))
            except (DiskError, UsageError) as error:
                failures.append(str(error))
                remarks.append(part.left())
        return [one for one in remarks if one], failures


def _opened(
    wanted: WantedOutputs,
    field: str,
    place: AnswerPlace,
    type_: types.Type,
    sources: tuple[Source, ...],
    written: list[Path],
) -> AnswerFile | AnswerFolder | AnswerUrl:
    if place.url and not place.is_folder:
        from .answer_url import AnswerUrl

        return AnswerUrl(place.url, type_, sources, raw=wanted.raw, field=field)
    if not place.is_folder:
        if os.path.isdir(place.path):
            folder = shown(f"{place.path}/")
            raise DiskError(
                f"{shown(str(place.path))} is a folder, not a file; for a file for each element of a list write "
                f"{folder}"
            )
        from .output import AnswerFile

        return AnswerFile(place.path, type_, sources, raw=wanted.raw, field=field)
    names, option = wanted.names.get(field, ""), _option("name-from", field)
    from ..outputs.elements import Elements
    from .answer_folder import AnswerFolder

    elements = Elements(type_, names, option, place.suffix, raw=wanted.raw)
    return AnswerFolder(place.path, elements, sources, written, url=place.url)


def _type_of(type_: types.Type, field: str) -> types.Type:
    """Return the type of a field of the answer, or of the whole answer for "". Raises UsageError."""
    if not field:
        return type_
    record = types.as_record(types.unwrapped(type_))
    if not isinstance(record, types.Record):
        raise UsageError(
            f"--output.{field} writes a field of a record, and the answer of this flow is of type {types.show(type_)}: "
            f"write --output, or let the flow return a record such as {{ {field} }}"
        )
    names = [one.name for one in record.fields]
    found = next((one for one in record.fields if one.name == field), None)
    if found is None:
        guess = did_you_mean(field, names) or f"its fields are {', '.join(map(shown, names))}"
        raise UsageError(f"--output.{field}: the answer of this flow has no field {shown(field)}; {guess}")
    return found.type


def _must_differ(parts: Mapping[str, AnswerFile | AnswerFolder | AnswerUrl]) -> None:
    """Raise UsageError if two outputs have one file or one folder."""
    seen: dict[str, str] = {}
    for field, part in parts.items():
        if part.place and part.place in seen:
            both = " and ".join(_option("output", one) for one in (seen[part.place], field))
            raise UsageError(f"{both} name one place: give each its own")
        seen[part.place] = field


def _option(kind: str, field: str) -> str:
    return f"--{kind}.{field}" if field else f"--{kind}"
