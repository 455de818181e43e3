"""The fix that moves a long text before the element: it moves a paragraph and nothing else."""

from __future__ import annotations

import pytest

from flowrun.dsl import Source, check_flow, format_file
from flowrun.runtime.catalog import catalog

FLOW = """flow review(sections: [text], handbook: document) {
  notes = map section in sections {
    ask \"\"\"
      PROMPT
    \"\"\"
  } reduce collect
  return notes
}
"""


def fixed(*paragraphs: str) -> tuple[str, bool] | None:
    """Return the flow with the change that the lint offers, and whether that is safe."""
    text = FLOW.replace("PROMPT", "\n\n      ".join(paragraphs))
    [found] = check_flow(Source(text), catalog()).warnings[:1]
    assert found.code == "F0767"
    if found.fix is None:
        return None
    for edit in sorted(found.fix.edits, key=lambda one: -one.span.start):
        text = text[: edit.span.start] + edit.text + text[edit.span.end :]
    return text, found.fix.safe


def test_the_fix_moves_the_paragraph_to_the_front() -> None:
    found = fixed("Is this kind?", "{{ section }}", "The handbook:\n      {{ handbook }}", "Answer in one word.")
    assert found is not None
    text, safe = found
    wanted = ("The handbook:\n      {{ handbook }}", "Is this kind?", "{{ section }}", "Answer in one word.")
    assert text == FLOW.replace("PROMPT", "\n\n      ".join(wanted))
    assert safe
    checked = check_flow(Source(text), catalog())
    assert not [one for one in checked.warnings if one.code == "F0767"]
    assert format_file(checked.file) == text


def test_a_comment_before_or_behind_the_ask_silences_it() -> None:
    text = FLOW.replace("PROMPT", "{{ section }}\n\n      {{ handbook }}")
    for silent in (
        text.replace("    ask", "    # flowrun: ignore[F0767]\n    ask"),
        text.replace('    """\n  }', '    """  # flowrun: ignore[F0767]\n  }'),
    ):
        assert silent != text
        assert "F0767" not in [one.code for one in check_flow(Source(silent), catalog()).warnings]


@pytest.mark.parametrize("words", ["Compare the text above with the text below.", "Read the FIRST part."])
def test_words_about_the_order_make_the_fix_a_guess(words: str) -> None:
    found = fixed(words, "{{ section }}", "{{ handbook }}")
    assert found is not None and not found[1]


@pytest.mark.parametrize(
    "paragraphs",
    [
        ("{{ section }} {{ handbook }}",),
        ("{{ section }}", "{{ handbook }} and {{ section }}"),
        ("{% if section %}{{ section }}{% endif %}", "{{ handbook }}"),
        ("{{ section }}", 'It says \\"no\\": {{ handbook }}'),
    ],
)
def test_a_prompt_that_cannot_be_cut_has_no_fix(paragraphs: tuple[str, ...]) -> None:
    assert fixed(*paragraphs) is None
