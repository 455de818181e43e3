"""The proof of reach that can fail: one element of an untrusted source is hostile, and all requests are compared.

The run with the hostile element gets the answers of the clean run wherever its request is the same, byte for byte.
Where the request differs, the answer is the attacker's.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from flowrun.dsl import Labels, LabelSource, dataclass, labels_of, test_plan
from flowrun.dsl import types as t
from flowrun.runtime.catalog import catalog
from flowrun.runtime.engine.decisions import Call
from flowrun.runtime.vocabulary.call import Answer, Request
from flowrun.runtime.vocabulary.errors import UsageError
from flowrun.runtime.vocabulary.json_value import Json
from flowrun.runtime.vocabulary.quoting import one_line, shown

from .answer_book import Given, Scripted
from .bench import Setting
from .cassette import Cassette
from .hostile import TEXT, hostile_answer, poisoned
from .places import Spot
from .reached_places import ReachedPlaces, Requested, Requests
from .runner import play
from .script_text import Many
from .scripted_setup import Flow, check_script, prepared
from .scripted_setup import Given as Script
from .test_run import Ran

MOST_TOLD = 8
"""The most requests that a message lists."""
_EMPTY = Answer("")


@dataclass(frozen=True, slots=True)
class ChangedRequest:
    """A request that a hostile element changed.

    ``element`` is the number of the element, None if the source is one element. ``before`` is the prompt of the clean
    run, None if it does not send the request; ``after`` is that of the other run.
    """

    path: str
    source: str
    element: int | None
    before: str | None
    after: str | None


class PoisonError(AssertionError):
    """A hostile element changed requests outside of its reach. ``changed`` has them."""

    def __init__(self, changed: Sequence[ChangedRequest]) -> None:
        self.changed = tuple(changed)
        told = [_told(one) for one in changed[:MOST_TOLD]]
        more = [f"and {len(changed) - MOST_TOLD:,} more"] if len(changed) > MOST_TOLD else []
        super().__init__("\n  ".join(["a hostile element changed requests outside of its reach:", *told, *more]))


def _told(one: ChangedRequest) -> str:
    which = one.source if one.element is None else f"{one.source}[{one.element}]"
    if one.before is None or one.after is None:
        return f"`{which}` decides whether `{one.path}` is asked"
    return f"`{which}` changes `{one.path}`: {shown(one_line(one.before))} became {shown(one_line(one.after))}"


@dataclass(frozen=True, slots=True)
class Poisoning:
    """The result of a proof that held. ``runs`` counts the hostile runs, ``changed`` has the requests in the reach."""

    runs: int
    changed: tuple[ChangedRequest, ...]

    def paths(self, source: str = "", element: int | None = None) -> list[str]:
        """Return the paths of the requests that a source changed, or one element of it, each once."""
        found = [one.path for one in self.changed if source in ("", one.source) and element in (None, one.element)]
        return list(dict.fromkeys(found))


class Poisoner:
    """The proof for one flow with one script."""

    def __init__(self, test: test_plan.Test, setting: Setting, inputs: Mapping[str, Json], text: str = TEXT) -> None:
        self.test, self.setting, self.inputs, self.text = test, setting, inputs, text
        self.plan = setting.bench.plan
        self.labels: Labels = labels_of(self.plan, catalog())
        self.clean = play(test, setting, inputs)
        self._places = ReachedPlaces(self.plan, self.labels, text)
        self._known: dict[tuple[str, Request], list[Given]] = {}
        self._answers = {given.spot.path: given.what for given in self.clean.source.book.given}
        for given in self.clean.source.book.given:
            self._known.setdefault((given.spot.path, given.call.request), []).append(given)

    def prove(self, source: str = "", element: int | None = None) -> Poisoning:
        """Make each element of each source hostile, one after another, or only those that are named.

        Raises PoisonError; UsageError if there is no such element.
        """
        before = _requests(self.clean)
        inside: list[ChangedRequest] = []
        outside: list[ChangedRequest] = []
        runs = 0
        for one, number, inputs in self._attacks(source, element):
            for answer in (hostile_answer, _no_answer):
                runs += 1
                after = _requests(self._attacked(inputs, answer))
                for path, within in self._places.changed(one.key, number, before, after):
                    changed = ChangedRequest(path, one.name, number, _prompt(before, path), _prompt(after, path))
                    (inside if within else outside).append(changed)
        if not runs:
            raise UsageError(self._why(source, element))
        if outside:
            raise PoisonError(list(dict.fromkeys(outside)))
        return Poisoning(runs, tuple(dict.fromkeys(inside)))

    def _attacks(self, source: str, element: int | None) -> Iterator[tuple[LabelSource, int | None, dict[str, Json]]]:
        params = {param.name: param.type for param in self.plan.params}
        for one in self.labels.sources.values():
            if one.kind != "parameter" or one.flow or source not in ("", one.name) or one.name not in self.inputs:
                continue
            value, type_ = self.inputs[one.name], t.unwrapped(params[one.name])
            if isinstance(type_, t.ListOf) and isinstance(value, list | tuple):
                for number, item in enumerate(value):
                    if element in (None, number):
                        items = [*value]
                        items[number] = poisoned(item, type_.item, self.text)
                        yield one, number, {**self.inputs, one.name: items}
            elif element is None:
                yield one, None, {**self.inputs, one.name: poisoned(value, type_, self.text)}

    def _why(self, source: str, element: int | None) -> str:
        names = [one.name for one in self.labels.sources.values() if one.kind == "parameter" and not one.flow]
        if not names:
            return f"the flow `{self.plan.flow}` has no untrusted parameter: there is nothing to poison"
        if source and source not in names:
            return f"`{source}` is no untrusted parameter of `{self.plan.flow}`: these are {', '.join(names)}"
        which = "" if element is None else f" with the number {element}"
        return f"`{source or names[0]}` has no element{which}: there is nothing to poison"

    def _attacked(self, inputs: Mapping[str, Json], hostile: Callable[[Request, str, str], Answer]) -> Ran:
        turns: dict[tuple[str, Request], int] = {}

        def answer(call: Call, spot: Spot) -> Scripted:
            key = (spot.path, call.request)
            known = self._known.get(key)
            if known is None:
                before = self._answers.get(spot.path)
                return Scripted(hostile(call.request, before.text if isinstance(before, Answer) else "", self.text))
            turn = turns[key] = turns.get(key, -1) + 1
            return Scripted(known[min(turn, len(known) - 1)].what)

        return play(replace(self.test, replies=()), replace(self.setting, other=answer), inputs)


def _no_answer(request: Request, known: str, text: str) -> Answer:
    """Return an answer that fits no form."""
    return _EMPTY


def _requests(ran: Ran) -> Requests:
    found: dict[str, Requested] = {}
    for given in ran.source.book.given:
        known = found.get(given.spot.path)
        before = () if known is None else known.requests
        found[given.spot.path] = Requested(given.spot, (*before, given.call.request))
    return found


def _prompt(requests: Requests, path: str) -> str | None:
    if path not in requests:
        return None
    return "\n".join(message.text for request in requests[path].requests for message in request.messages)


def poison(
    flow: Flow,
    inputs: Mapping[str, Any] | None = None,
    /,
    *,
    source: str = "",
    element: int | None = None,
    hostile: str = TEXT,
    replies: Many | None = None,
    externs: Many | None = None,
    files: Mapping[str, str] | None = None,
    cassette: str | os.PathLike[str] | Cassette | None = None,
    of: str | None = None,
    **values: Any,
) -> Poisoning:
    """Prove that hostile elements of untrusted parameters change no request outside of their reach.

    The flow runs with scripted answers, as in ``run_scripted``. Then it runs again for each element of each untrusted
    parameter, with the text ``hostile`` in the place of the element: once with an attacker's answers wherever a request
    is not the same, and once with answers that fit no form. ``source`` and ``element`` name one parameter, and one of
    its elements from 0. An input with the name of an argument, such as ``source``, stands in the mapping ``inputs``.

    Raises PoisonError for a request outside of the reach; UsageError if there is nothing to make hostile; and all that
    ``run_scripted`` raises.
    """
    __tracebackhide__ = True
    ready = prepared(flow, inputs, values, Script(replies, externs, files, cassette, of))
    poisoner = Poisoner(ready.test, ready.setting, ready.inputs, hostile)
    check_script(poisoner.clean)
    return poisoner.prove(source, element)
