"""The change of a name in all its places. The changed files are checked before the edits are offered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from .. import syntax as s
from ..check import examine_tree
from ..checked import Checked
from ..checking.cascade_names import is_stage
from ..checking.names import RESERVED
from ..diagnostics import Diagnostic, Edit
from ..fixes import edited
from ..parsing.tables import KEYWORDS
from ..patterns import pattern
from ..source import Source, Span
from .index import Index
from .places import place_at
from .targets import Key, Place
from .values import Refusal
from .view import View

_NAME = pattern(r"[A-Za-z_][A-Za-z0-9_]*")
_NO_NAMES = {
    "choice": "the words of a choice are values and not names: change them where the type is declared",
    "branch": "the name of a branch of a match is a class of its value",
    "type": "`{}` is a type of the language",
    "reducer": "`{}` is a reducer of the language",
    "function": "`{}` is a function of the language",
    "filter": "`{}` is a filter of the language",
    "option": "`{}` is an option of the language",
    "results": "`{}` is a word of the language",
    "last": "`{}` is a word of the language",
    "answer": "`{}` is a word of the language",
    "field": "the file does not declare the field `{}`",
}


def renamed(view: View, at: int, *, file: str = "") -> Span | Refusal:
    """Return the name that a rename at an offset changes, or the reason why nothing can be renamed there."""
    found = _place(view, at, file)
    if isinstance(found, Refusal):
        return found
    here = view.here(found.span)
    return here if here is not None else Refusal("there is no name here")


def rename(
    view: View, at: int, name: str, others: Iterable[View] = (), *, file: str = ""
) -> tuple[Edit, ...] | Refusal:
    """Return the edits that give the name at an offset another name, in all files that are known.

    The files with the edits made have the same findings, or the rename is refused. ``others`` are views of further
    files, which may import this one.
    """
    found = _place(view, at, file)
    if isinstance(found, Refusal):
        return found
    if not _NAME.fullmatch(name):
        return Refusal(f"`{name}` is no name: a name has letters, digits and `_`, and begins with a letter")
    if name in RESERVED or name in KEYWORDS:
        return Refusal(f"`{name}` is a word of the language")
    target = found.target
    if name == target.name:
        return ()
    key = target.key
    assert key is not None
    if target.kind in ("flow", "extern") and name in view.catalog.functions:
        return Refusal(f"`{name}` is a function of the language")
    views = [view, *others]
    if any(not one.fresh for one in views if one.index.of(key)):
        return Refusal("a file that mentions this name does not parse: mend it first")
    edits = _edits(views, key, found, name)
    for one in views:
        if (refused := _refused(one, found, name, edits)) is not None:
            return refused
    return tuple(edits)


def _place(view: View, at: int, file: str) -> Place | Refusal:
    if view.checked is None or not view.fresh:
        return Refusal("this text does not parse: mend it first")
    found = place_at(view, at, file)
    if found is None:
        return Refusal("there is no name here")
    kind, name = found.target.kind, found.target.name
    if found.target.key is None or (kind == "branch" and found.target.step is not None and found.target.step.branch):
        if found.target.step is not None and is_stage(found.target.step):
            return Refusal(f"the paths of tests and of runs name the stage `{name}`: change them by hand")
        return Refusal(_NO_NAMES.get(kind, "`{}` cannot be renamed").format(name))
    if kind == "text" and found.target.span is not None and not found.target.span.text.isidentifier():
        return Refusal(f"`{name}` is declared in another file")
    if kind == "param" and isinstance(found.target.node, tuple):
        home, param = found.target.node
        if any(param in extern.params for extern in home.file.externs):
            return Refusal(f"Python gets `{name}` by its name: a parameter of an extern keeps it")
    return found


def _edits(views: Sequence[View], key: Key, found: Place, name: str) -> list[Edit]:
    target = found.target
    edits: dict[tuple[str, int], Edit] = {}
    for view in views:
        for place in view.index.of(key):
            text = f"{place.span.text}: {name}" if place.entry else name
            edits[place.span.source.name, place.span.start] = Edit(place.span, text)
    if isinstance(target.node, s.Entry) and target.node.short and target.span is not None:
        edits[target.span.source.name, target.span.start] = Edit(target.span, f"{name}: {target.name}")
    return sorted(edits.values(), key=lambda one: (one.span.source.name, one.span.start))


def _refused(view: View, found: Place, name: str, edits: Sequence[Edit]) -> Refusal | None:
    """Return the reason why the edits would change what a file means. None if they do not."""
    key = found.target.key
    assert key is not None
    changed = {
        source.name: edited(source, [one for one in edits if one.span.source.name == source.name])
        for source in {one.span.source.name: one.span.source for one in edits}.values()
    }
    root = changed.get(view.source.name, view.source)

    def load(path: str) -> Source | str:
        read = view.load(path) if view.load is not None else ""
        return changed.get(read.name, read) if isinstance(read, Source) else read

    examined, checked = examine_tree(root, view.catalog, load if view.load is not None else None, quick=True)
    more = Counter(map(_said, examined.findings)) - Counter(map(_said, view.findings))
    if more or len(examined.findings) != len(view.findings):
        bad = next((one for one in examined.findings if _said(one) in more), None)
        told = f": {bad.message}" if bad is not None else ""
        return Refusal(f"`{name}` would change what the flow means{told}")
    before = Counter(place.span.source.name for place in view.index.of(key))
    after = _places_after(Index(checked), key, edits)
    if before != after:
        return Refusal(f"`{name}` would change what the flow means: it is a word there")
    if found.target.kind == "field" and _types(view.checked) != _types(checked, name, found.target.name):
        # Records fit by their fields, so the same field may stand in other records, too.
        return Refusal(f"other records share the field `{found.target.name}`, and they would no longer fit")
    return None


def _types(checked: Checked | None, name: str = "", old: str = "") -> list[str]:
    """Return the types of all flows, of their parameters and of their steps, with the old name for the other."""
    if checked is None:
        return []
    types = [*checked.typed.nodes.params.values(), *checked.typed.nodes.results.values(), *checked.typed.steps.values()]
    word = pattern(rf"\b{name}\b")
    return [word.sub(old, repr(one)) if name else repr(one) for one in types]


def _places_after(index: Index, key: Key, edits: Sequence[Edit]) -> Counter[str]:
    """Count the places of the thing in the changed files, by file."""
    file, at = key
    moved = sum(
        len(one.text) - (one.span.end - one.span.start)
        for one in edits
        if one.span.source.name == file and one.span.start < at
    )
    return Counter(place.span.source.name for place in index.of((file, at + moved)))


def _said(finding: Diagnostic) -> tuple[str, str]:
    """Return the code of a problem and its file, because its message may have the name."""
    return finding.code, finding.span.source.name
