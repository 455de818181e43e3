"""The values that a test gives: its helper values, the texts of files, and the inputs of its flow."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from flowrun.dsl import plan as p
from flowrun.dsl import test_plan, types
from flowrun.runtime.engine.decisions import Read
from flowrun.runtime.engine.scopes import Context
from flowrun.runtime.inputs.file_lists import is_image
from flowrun.runtime.inputs.inputs import check_value
from flowrun.runtime.plans.reads import calls
from flowrun.runtime.values.expressions import ModelValue, Names, evaluate
from flowrun.runtime.vocabulary.errors import FlowrunError, InputError, UsageError
from flowrun.runtime.vocabulary.json_value import Json

from .outside import ScriptedFiles

_READS = frozenset({"file", "files", "lines", "jsonl", "csv"})


class TestLineError(InputError):
    """A line of a test has no value, or a value that does not fit. ``place`` is the place of the line."""

    def __init__(self, message: str, place: test_plan.Place) -> None:
        super().__init__(message)
        self.place = place


class InputNames(Names):
    """The names that the values of a test mention: the models of the file, the helper values, and the row.

    ``files`` are the files that the values read. ``paged`` says that the flow looks at the pages of its documents.
    """

    def __init__(self, test: test_plan.Test, context: Context, row: Mapping[str, Json] | None, folder: Path) -> None:
        self.files = ScriptedFiles(folder, [])
        self.paged = False
        self._context = context
        self._helpers = {helper.name: helper for helper in test.given.helpers}
        self._given: dict[str, Json] = {} if row is None else {"row": row}

    def given(self) -> Mapping[str, Json]:
        """Return the helper values and the row, by name. Raises TestLineError."""
        for name in self._helpers:
            self.value(name)
        return self._given

    def value(self, name: str) -> Json:
        if name in self._given:
            return self._given[name]
        if name in self._helpers:
            helper = self._helpers[name]
            self._given[name] = value_of_line(helper.value, self, helper.place)
            return self._given[name]
        if name in self._context.models:
            return self._context.models[name]
        raise UsageError(f"the name `{name}` is unknown here")

    def call(self, function: str, args: Mapping[str, Json]) -> Json:
        if function == "file" and isinstance(path := args.get("path"), str):
            if is_image(path):
                # An input that is an image takes the path of its file.
                return path
            if self.paged and path.lower().endswith(".pdf"):
                from flowrun.runtime.documents.page_images import paged  # few flows look at pages

                return paged(self.files.resolve(path))
        if function in _READS:
            value = self.files.value_of(Read(0, function, args))
            if isinstance(value, FlowrunError):
                raise value
            return value
        return self._context.functions(function, args, lambda name: None)


def value_of_line(expr: p.Expr, names: Names, place: test_plan.Place) -> Json:
    """Work out a value of a line. Raises TestLineError."""
    try:
        return evaluate(expr, names)
    except TestLineError:
        raise
    except FlowrunError as error:
        raise TestLineError(str(error), place) from None


def text_of_file(line: test_plan.FileReply, names: Names) -> str:
    """Return the text that a line gives to a file. Raises TestLineError."""
    value = value_of_line(line.value, names, line.place)
    if not isinstance(value, str):
        raise TestLineError(f"the text of the file `{line.path}` is not a text", line.place)
    return value


def given_inputs(
    test: test_plan.Test, plan: p.Plan, names: InputNames, row: Mapping[str, Json] | None
) -> dict[str, Json]:
    """Work out the inputs: the columns of the row, then the lines of the test. Raises InputError."""
    given: dict[str, Json] = {}
    names.paged = calls(plan, "pages")
    folder = names.files.folder
    for param in plan.params:
        if param.name in test.given.inputs:
            place = test.given.places.get(param.name, test.place)
            value = value_of_line(test.given.inputs[param.name], names, place)
            try:
                value = _fitted(value, param, folder)
            except FlowrunError as error:
                raise TestLineError(str(error), place) from None
        elif row is not None and param.name in row:
            value = _fitted(row[param.name], param, folder)
        elif param.required:
            where = "the row has no such column, and the test no such line" if row is not None else "the test has none"
            raise InputError(f"the flow `{plan.flow}` needs `{param.name}`: {where}")
        else:
            continue
        given[param.name] = value
    return given


def _fitted(value: Json, param: p.Param, folder: Path) -> Json:
    """Give a value the type of its parameter. Images lie in ``folder`` or below it. Raises InputError."""
    if types.holds_image(param.type):
        from flowrun.runtime.inputs.images import placed  # few flows take images

        value = placed(value, param.type, folder)
    return value if isinstance(value, ModelValue) else check_value(value, param.type, f"`{param.name}`")
