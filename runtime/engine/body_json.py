"""The forms in JSON of the bodies that run elsewhere: what goes there, and what comes back.

A value that is more than its JSON, such as a model or a word that knows its probability, is written as a record with
the field ``KIND``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from flowrun.dsl import ImageValue

from ..values.model_values import ModelValue
from ..values.rules import FileText, RuleValue
from ..values.sure import SureWord, sureness
from ..vocabulary.cascade_tally import CascadeTally, StageTally
from ..vocabulary.error_forms import error_json, error_of
from ..vocabulary.json_value import Json
from ..vocabulary.tally import Classes, Contest, Panel, Tally
from .body_terms import BodyScope, LaunchBody
from .decisions import BodyOver, Failure

KIND = "\u0000kind"
"""The field that tells the kind of a value. An ordinary record with this field is written as the kind "record"."""


def value_json(value: Json) -> Json:
    """Return a value as JSON. ``value_of`` makes it again."""
    kind = type(value)
    if kind is str or kind is int or kind is float or kind is bool or value is None:
        return value
    if kind is list or kind is tuple:
        return [value_json(one) for one in value]
    if kind is dict:
        inside = {name: value_json(one) for name, one in value.items()}
        return {KIND: "record", "of": inside} if KIND in value else inside
    return _special(value)


def _special(value: Json) -> Json:
    if isinstance(value, ModelValue):
        options = [[name, value_json(one)] for name, one in value.options]
        return {KIND: "model", "of": [value.name, value.address, options, value.fallback]}
    if isinstance(value, SureWord):
        return {KIND: "sure", "of": [str(value), sureness(value)]}
    if isinstance(value, ImageValue | FileText):
        kind = "image" if isinstance(value, ImageValue) else "file"
        return {KIND: kind, "of": {name: value_json(one) for name, one in value.items()}}
    if isinstance(value, RuleValue):
        return {KIND: "rule", "of": [value.rule, _values(value.args)]}
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int | float):
        return int(value) if isinstance(value, int) else float(value)
    if isinstance(value, Mapping):
        return value_json(dict(value))
    return [value_json(one) for one in value]


def value_of(form: Json) -> Json:
    if type(form) is list:
        return [value_of(one) for one in form]
    if type(form) is not dict:
        return form
    if KIND not in form:
        return {name: value_of(one) for name, one in form.items()}
    of = form["of"]
    match form[KIND]:
        case "model":
            options = tuple((name, value_of(one)) for name, one in of[2])
            return ModelValue(of[0], of[1], options, of[3])
        case "sure":
            word = SureWord(of[0])
            word._sure = of[1]
            return word
        case "rule":
            return RuleValue(of[0], _values_of(of[1]))
        case "image":
            return ImageValue(_values_of(of))
        case "file":
            return FileText(_values_of(of))
    return _values_of(of)


def _values(given: Mapping[str, Json]) -> dict[str, Json]:
    return {name: value_json(one) for name, one in given.items()}


def _values_of(form: Mapping[str, Json]) -> dict[str, Json]:
    return {name: value_of(one) for name, one in form.items()}


_TALLY = tuple("planned discarded adaptive asked counted settled of missing unsent stands unit".split())


def tally_json(tally: Tally) -> dict[str, Json]:
    form = {name: getattr(tally, name) for name in _TALLY}
    return {
        **form,
        "contest": None if tally.contest is None else asdict(tally.contest),
        "winner": value_json(tally.winner),
        "first": value_json(tally.first),
        "ballots": [[value_json(answer), votes] for answer, votes in tally.ballots],
        "values": [value_json(one) for one in tally.values],
        "panel": _panel_json(tally.panel),
        "classes": _classes_json(tally.classes),
    }


def _classes_json(classes: Classes | None) -> Json:
    if classes is None:
        return None
    texts = [[value_json(text) for text in one] for one in classes.texts]
    return [texts, classes.questions, classes.failed, classes.asymmetric, classes.intransitive]


def _classes_of(form: Json) -> Classes | None:
    if form is None:
        return None
    texts, *figures = form
    return Classes(tuple(tuple(value_of(text) for text in one) for one in texts), *figures)


def _panel_json(panel: Panel | None) -> Json:
    if panel is None:
        return None
    said = [[[value_json(answer), value_json(value), count] for answer, value, count in one] for one in panel.said]
    return [list(panel.items), said]


def _panel_of(form: Json) -> Panel | None:
    if form is None:
        return None
    items, said = form
    each = (tuple((value_of(answer), value_of(value), count) for answer, value, count in one) for one in said)
    return Panel(tuple(items), tuple(each))


def tally_of(form: Mapping[str, Json]) -> Tally:
    return Tally(
        winner=value_of(form["winner"]),
        first=value_of(form["first"]),
        ballots=tuple((value_of(answer), votes) for answer, votes in form["ballots"]),
        values=tuple(value_of(one) for one in form["values"]),
        contest=None if form["contest"] is None else Contest(**form["contest"]),
        panel=_panel_of(form["panel"]),
        **{name: form[name] for name in _TALLY},
        classes=_classes_of(form["classes"]),
    )


def cascade_json(cascade: CascadeTally) -> list[Json]:
    return [
        [
            one.name,
            one.end,
            one.calls,
            {model: None if used is None else list(used) for model, used in one.used.items()},
        ]
        for one in cascade.stages
    ]


def cascade_of(form: list[Any]) -> CascadeTally:
    return CascadeTally(
        tuple(
            StageTally(name, end, calls, {m: None if one is None else (one[0], one[1]) for m, one in used.items()})
            for name, end, calls, used in form
        )
    )


def failure_json(failure: Failure) -> dict[str, Json]:
    error = None if failure.error is None else error_json(failure.error)
    return {"path": failure.path, "reason": failure.reason, "error": error, "ballot": failure.ballot}


def failure_of(form: Mapping[str, Json]) -> Failure:
    error = None if form["error"] is None else error_of(form["error"])
    return Failure(form["path"], form["reason"], error, form["ballot"])


def scope_json(scope: BodyScope) -> dict[str, Json]:
    return {
        "number": scope.number,
        "step": scope.step,
        "values": _values(scope.values),
        "tallies": {name: tally_json(one) for name, one in scope.tallies.items()},
        "flow": scope.flow,
        "path": scope.path,
        "patient": scope.patient,
        "items": scope.items,
    }


def scope_of(form: Mapping[str, Any]) -> BodyScope:
    tallies = {name: tally_of(one) for name, one in form["tallies"].items()}
    values = _values_of(form["values"])
    around = form["flow"], form["path"], form["patient"], form["items"]
    return BodyScope(form["number"], form["step"], values, tallies, *around)


def launch_json(launch: LaunchBody) -> list[Json]:
    """Return the launch of a body as JSON. Of its scope it has the number alone."""
    given = _values(launch.given)
    return [launch.number, launch.scope.number, launch.index, given, launch.path, launch.coming]


def launch_of(form: list[Json], scopes: Mapping[int, BodyScope]) -> LaunchBody:
    """Make the launch of a body. ``scopes`` has the scopes that arrived before it, by their numbers."""
    number, scope, index, given, path, coming = form
    return LaunchBody(number, scopes[scope], index, _values_of(given), path, coming)


def over_json(over: BodyOver) -> Json:
    """Return the end of a body as JSON. Nearly all have a value and nothing else, and their form is short."""
    if over.failure is None and not (over.tallies or over.losses or over.tokens or over.calls or over.cascades):
        return [over.number, value_json(over.value)]
    return {
        "number": over.number,
        "value": value_json(over.value),
        "failure": None if over.failure is None else failure_json(over.failure),
        "tallies": {path: tally_json(one) for path, one in over.tallies.items()},
        "losses": [failure_json(one) for one in over.losses],
        "tokens": {model: None if one is None else list(one) for model, one in over.tokens.items()},
        "calls": over.calls,
        **({"cascades": {path: cascade_json(one) for path, one in over.cascades.items()}} if over.cascades else {}),
    }


def over_of(form: Any) -> BodyOver:
    """Make the end of a body that ``over_json`` has written."""
    if type(form) is list:
        number, value = form
        return BodyOver(number, value_of(value))
    tallies, losses = form["tallies"], form["losses"]
    return BodyOver(
        form["number"],
        value_of(form["value"]),
        None if form["failure"] is None else failure_of(form["failure"]),
        {path: tally_of(one) for path, one in tallies.items()} if tallies else {},
        tuple(failure_of(one) for one in losses) if losses else (),
        {model: None if one is None else (one[0], one[1]) for model, one in form["tokens"].items()},
        form["calls"],
        {path: cascade_of(one) for path, one in form.get("cascades", {}).items()},
    )
