"""The preparation of a scripted run from Python: its flow, checked with the script, and its inputs."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from flowrun.dsl import Checked, FlowError, Source, dataclass, make_tests, plan_of_test, test_plan
from flowrun.runtime.inputs.python_inputs import check_texts
from flowrun.runtime.session.arguments import given_inputs
from flowrun.runtime.session.loading import check_source, checked_inputs, load, plan_of
from flowrun.runtime.vocabulary.errors import UsageError
from flowrun.runtime.vocabulary.json_value import Json
from flowrun.runtime.vocabulary.quoting import shown
from flowrun.runtime.vocabulary.remarks import unheard

from .bench import Bench, Setting
from .cassette import Cassette
from .cassette_file import load_cassette
from .player import Player
from .runner import problems, unused
from .script_text import Many, ScriptLine, lines_of
from .test_run import Ran

Flow = str | os.PathLike[str] | Source
"""The file of a flow, or its text."""
_Result = TypeVar("_Result")


class ScriptError(AssertionError):
    """The script and the run do not fit: a call without an answer, an answer that no call took or that does not fit.

    ``faults`` has a sentence for each.
    """

    def __init__(self, flow: str, faults: list[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n  ".join([f"the script does not fit the run of `{flow}`:", *faults]))


@dataclass(frozen=True, slots=True)
class Given:
    """The arguments of a scripted run, beside its flow and inputs. ``run_scripted`` describes them."""

    replies: Many | None = None
    externs: Many | None = None
    files: Mapping[str, str] | None = None
    cassette: str | os.PathLike[str] | Cassette | None = None
    of: str | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """A run that can begin."""

    test: test_plan.Test
    setting: Setting
    inputs: Mapping[str, Json]


def prepared(flow: Flow, inputs: Mapping[str, Any] | None, values: Mapping[str, Any], given: Given) -> Prepared:
    """Prepare a run. Raises UsageError, FlowError and InputError, as ``run_scripted`` does."""
    known = load(_must_be_flow(flow))
    name = plan_of(known, given.of).flow
    source = known.file.flows[0].name.span.source
    checked = _with_script(source, name, list(lines_of(given.replies, given.externs, given.files)))
    test = make_tests(checked)[-1]
    plan = plan_of_test(checked, test)
    folder = Path(source.name).parent
    all_inputs = given_inputs(plan, inputs, values)
    check_texts(plan.params, all_inputs, folder, unheard)
    setting = Setting(Bench(plan), folder, other=_player(given.cassette, folder))
    return Prepared(test, setting, checked_inputs(plan, all_inputs))


def _must_be_flow(flow: object) -> str | os.PathLike[str] | Source:
    """Raise UsageError if this is no flow that can have a script."""
    if isinstance(flow, str) and ("\n" in flow or ("{" in flow and not os.path.exists(flow))):
        raise UsageError("the flow is the path of a file, and this looks like the text of one: give it as Source(text)")
    if isinstance(flow, str | os.PathLike | Source):
        return flow
    raise UsageError(f"give a flow as the path of its file, or as Source(text); found {shown(repr(flow), 60)}")


def _player(given: str | os.PathLike[str] | Cassette | None, folder: Path) -> Player | None:
    if given is None or isinstance(given, Cassette):
        return None if given is None else Player(given, f"of {given.flow}")
    if not isinstance(given, str | os.PathLike) or isinstance(path := os.fspath(given), bytes):
        raise UsageError(
            f"`cassette` is the path of a file, or what `load_cassette` returns; found {shown(repr(given))}"
        )
    return Player(load_cassette(folder / path), os.path.basename(path))


def _with_script(source: Source, flow: str, lines: list[ScriptLine], expected: str = "result == result") -> Checked:
    """Check a file with the script as one more test, which expects what always holds.

    Raises UsageError for a line that is not possible.
    """
    title = "scripted"
    while f'"{title}"' in source.text:
        title += "_"
    text = source.text.removesuffix("\n")
    # The table stands for the inputs, which come from Python.
    head = [f'test "{title}" of {flow} {{', '  cases "inputs.jsonl"']
    script = [*head, *(f"  {line.text}" for line in lines), f"  expect {expected}", "}"]
    first = text.count("\n") + 2 + len(head)
    try:
        return check_source(Source("\n".join([text, *script, ""]), source.name))
    except FlowError as error:
        # The file had no error without the script.
        one = next(one for one in error.diagnostics if one.severity == "error")
        if one.code == "F0647" and expected == one.span.text:
            # A result with images is not compared.
            return _with_script(source, flow, lines, "calls >= 0")
        number = one.span.line - first
        given = lines[number].given if 0 <= number < len(lines) else "the keys of the script"
        more = "".join(f"; {part}" for part in (one.note, one.help) if part)
        raise UsageError(f"{given}: {one.message}{more}") from None


def check_script(ran: Ran) -> None:
    """Raise ScriptError, if the script does not fit the run."""
    __tracebackhide__ = True
    faults = [*problems(ran)] or unused(ran)
    if faults:
        told = (
            "\n    ".join([f"{one.place.text}: {one.message}" if one.place is not None else one.message, *one.differs])
            for one in faults
        )
        raise ScriptError(ran.plan.flow, list(dict.fromkeys(told)))


def beside(run: Callable[..., _Result], *folders: Path) -> Callable[..., _Result]:
    """Return a function like ``run_scripted`` for files beside a test: a relative path starts in the first folder that
    has the file."""
    return partial(_beside, run, folders)


def _beside(
    run: Callable[..., _Result], folders: tuple[Path, ...], flow: Flow, /, *inputs: Any, **options: Any
) -> _Result:
    __tracebackhide__ = True
    if isinstance(flow, str | os.PathLike) and not os.path.isabs(flow):
        flow = next((path for folder in folders if (path := folder / flow).is_file()), flow)
    cassette = options.get("cassette")
    if isinstance(cassette, str | os.PathLike) and not os.path.isabs(cassette):
        own = [Path(flow).parent] if isinstance(flow, str | os.PathLike) else []
        found = (path.absolute() for folder in (*own, *folders) if (path := folder / cassette).is_file())
        options["cassette"] = next(found, cassette)
    return run(flow, *inputs, **options)
