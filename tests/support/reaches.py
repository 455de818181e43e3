"""The reach of a flow's sources in short words, for tests."""

from __future__ import annotations

from math import inf
from pathlib import Path

from flowrun.dsl import Labels, Source, labels_of
from flowrun.runtime.catalog import catalog
from flowrun.runtime.session.loading import check_source, plan_of

HERE = Path(__file__).parent.parent


def labels(text: str, flow: str | None = None) -> Labels:
    return labels_of(plan_of(check_source(Source(text, str(HERE / "x.flow"))), flow), catalog())


def told(found: Labels, part: str) -> str:
    """Return the marks of a part, `STEP.request`, `STEP.presence`, `STEP.ended`, `STEP.value` or `STEP.time`.

    `KIND:STEP.request` names the kind of the place, and `FLOW/STEP.value` the called flow. A mark says its source, its
    relation, its bits (`free` for words of its own), and its channels if they are not the content alone.
    """
    where, _, what = part.rpartition(".")
    flow, _, where = where.rpartition("/")
    kind, _, step = where.rpartition(":")
    places = [one for one in found.places if (one.flow, one.step) == (flow, step) and kind in ("", one.kind)]
    if what == "time":
        return " ".join(sorted({source for place in places for source in place.time}))
    said: list[str] = []
    for place in places:
        for source, mark in sorted(getattr(place, what).items()):
            bits = "" if mark.bits == inf else f" {mark.bits:.1f}"
            free = " free" if mark.free else ""
            channels = "" if mark.named_channels == ("content",) else f" by {'+'.join(mark.named_channels)}"
            many = " many" if mark.many else ""
            word = f"{source} {mark.relation}{many}{bits}{free}{channels}"
            if word not in said:
                said.append(word)
    return ", ".join(said)
