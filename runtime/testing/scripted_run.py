"""The run of a flow from Python with scripted answers: no event loop, no network, and virtual time."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import field
from functools import partial
from pathlib import Path
from typing import Any

from flowrun.dsl import Checked, FlowError, Source, dataclass, make_tests, plan_of_test
from flowrun.runtime.account.summary import Summary
from flowrun.runtime.engine.decisions import Failure, Outcome
from flowrun.runtime.inputs.python_inputs import check_texts
from flowrun.runtime.session.arguments import given_inputs
from flowrun.runtime.session.loading import check_source, checked_inputs, load, plan_of
from flowrun.runtime.vocabulary.errors import UsageError
from flowrun.runtime.vocabulary.json_value import Json
from flowrun.runtime.vocabulary.quoting import shown
from flowrun.runtime.vocabulary.remarks import unheard
from flowrun.runtime.vocabulary.tally import Tally

from .bench import Bench, Setting
from .cassette import Cassette
from .cassette_file import load_cassette
from .player import Player
from .ran import Ran
from .runner import play, problems, unused
from .script_text import Many, ScriptLine, lines_of


class ScriptError(AssertionError):
    """The script and the run do not fit: a call without an answer, an answer that no call took or that does not fit.

    ``faults`` has a sentence for each.
    """

    def __init__(self, flow: str, faults: list[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n  ".join([f"the script does not fit the run of `{flow}`:", *faults]))


@dataclass(frozen=True, slots=True)
class ScriptedCall:
    """A request of a scripted run: the path of its ask, all its messages as one text, and the answer that it got."""

    path: str
    prompt: str
    answer: str


@dataclass(frozen=True, slots=True)
class ScriptedResult:
    """The result of a scripted run. ``value`` is plain JSON data, None if the flow could not make a value.

    ``outcome`` has the end of the flow, ``summary`` the account of the run. ``calls`` has the requests in their order.
    """

    value: Json
    outcome: Outcome = field(repr=False)
    summary: Summary = field(repr=False)
    calls: tuple[ScriptedCall, ...]

    @property
    def ok(self) -> bool:
        return self.outcome.complete and not self.outcome.failures and self.outcome.stopped is None

    @property
    def status(self) -> str:
        """``done``, ``partial``, ``failed`` or ``budget``."""
        return self.outcome.status

    @property
    def failures(self) -> tuple[Failure, ...]:
        """The failures that ended steps."""
        return self.outcome.failures

    @property
    def losses(self) -> tuple[Failure, ...]:
        """The failures of elements and samples that the flow went on without."""
        return self.outcome.losses

    @property
    def tallies(self) -> Mapping[str, Tally]:
        """The votes, by the path of their step."""
        return self.outcome.tallies

    @property
    def cost(self) -> float | None:
        """The dollars for the tokens; None if a price is not known."""
        return self.summary.cost

    def prompts(self, path: str = "") -> list[str]:
        """Return the prompts of an ask, or of all asks inside a step. ``path`` is as a call has it, or its beginning.

        Without numbers it stands for all elements and samples. An attempt that was sent again counts as one more.
        """
        return [call.prompt for call in self.calls if _inside(call.path, path)]


def _inside(path: str, wanted: str) -> bool:
    parts, words = path.split("."), wanted.split(".") if wanted else []
    return len(words) <= len(parts) and all(
        word in (part, part.split("[")[0]) for part, word in zip(parts, words, strict=False)
    )


def run_scripted(
    flow: str | os.PathLike[str] | Source,
    inputs: Mapping[str, Any] | None = None,
    /,
    *,
    replies: Many | None = None,
    externs: Many | None = None,
    files: Mapping[str, str] | None = None,
    cassette: str | os.PathLike[str] | Cassette | None = None,
    of: str | None = None,
    **values: Any,
) -> ScriptedResult:
    """Run a flow with scripted answers. Nothing is sent, no Python of an extern runs, and time is virtual.

    ``flow`` is a file or its text; ``of`` names one of its flows, otherwise the last one runs. The inputs are keywords,
    or entries of the mapping ``inputs``. A key of ``replies`` is a path as in a test of a flow, with its condition if
    there is one: ``"kinds[1].k"``, ``"k when mail.id == 3"``. ``externs`` and ``files`` replace what the flow calls and
    reads. Their answers have an order, as in a test. ``cassette`` answers the calls that no key of ``replies`` answers;
    a relative path starts at the folder of the flow. A flow that fails returns a result that is not ok.

    Raises: ScriptError, if a call has no answer or an answer no call; UsageError, if the script is not possible;
    FlowError, if the file has errors; InputError.
    """
    __tracebackhide__ = True
    known = load(_must_be_flow(flow))
    name = plan_of(known, of).flow
    source = known.file.flows[0].name.span.source
    checked = _with_script(source, name, list(lines_of(replies, externs, files)))
    test = make_tests(checked)[-1]
    plan = plan_of_test(checked, test)
    folder = Path(source.name).parent
    given = given_inputs(plan, inputs, values)
    check_texts(plan.params, given, folder, unheard)
    setting = Setting(Bench(plan), folder, other=_player(cassette, folder))
    ran = play(test, setting, checked_inputs(plan, given))
    _check(ran, plan.flow)
    book = ran.source.book
    calls = tuple(
        ScriptedCall(one.path, "\n".join(message.text for message in call.messages), _plain(one.answer))
        for call, one in zip(book.requests, book.calls, strict=True)
    )
    return ScriptedResult(ran.outcome.value, ran.outcome, ran.source.meter.summary, calls)


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


def _plain(answer: str) -> str:
    """Return the text that an answer in JSON is, such as a choice. Any other answer stays as it is."""
    if not answer.startswith('"'):
        return answer
    try:
        value = json.loads(answer)
    except ValueError:
        return answer
    return value if isinstance(value, str) else answer


def run_beside(*folders: Path) -> partial[ScriptedResult]:
    """Return ``run_scripted`` for files beside a test: a relative path starts at the first folder that has the file."""
    return partial(_run_beside, folders)


def _run_beside(
    folders: tuple[Path, ...], flow: str | os.PathLike[str] | Source, /, *inputs: Any, **options: Any
) -> ScriptedResult:
    __tracebackhide__ = True
    if isinstance(flow, str | os.PathLike) and not os.path.isabs(flow):
        flow = next((path for folder in folders if (path := folder / flow).is_file()), flow)
    cassette = options.get("cassette")
    if isinstance(cassette, str | os.PathLike) and not os.path.isabs(cassette):
        own = [Path(flow).parent] if isinstance(flow, str | os.PathLike) else []
        found = (path.absolute() for folder in (*own, *folders) if (path := folder / cassette).is_file())
        options["cassette"] = next(found, cassette)
    return run_scripted(flow, *inputs, **options)


def _with_script(source: Source, flow: str, lines: list[ScriptLine]) -> Checked:
    """Check a file with the script as one more test. Raises UsageError for a line that is not possible."""
    title = "scripted"
    while f'"{title}"' in source.text:
        title += "_"
    text = source.text.removesuffix("\n")
    # The table stands for the inputs, which come from Python.
    head = [f'test "{title}" of {flow} {{', '  cases "inputs.jsonl"']
    script = [*head, *(f"  {line.text}" for line in lines), "  expect result == result", "}"]
    first = text.count("\n") + 2 + len(head)
    try:
        return check_source(Source("\n".join([text, *script, ""]), source.name))
    except FlowError as error:
        # The file had no error without the script.
        one = next(one for one in error.diagnostics if one.severity == "error")
        number = one.span.line - first
        given = lines[number].given if 0 <= number < len(lines) else "the keys of the script"
        more = "".join(f"; {part}" for part in (one.note, one.help) if part)
        raise UsageError(f"{given}: {one.message}{more}") from None


def _check(ran: Ran, flow: str) -> None:
    """Raise ScriptError, if the script does not fit the run."""
    __tracebackhide__ = True
    faults = [*problems(ran)] or unused(ran)
    if faults:
        told = (
            "\n    ".join([f"{one.place.text}: {one.message}" if one.place is not None else one.message, *one.differs])
            for one in faults
        )
        raise ScriptError(flow, list(dict.fromkeys(told)))
