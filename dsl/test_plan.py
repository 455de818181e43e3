"""The tests of a flow file, as plain data that a runner of tests can read. ``make_tests`` makes them.

All paths and types are checked. A value that a runner must work out is an expression of a plan. Its names come from
these places:

- ``inputs`` and ``files`` mention the models of the file.
- ``answers`` mention the models of the file.
- The condition of a reply mentions what its ask can see: parameters of its flow, elements of the maps around it, and
  steps that are done before it is asked. The condition of an extern mentions the extern's parameters.
- An expectation mentions the flow's parameters and named steps, ``result``, and figures of the run (``FIGURES``).
- All of them may mention the names of ``helpers``. A helper mentions only those before it. Names of the flow, which a
  condition may see, hide helpers.
- If the test has ``cases``, all of them may mention ``row``, the record of one row.

A figure of one step, such as ``rounds(kinds.k)``, is a name with brackets. It stands in ``Expect.names``, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Literal

from .plan_expressions import Expr
from .records import dataclass
from .types import Type

FIGURES = {
    "calls": "the calls of the run",
    "requests": "the requests that the run sent",
    "tokens": "the tokens of the run, read and written",
    "cost": "the cost of the run, in dollars",
    "retries": "the requests that were sent again",
    "rounds": "how often a step was asked in a row: its samples one after another, and its corrections",
}
"""The figures of a run that an expectation may mention, with their meaning. Only ``rounds`` belongs to one step."""

ERROR_KINDS = {
    "timeout": "the server did not answer in time",
    "refused": "the server did not accept the connection",
    "network": "the connection broke after the request was sent",
    "auth": "the server does not accept the key",
    "quota": "the quota of the account is used up",
    "model": "the server does not have the model",
    "empty": "the answer is empty",
    "filtered": "the provider's filter held the answer back",
}
"""The failures of a call that ``error("…")`` can name by a word. A status of HTTP from 400 to 599 is the other way."""

CASES, CASSETTE = "the table", "the cassette"
"""The keys of the places of two lines in ``Test.given_places``. No parameter has such a name."""


@dataclass(frozen=True, slots=True)
class Place:
    """A part of the source, for the caret of a message. Lines and columns count from 1; ``text`` is the part itself.

    ``end_column`` is the column behind the last character.
    """

    file: str
    line: int
    column: int
    end_line: int
    end_column: int
    text: str


@dataclass(frozen=True, slots=True)
class Helper:
    """A helper value: a value with a name that the lines of the test mention."""

    name: str
    value: Expr
    place: Place


@dataclass(frozen=True, slots=True)
class PathPart:
    """A step of a path. ``index`` numbers an element of a map or a sample of a repeat, from 0; None stands for all.

    For the reduction of a tree, ``index`` is the level of its merges, from 1, and ``merge`` the number of a merge in
    this level, from 0. For a fold, ``index`` is 1 and ``merge`` the number of the result that the ask adds.
    For the judge of a search, ``index`` is the number of the result, and for a match of a tournament ``index`` is its
    round and ``merge`` its number there.
    """

    name: str
    index: int | None = None
    merge: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """A scripted answer.

    "value": the answer is ``value``. "error": the call fails; ``value`` is a kind of ``ERROR_KINDS`` or a status. For
    an extern it is the message. "malformed": the raw text ``value`` comes, which does not fit the type. "cut": the raw
    text ``value`` ended at the limit of tokens. "slow": the answer ``value`` takes ``seconds``; without a value no
    answer comes within that time. ``seconds`` may also be set for "error", "malformed" and "cut".
    """

    kind: Literal["value", "error", "malformed", "cut", "slow"]
    value: Expr | None
    seconds: float | None
    place: Place


@dataclass(frozen=True, slots=True)
class Reply:
    """The scripted answers of one ask.

    ``path`` is the whole path of the ask, as the run prints it, with the places that the test names. ``step`` is the
    same path without places. ``own`` is False if the line is one of a setup: such a reply need not be used.

    A line that answers the branches of a fan-out in their order makes one reply for each branch. These replies share
    their ``place``, and the line is used if one of them is.
    """

    path: tuple[PathPart, ...]
    step: str
    when: Expr | None
    answers: tuple[Answer, ...]
    place: Place
    own: bool = True


@dataclass(frozen=True, slots=True)
class ExternReply:
    """The scripted values of an extern. ``name`` is its key in the plan."""

    name: str
    when: Expr | None
    answers: tuple[Answer, ...]
    place: Place
    own: bool = True


@dataclass(frozen=True, slots=True)
class FileReply:
    """The text of a file that the flow reads. ``path`` is the path as the flow gives it."""

    path: str
    value: Expr
    place: Place
    own: bool = True


@dataclass(frozen=True, slots=True)
class Expect:
    """An expectation.

    "holds": ``left`` is true. If it is a comparison, ``operator`` is its sign, ``left`` and ``right`` are its sides.
    "matches": ``left`` fits ``type``. "contains": ``left`` holds ``right``: a text in a text, an element in a list, a
    field in a record. "about": ``left`` is near the number ``right``, at most ``within`` away. "failed": ``step``
    failed, or the flow if it is empty; the message contains the text ``right``. "skipped": ``step`` was skipped.
    "asked": ``step`` was asked, and each prompt contains ``right``; if it is negated, no prompt does. ``path`` is
    the path of ``step`` with its places.

    ``names`` are the names in the expectation whose values explain a failure.
    """

    kind: Literal["holds", "matches", "contains", "about", "failed", "skipped", "asked"]
    place: Place
    negated: bool = False
    left: Expr | None = None
    operator: str = ""
    right: Expr | None = None
    type: Type | None = None
    step: str = ""
    path: tuple[PathPart, ...] = ()
    within: Expr | None = None
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Givens:
    """The values that a test gives: the inputs of its flow, and its helper values.

    ``places`` has the places of the inputs, and under ``CASES`` and ``CASSETTE`` those of the lines with these paths.
    """

    inputs: Mapping[str, Expr] = field(default_factory=dict)
    helpers: tuple[Helper, ...] = ()
    places: Mapping[str, Place] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Test:
    """A test of a flow.

    ``source`` is the path of the imported file that has the flow, from the folder of this file; "" for this file.
    ``cases`` is the path of a table: each row makes one test, and its columns are parameters. ``cassette`` is the path
    of a cassette. Both start at the folder of this file.
    """

    title: str
    flow: str
    place: Place
    source: str = ""
    given: Givens = field(default_factory=Givens)
    replies: tuple[Reply, ...] = ()
    externs: tuple[ExternReply, ...] = ()
    files: tuple[FileReply, ...] = ()
    cases: str | None = None
    cassette: str | None = None
    expects: tuple[Expect, ...] = ()
