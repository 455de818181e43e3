"""The page of a run that goes on: the page of a report that also listens to a server, and the changes sent to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from flowrun.dsl import dataclass, types

from ..account.causes import Causes, FailureCause
from ..vocabulary.json_value import Json
from ..vocabulary.run_record import RunRecord
from .assembly import LIVE_SCRIPTS, assemble
from .ballots import Votes
from .data import VERSION, calls_data, page_data, run_data, votes_data
from .graph import graph_data, graph_html
from .head import Figures, duration
from .inputs import Inputs
from .losses import losses_data
from .markup import account_html, head_html, safe
from .outside import outside_html
from .packing import pack, page_json
from .quotes import quotes_html
from .strings import Strings
from .timeline import WORDS

LISTENS = "; connect-src 'self'"
"""The only thing that the policy of a live page allows besides that of a report: to listen to its own server."""


@dataclass(frozen=True, slots=True)
class Changes:
    """The changes of a run since a page last heard of it.

    ``record`` has only the calls that changed, the tallies of all votes, and the failures that ended steps. ``votes``
    are the paths of the votes that changed. ``causes`` group all other losses. ``version`` is the state that a page has
    with these changes. ``flying`` counts the calls under way. ``waiting`` tells what calls wait for. ``models`` are the
    addresses that were asked so far, and ``began`` is the time of the first event, in ms. ``left_out`` says that the
    run has more calls than a live page holds. ``behind`` says that further changes wait, because these are many.
    """

    record: RunRecord
    votes: Sequence[str]
    figures: Figures
    causes: Sequence[FailureCause]
    version: int
    flying: int
    waiting: str
    models: Sequence[str]
    began: int
    left_out: bool
    behind: bool


@dataclass(frozen=True, slots=True)
class QuestionShown:
    """A question to a person as a live page shows it. ``number`` names it in the answer."""

    number: int
    path: str
    text: str
    words: tuple[str, ...]
    type: types.Type

    @property
    def free(self) -> bool:
        """True if the answer is typed, and not only chosen."""
        inner = types.unwrapped(self.type)
        return inner != self.type or not (isinstance(inner, types.Choice) or inner == types.BOOL)


def live_page(changes: Changes, inputs: Inputs) -> str:
    """Make the page of a run that goes on. ``changes`` are those since the run began. Calls may follow as updates."""
    record = changes.record
    strings = Strings(foreign=True)
    data = _parts(changes, inputs, strings) | {
        "run": run_data(record, changes.figures, strings),
        "value": 0,
        "flow": strings.foreign(record.text),
        "graph": graph_data(record),
    }
    return assemble(
        {
            "title": safe(f"{record.plan.flow} (running) · flowrun"),
            "head": head_html(record),
            "account": account_html(record, texts=True),
            "quotes": quotes_html(record, texts=True),
            "outside": outside_html(record, texts=True),
            "graph": graph_html(record),
            "data": pack(data | {"strings": strings.all}),
        },
        scripts=LIVE_SCRIPTS,
        extra=LISTENS,
    )


def changes_json(changes: Changes, inputs: Inputs, questions: Sequence[QuestionShown] | None = None) -> bytes:
    """Write changes as the page's script takes them. The JSON has no line break.

    ``questions`` are all open questions to people, None if they are as before.
    """
    strings = Strings(foreign=True)
    parts = _parts(changes, inputs, strings)
    if questions is not None:
        parts["questions"] = [_question(one, strings) for one in questions]
    return page_json(parts | {"strings": strings.all})


def _question(one: QuestionShown, strings: Strings) -> dict[str, Json]:
    return {
        "number": one.number,
        "path": strings.foreign(one.path),
        "text": strings.foreign(one.text),
        "form": strings.foreign(types.show(one.type)),
        "words": [strings.foreign(word) for word in one.words],
        "free": one.free,
    }


def final_json(record: RunRecord, version: int) -> bytes:
    """Write the whole run after its end, with which the live page becomes the report."""
    live: dict[str, Json] = {"version": version, "over": True, "flying": 0, "waiting": "", "leftOut": False}
    return page_json(page_data(record) | {"live": live})


def _parts(changes: Changes, inputs: Inputs, strings: Strings) -> dict[str, Json]:
    record, votes = changes.record, Votes(changes.record)
    return {
        "version": VERSION,
        "texts": True,
        "figures": asdict(changes.figures),
        **calls_data(record.calls, changes.figures, votes, inputs, strings),
        "votes": votes_data(votes, changes.votes, inputs.names, strings),
        "losses": losses_data(_causes(changes), len(record.end.losses), lambda cause: "", inputs.names, strings),
        "timeline": _timeline(changes),
        "live": {
            "version": changes.version,
            "over": False,
            "flying": changes.flying,
            "waiting": strings.foreign(changes.waiting),
            "leftOut": changes.left_out,
        },
    }


def _causes(changes: Changes) -> list[FailureCause]:
    causes = Causes()
    for loss in changes.record.end.losses:
        causes.add(loss.path, loss.reason)
    return [*changes.causes, *causes]


def _timeline(changes: Changes) -> dict[str, Json]:
    """Return the timeline without its critical path and its gaps, which a run has only at its end."""
    groups: dict[str, list[str]] = {}
    for model in changes.models:
        groups.setdefault(model.partition(":")[0], []).append(model)
    now = changes.began + changes.figures.ms
    return {
        "lanes": [{"name": name, "models": list(models)} for name, models in groups.items()],
        "stretches": [[changes.began, now]],
        "path": [],
        "gaps": [],
        "timed": len(changes.models),
        "untimed": 0,
        "spent": {},
        "spentInAll": {},
        "words": {str(cause): words for cause, words in WORDS.items()},
        "told": [f"The run takes {duration(changes.figures.ms)} so far."],
    }
