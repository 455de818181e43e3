"""The help of an editor on cascades and panels: their words, their stages and their items."""

from __future__ import annotations

import pytest

from flowrun.dsl import Source, ide
from flowrun.dsl.ide import Refusal
from flowrun.runtime.catalog import catalog

MAIN = """flow main(q: text, ms: [model]) {
  kind = cascade {
    quick = repeat 2..4 over m in ms { ask m "Spam? {{ q }}" -> spam | fine } reduce ahead(2)
    else ask "Is it? {{ q }}" -> spam | fine when agreement < 1
  }
  team = match kind {
    spam = "none"
    fine = "all"
  }
  each = map m2 in ms { ask m2 "x" } reduce collect
  return { team, each }
}
"""


def view() -> ide.View:
    return ide.look(Source(MAIN, "main.flow"), catalog())


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("cascade {", "Stages, the cheap ones first"),
        ("over m", "The list of a panel"),
        ("quick", "A stage of a cascade."),
        ("m in ms {", "An item of a panel."),
        ("m2 in", "An element."),
        ('spam = "none"', "A branch."),
    ],
)
def test_hover_knows_stages_and_items(place: str, said: str) -> None:
    found = ide.hover(view(), MAIN.index(place) + 1)
    assert found is not None
    assert said in found.text


def test_a_stage_is_not_renamed_for_the_reason_of_a_branch() -> None:
    stage = ide.renamed(view(), MAIN.index("quick") + 1)
    branch = ide.renamed(view(), MAIN.index('spam = "none"') + 1)
    assert isinstance(stage, Refusal) and "the stage `quick`" in stage.reason
    assert isinstance(branch, Refusal) and "a branch of a match" in branch.reason
