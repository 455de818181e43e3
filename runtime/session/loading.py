"""The reading and checking of flow files and their inputs. Commands that send nothing need only this."""

from __future__ import annotations

import os
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import TYPE_CHECKING

from flowrun.dsl import Catalog, Checked, Examined, Load, Source, check_flow, did_you_mean, examine_flow

from ..catalog import catalog_for
from ..files.files import Files, read_plain
from ..files.project import project_file
from ..vocabulary.errors import InputError, UsageError
from ..vocabulary.json_value import Json
from ..vocabulary.remarks import Tell, unheard

if TYPE_CHECKING:
    from flowrun.dsl import LintSettings
    from flowrun.dsl import plan as p


def load(flow: str | os.PathLike[str] | Source, catalog: Catalog | None = None) -> Checked:
    """Read and check a flow file, or the text of one, with the files that it imports.

    The checked file can be run many times without being read again. ``catalog`` replaces the catalog of the installed
    reducers, splitters and providers. Raises InputError if the file cannot be read, FlowError if it has errors,
    UsageError if the argument is not a path.
    """
    if isinstance(flow, Source):
        return check_source(flow, catalog=catalog)
    if not isinstance(flow, str | os.PathLike) or isinstance(path := os.fspath(flow), bytes):
        from ..documents.value_words import described

        raise UsageError(
            "give a flow as the path of its file, as a file that `load` has checked, or as a plan; found "
            + described(flow)
        )
    if "\n" in path or ("{" in path and not os.path.exists(path)):
        raise UsageError(
            "this value must be a path, and it looks like the text of a flow: give the text as load(Source(text))"
        )
    return check_source(Source(read_plain(Path(path)), path), catalog=catalog)


def check_source(
    source: Source, read: MutableMapping[str, Source] | None = None, *, catalog: Catalog | None = None
) -> Checked:
    """Check the text of a flow file, and the files that it imports from its folder. Raises FlowError.

    ``read`` has the sources that are already read, by the names of their files. Files that are read here are added to
    it.
    """
    imports = _imports_of(source, {} if read is None else read)
    return check_flow(source, catalog or installed(source), imports, lints_of(source.name))


def examine_source(source: Source, read: MutableMapping[str, Source], lints: LintSettings | None = None) -> Examined:
    """Check a flow file as ``check_source`` does, and keep the labels of its flows. It raises no FlowError."""
    return examine_flow(source, installed(source), _imports_of(source, read), lints)


def lints_of(name: str) -> LintSettings | None:
    """Return the settings of lints of a file's project. None if it has none.

    Raises UsageError if the project's file is not valid.
    """
    if project_file(name) is None:
        return None
    from ..files.lint_settings import lint_settings  # few projects have a file of settings

    return lint_settings(name)


def installed(source: Source) -> Catalog:
    """Return the catalog of what is installed here, and of the endpoints that the user and the project declare."""
    return catalog_for(source.name, os.environ)


def _imports_of(source: Source, known: MutableMapping[str, Source]) -> Load:
    """Return the reader of the files that a flow file imports."""
    folder = Path(source.name).parent
    files = Files(folder)

    def imported(path: str) -> Source | str:
        name = (folder / path).as_posix()
        try:
            if name not in known:
                known[name] = Source(files.read_flow(path), name)
            return known[name]
        except UsageError as error:
            return str(error)

    return imported


def plan_of(checked: Checked, flow: str | None = None) -> p.Plan:
    """Make the plan of a file's last flow, or of the flow with this name.

    Raises UsageError if there is no such flow.
    """
    if not isinstance(checked, Checked) or not isinstance(flow, str | None):
        from ..documents.value_words import described

        raise UsageError(
            "a plan is made of a file that `load` has checked, and of the name of one of its flows; found "
            + " and ".join(map(described, (checked,) if flow is None else (checked, flow)))
        )
    from flowrun.dsl import make_plan

    try:
        return make_plan(checked, flow)
    except KeyError:
        known = [one.name.text for one in checked.file.flows]
    if not known:
        raise UsageError("this file has no flow, only types for other files")
    guess = did_you_mean(flow or "", known) or "there are " + ", ".join(f"`{name}`" for name in known)
    raise UsageError(f"no flow is called `{flow}`; {guess}")


def checked_inputs(plan: p.Plan, given: Mapping[str, Json], *, tell: Tell = unheard) -> dict[str, Json]:
    """Check inputs against a plan's parameters, and return them as typed values. Raises InputError.

    ``tell`` gets the remarks of the reader of a ``Path``.
    """
    # These imports load the readers of documents.
    from ..documents.stored_rows import StoredRows
    from ..inputs.inputs import check_value
    from .images import paged_inputs

    params = {param.name: param for param in plan.params}
    for name in given:
        if name not in params:
            known = ", ".join(params) or "none"
            raise InputError(f"the flow `{plan.flow}` has no parameter `{name}`; its parameters: {known}")
    missing = [param.name for param in plan.params if param.required and param.name not in given]
    if missing:
        raise InputError(f"the flow `{plan.flow}` needs " + " and ".join(f"`{name}`" for name in missing))
    values = {}
    with paged_inputs(plan):
        for name, value in given.items():
            type_ = params[name].type
            values[name] = value if isinstance(value, StoredRows) else check_value(value, type_, f"`{name}`", tell)
    return values
