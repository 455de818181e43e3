"""The run of a flow from Python with scripted answers: no event loop, no network, and virtual time."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import field
from typing import Any

from flowrun.dsl import dataclass
from flowrun.runtime.account.summary import Summary
from flowrun.runtime.engine.decisions import Outcome
from flowrun.runtime.session.run_end import Ended
from flowrun.runtime.vocabulary.json_value import Json

from .cassette import Cassette
from .runner import play
from .script_text import Many
from .scripted_setup import Flow, Given, check_script, prepared


@dataclass(frozen=True, slots=True)
class ScriptedCall:
    """A request of a scripted run: the path of its ask, all its messages as one text, and the answer that it got."""

    path: str
    prompt: str
    answer: str


@dataclass(frozen=True, slots=True)
class ScriptedResult(Ended):
    """The result of a scripted run. ``value`` is plain JSON data, None if the flow could not make a value.

    ``outcome`` has the end of the flow, ``summary`` the account of the run. ``calls`` has the requests in their order.
    """

    value: Json
    outcome: Outcome = field(repr=False)
    summary: Summary = field(repr=False)
    calls: tuple[ScriptedCall, ...]

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
    flow: Flow,
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
    ready = prepared(flow, inputs, values, Given(replies, externs, files, cassette, of))
    ran = play(ready.test, ready.setting, ready.inputs)
    check_script(ran)
    book = ran.source.book
    calls = tuple(
        ScriptedCall(one.path, "\n".join(message.text for message in given.call.messages), _plain(one.answer))
        for given, one in zip(book.given, book.calls, strict=True)
    )
    return ScriptedResult(ran.outcome.value, ran.outcome, ran.source.meter.summary, calls)


def _plain(answer: str) -> str:
    """Return the text that an answer in JSON is, such as a choice. Any other answer stays as it is."""
    if not answer.startswith('"'):
        return answer
    try:
        value = json.loads(answer)
    except ValueError:
        return answer
    return value if isinstance(value, str) else answer
