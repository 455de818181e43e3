"""The statements of a template. This module finds out what each name means and which facts are known at each place."""

from __future__ import annotations

from .. import types as t
from . import nodes
from .calls import FilterTypes
from .guards import assigned, forgotten, when_false, when_true
from .places import NOTHING, Paths, TemplateScope
from .values import LOOP


class Statements(FilterTypes):
    def body(self, body: tuple[nodes.Node, ...], known: TemplateScope) -> None:
        for node in body:
            self.statement(node, known)
            if names := set(assigned(node)):
                known = TemplateScope(known.local, forgotten(known.sure, names), known.turning, known.outer)

    def statement(self, node: nodes.Node, known: TemplateScope) -> None:
        match node:
            case nodes.Assign():
                self.assign(node, known)
            case nodes.If():
                self.branches(node, known)
            case nodes.For():
                self.loop(node, known)
            case _:
                super().statement(node, known)

    def assign(self, node: nodes.Assign, known: TemplateScope) -> None:
        name: str = node.target.name
        given = self.infer(node.node, known)
        at = node.target.last_word()
        if name in known.outer and name not in known.turning:
            self.report(
                "F0304",
                f"a `set` inside a `for` lasts only for one round: `{name}` outside does not change",
                at,
                "calculate the value in the flow, or with a filter: `{{ xs | length }}`, `{{ xs | sum }}`, "
                "`{{ xs | join }}`",
            )
            return
        self.free(name, at, known.turning)
        known.local[name] = given
        self.lost.pop(name, None)

    def free(self, name: str, at: tuple[int, int], taken: frozenset[str]) -> None:
        """Report a name that the template sets if it hides another name."""
        if name in taken:
            self.report(
                "F0202", f"the name `{name}` is taken", at, "an element of a `for` has this name: choose another name"
            )
        elif self.lookup(name) is not None:
            self.report("F0202", f"the name `{name}` is taken", at, "the flow has this name: choose another name here")

    def branches(self, node: nodes.If, known: TemplateScope) -> None:
        before = dict(known.local)
        ends: list[dict[str, t.Type]] = []
        rest: Paths = NOTHING
        for branch in (node, *node.elif_):
            asked = known.with_sure(rest)
            self.logic(branch.test, asked, tested=True)
            ends.append(self.branch(branch.body, asked.fork(when_true(branch.test))))
            rest |= when_false(branch.test)
        ends.append(self.branch(node.else_, known.fork(rest)))
        for name in dict.fromkeys(name for end in ends for name in end):
            types = [end[name] for end in ends if name in end]
            if len(types) == len(ends):
                if name not in before or types != [before[name]] * len(types):
                    known.local[name] = t.join(types)
                self.lost.pop(name, None)
            else:
                self.lost[name] = (
                    "is set in some branches of an `if`, but not in all",
                    f"set it in the other branches too, or before the `if`: `{{% set {name} = … %}}`",
                )

    def branch(self, body: tuple[nodes.Node, ...], known: TemplateScope) -> dict[str, t.Type]:
        self.body(body, known)
        return known.local

    def loop(self, node: nodes.For, known: TemplateScope) -> None:
        name: str = node.target.name
        given = self.infer(node.iter, known)
        at = node.target.last_word()
        if name in known.local:
            self.report("F0202", f"the name `{name}` is taken", at, "the template has this name: choose another name")
        else:
            self.free(name, at, known.turning)
        item = self.element(node.iter, given)
        path = node.iter.path()
        sure = forgotten(known.sure, [name]) | ({path + "?"} if path else NOTHING)
        turning = known.turning | {name}
        if node.test is not None:
            asked = {one: type_ for one, type_ in known.local.items() if one != "loop"}
            self.logic(node.test, TemplateScope({**asked, name: item}, sure, turning), tested=True)
            sure |= when_true(node.test)
        local = {**known.local, name: item, "loop": LOOP}
        lost = dict(self.lost)
        self.body(node.body, TemplateScope(local, sure, turning, frozenset(known.local)))
        if node.else_:
            self.body(node.else_, TemplateScope(dict(known.local), known.sure, known.turning, frozenset(known.local)))
        self.lost = lost
        for inner in (*node.body, *node.else_):
            for one in assigned(inner):
                if one not in known.local:
                    help = "calculate the value in the flow, or with a filter: `{{ xs | sum }}`, `{{ xs | join }}`"
                    self.lost[one] = ("is set inside a `for`, and is known only there", help)

    def element(self, iterated: nodes.Node, given: t.Type) -> t.Type:
        """Return the type of the elements of the list in a `for`. Report a value that is not a list."""
        if isinstance(given, t.ListOf):
            return given.item
        if isinstance(given, t.Optional) or given == t.NONE:
            self.missing(iterated, "a `for` needs a list", "[]")
            inner = t.unwrapped(given)
            return inner.item if isinstance(inner, t.ListOf) else t.UNKNOWN
        if given in (t.UNKNOWN, t.JSON):
            return given
        help = ""
        if t.is_text(given):
            help = "split the text in the flow, `parts = split(text, by: line)`, and write a `for` over `parts`"
        elif isinstance(given, t.Record | t.Union):
            help = "write a `for` over a field that is a list, or insert the fields one by one"
        at = iterated.last_word()
        self.report("F0301", f"a `for` needs a list, and this is {t.show(given)}", at, help)
        return t.UNKNOWN
