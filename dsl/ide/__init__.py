"""The answers to an editor: pure functions of a view, which is a text with all that the checker knows of it.

``look`` makes a view of a text. All other functions take a view. An offset counts the characters of
``view.source.text``. Each span of an answer has the source that it belongs to: of this text, of an imported file or of
the file of a prompt. A span of another file has the text that ``load`` returned, so a server reads lines from
``span.source``. The name of a source is what ``load`` gave it.

- ``look(source, catalog, load, before)`` → ``View``. ``view.findings`` are those of ``validate``, of all files.
  ``view.files`` has the other files that the check read, by the names of their sources: check a view again when one of
  them changes. ``quick=True`` leaves out the trial of fixes: the same problems, but each fix counts as a guess.
  ``before`` is the last view of the file. It tells where the cursor probably is, and has the last text that could be
  read. ``view.fresh`` is False while the text does not parse; all functions but ``rename`` work then, too.
- ``hover(view, at, price=None, world=None)`` → ``Hover | None``. ``price`` gets the address of a model and returns its
  price in words, or "". ``world`` is that of ``bounds_of``: with it, the bounds of a step have dollars.
- ``complete(view, at, paths=None)`` → ``Completion``s. ``paths`` gets a folder relative to the file ("" for its own)
  and returns the names in it, those of folders with a ``/`` at their end.
- ``definition(view, at)`` and ``references(view, at, others=())`` → spans. ``others`` are views of further files, which
  may import this one. A source that several views read must have the same name in each of them.
- ``renamed(view, at)`` → the span of the name to rename, or a ``Refusal``. ``rename(view, at, name, others=())`` →
  edits, or a ``Refusal``, whose ``reason`` is a sentence. The edits may be of several files.
- ``hover``, ``complete``, ``definition``, ``references``, ``renamed`` and ``rename`` take ``file=NAME`` for an offset
  in the file of a prompt, with the view of the flow that declares the prompt.
- ``symbols(view)``, ``folds(view)``, ``tokens(view)``, ``hints(view, world=None)``, ``signature(view, at)``,
  ``lenses(view)``, ``ranges(view, at)``: see the classes of ``values``.
- ``links(view, address=None)``. ``address`` gets a code and returns the address of its page, or "".
- ``actions(view, start, end)`` → what can be done about the problems in this part of the text. ``fix_all(view)`` →
  one action, or None. After a quick look there are no safe fixes, so take a full view for actions.
"""

from __future__ import annotations

from .actions import actions, fix_all
from .completing import complete
from .folding import folds, ranges
from .hinting import hints, lenses
from .hovering import hover
from .linking import links
from .outline import symbols
from .places import definition, references
from .renaming import rename, renamed
from .roles import tokens
from .signatures import signature
from .values import (
    Action,
    Completion,
    Fold,
    Hint,
    Hover,
    Lens,
    Link,
    Outline,
    Parameter,
    Refusal,
    Signature,
    TokenSpan,
)
from .view import View, look

__all__ = [
    "Action",
    "Completion",
    "Fold",
    "Hint",
    "Hover",
    "Lens",
    "Link",
    "Outline",
    "Parameter",
    "Refusal",
    "Signature",
    "TokenSpan",
    "View",
    "actions",
    "complete",
    "definition",
    "fix_all",
    "folds",
    "hints",
    "hover",
    "lenses",
    "links",
    "look",
    "ranges",
    "references",
    "rename",
    "renamed",
    "signature",
    "symbols",
    "tokens",
]
