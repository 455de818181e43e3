"""The first flows that `flowrun init` writes, each with its tests, a sample of its input, and its commands."""

from __future__ import annotations

from collections.abc import Mapping

from flowrun.dsl import dataclass

_VOTE = """\
# Is this e-mail spam? Ask three times at once and take the majority.
flow is_spam(email: text) {
  verdict = repeat 3 {
    ask "Answer SPAM or NOT only:\\n{{ email }}" -> SPAM | NOT
  } reduce majority

  return verdict
}

# `flowrun test` takes the answers from these lines. It asks no model.
test "two of three votes decide" of is_spam {
  email = "You have won!"
  reply verdict: SPAM, NOT, SPAM
  expect verdict == SPAM
  expect calls == 3
}
"""
_REVIEW = """\
# Review a document: a call for each section, all at once, and then a call that combines the notes.
flow review(document: document) {
  notes = map section in split(document, by: heading) {
    ask \"\"\"
      Name the worst problem of this section in one short sentence: a contradiction, a missing owner, a vague deadline.
      If it is sound, answer: Sound.

      {{ section }}
    \"\"\"
  } reduce ask \"\"\"
    These are the notes of a reviewer on the sections of one document, in order.
    Write the three most serious problems as a numbered list, one sentence each, and nothing else.

    {% for note in results %}- {{ note }}
    {% endfor %}
  \"\"\"

  return notes
}

# `flowrun test` takes the answers from these lines. It asks no model.
test "the last call reads the note on each section" of review {
  document = "# Backups\\n\\nThere are none.\\n\\n# Access\\n\\nEverybody has the same password.\\n"
  reply notes[0].ask: "No backups."
  reply notes[1].ask: "A shared password."
  reply notes: "1. There are no backups."
  expect notes contains "no backups"
  expect asked notes contains "- A shared password."
  expect calls == 3
}
"""
_TABLE = """\
type Message = { id: int, text: text }

# Sort the rows of a table: each message gets a topic and a summary, all messages at once.
flow sort_messages(messages: [Message]) {
  rows = map message in messages {
    topic = ask "Is this message about billing, a bug or something else?\\n{{ message.text }}"
        -> billing | bug | other
    summary = ask "Sum up this message in at most eight words, and write nothing else:\\n{{ message.text }}"
    { id: message.id, topic, summary }
  } reduce collect with errors: skip

  return rows
}

# `flowrun test` takes the answers from these lines. It asks no model.
test "each row has its topic and its summary" of sort_messages {
  messages = [{ id: 1, text: "I paid twice." }, { id: 2, text: "The page is empty." }]
  reply rows[0].topic: billing
  reply rows[0].summary: "Paid twice."
  reply rows[1].topic: bug
  reply rows[1].summary: "An empty page."
  expect rows contains { id: 1, topic: billing, summary: "Paid twice." }
  expect rows contains { id: 2, topic: bug, summary: "An empty page." }
  expect calls == 4
}

test "a row whose call fails is left out" of sort_messages {
  messages = [{ id: 1, text: "I paid twice." }, { id: 2, text: "The page is empty." }]
  reply rows[0].topic: error("auth")
  reply rows[0].summary: "Paid twice."
  reply rows[1].topic: bug
  reply rows[1].summary: "An empty page."
  expect length(rows) == 1
}
"""
_PANEL = """\
# Three readers look at a proposal side by side. Then a judge weighs what they say.
flow panel(proposal: text) {
  verdict = fanout {
    money = ask "What does this proposal cost, and what does it save? Answer in two sentences.\\n{{ proposal }}"
    risk = ask "What is the worst that this proposal could lead to? Answer in two sentences.\\n{{ proposal }}"
    people = ask "How does this proposal change the work of the people concerned? Two sentences.\\n{{ proposal }}"
  } reduce ask \"\"\"
    Three readers have looked at a proposal.

    Money: {{ money }}
    Risk: {{ risk }}
    People: {{ people }}

    Should it go ahead? Answer with yes, no or later, and one sentence with the reason.
  \"\"\"

  return verdict
}

# `flowrun test` takes the answers from these lines. It asks no model.
test "the judge reads all three" of panel {
  proposal = "We close the office on Fridays."
  reply verdict.money: "It saves a fifth of the rent."
  reply verdict.risk: "Nobody answers on Fridays."
  reply verdict.people: "They work at home."
  reply verdict: "later: first find out who answers on Fridays."
  expect verdict contains "later"
  expect asked verdict contains "Risk: Nobody answers on Fridays."
  expect calls == 4
}
"""
_HANDBOOK = """\
# Refunds

A customer gets a refund within 14 days. Refunds over 100 need the approval of the team lead.

# Backups

Backups are made regularly. Somebody should test them soon.

# Access

Each colleague has an account of their own. The team lead removes it on the last day of work.

# Releases

A release needs two reviews. In a hurry one review is enough, and reviews may be left out.
"""
_MESSAGES = """\
id,text
1,I was charged twice for March. Please send one payment back.
2,The page stays empty when I press Save in Firefox.
3,Do you have an office in Lisbon?
4,My invoice shows the address of another company.
"""
MAIL = "You have won! Click here to claim your prize."


@dataclass(frozen=True, slots=True)
class Starter:
    """A first flow. ``title`` is its line in the question, ``given`` are the options of its run.

    ``samples`` are further files by their names.
    """

    title: str
    name: str
    text: str
    given: tuple[str, ...]
    samples: Mapping[str, str]


STARTERS = {
    "vote": Starter(
        "ask one question several times, and take the answer of the majority",
        "is_spam.flow",
        _VOTE,
        ("--email", MAIL),
        {},
    ),
    "review": Starter(
        "ask about each section of a document at once, and combine the notes",
        "review.flow",
        _REVIEW,
        ("--document", "handbook.md"),
        {"handbook.md": _HANDBOOK},
    ),
    "table": Starter(
        "ask about each row of a table at once, and get a table",
        "sort.flow",
        _TABLE,
        ("--messages", "messages.csv"),
        {"messages.csv": _MESSAGES},
    ),
    "panel": Starter(
        "let three readers look at a text side by side, and a judge decide",
        "panel.flow",
        _PANEL,
        ("--proposal", "We close the office on Fridays and work at home."),
        {},
    ),
}
