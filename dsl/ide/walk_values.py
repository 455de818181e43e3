"""The walk over values, asks and types."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .. import syntax as s
from .. import types as t
from ..catalog import ParamSpec
from ..checking.program import Scope, Step
from ..syntax.children import children
from .homes import Home
from .known_values import Known
from .targets import Target, Written
from .walk_templates import TemplateWalk

BY_NAME = (s.FlowDecl, s.ExternDecl)


class ValueWalk(TemplateWalk):
    def __init__(self, home: Home) -> None:
        super().__init__(home)
        self.nodes = home.typed.nodes

    def ask(self, ask: s.Ask, scope: Scope, step: Step | None) -> None:
        if ask.model is not None:
            self.value(ask.model, scope)
        if ask.prompt is not None:
            self.prompt(ask.prompt, scope)
        for message in ask.messages:
            self.template(message.template, scope)
        if ask.answer is not None:
            self.type(ask.answer, scope)
        if ask.check is not None:
            inner = step.check_scope if step is not None else None
            self.value(ask.check.condition, inner or scope)

    def prompt(self, use: s.PromptUse, scope: Scope) -> None:
        prefix = use.prefix.text if use.prefix else ""
        target = self.home.declared(prefix, use.name.text, (s.PromptDecl,))
        self.prefix(use.prefix)
        if target is not None:
            self.mention(use.name.span, target)
        self.arguments(target, use.args, scope)

    def options(self, options: Iterable[s.Option], scope: Scope) -> None:
        for option in options:
            spec = self.home.checked.catalog.options.get(option.name.text)
            self.mention(option.name.span, Target("option", option.name.text, None, spec.type if spec else None, spec))
            self.value(option.value, scope)

    # Values

    def value(
        self, value: s.Expr | s.Ask, scope: Scope, written: Written | None = None, *, step: Step | None = None
    ) -> None:
        """Walk over a value. ``written`` declares the fields of a record that is expected there."""
        match value:
            case s.Ask():
                self.ask(value, scope, step)
            case s.Name(word):
                self.name(word, scope, value)
            case s.Get(base, word):
                self.get(value, base, word, scope)
            case s.Template(tag, string) if tag.text == "text":
                self.template(string, scope)
            case s.RecordExpr():
                self.record(value, scope, written)
            case s.ListExpr(items):
                inner = self.home.item(Known(t.UNKNOWN, written, self.home)).written if written is not None else None
                for item in items:
                    self.value(item, scope, inner)
            case s.Call():
                self.call(value, scope)
            case s.Binary(_, left, right):
                self.value(left, scope, written)
                self.value(right, scope, written)
            case _:
                for child in children(value):
                    self.value(child, scope)

    def name(self, word: s.Word, scope: Scope, node: s.Name | None = None) -> None:
        if node is not None and node.number in self.nodes.listed:
            if (target := self.home.declared("", word.text, (s.TypeDecl,))) is not None:
                self.mention(word.span, target)
            return
        if node is not None and node.number in self.nodes.arguments:
            self.type(s.TypeName(word, word.span), scope)
            return
        if node is not None and node.number in self.nodes.words:
            self.mention(word.span, Target("choice", word.text))
            return
        symbol = scope.lookup(word.text)
        if symbol is not None:
            self.mention(word.span, self.home.of_symbol(symbol))

    def get(self, expr: s.Get, base: s.Expr, word: s.Word, scope: Scope) -> None:
        if (isinstance(base, s.Name) and scope.lookup(base.word.text) is None) or self.texts(base, scope):
            assert isinstance(base, s.Name)
            prefix = base.word.text
            target = self.home.declared(prefix, word.text, (s.TypeDecl, s.TextDecl))
            if target is not None and self.home.prefix(prefix) is not None:
                self.prefix(base.word)
                self.mention(word.span, target)
                return
        self.value(base, scope)
        self.field(self.home.value(base, scope), word)

    def texts(self, base: s.Expr, scope: Scope) -> bool:
        symbol = scope.lookup(base.word.text) if isinstance(base, s.Name) else None
        return symbol is not None and symbol.kind == "texts"

    def record(self, record: s.RecordExpr, scope: Scope, written: Written | None) -> None:
        for entry in record.entries:
            if entry.name is None:
                self.value(entry.value, scope)
                continue
            wanted = next(self.home.fields(Known(t.UNKNOWN, written, self.home), entry.name.text), None)
            if entry.short:
                symbol = scope.lookup(entry.name.text)
                if symbol is not None:
                    self.mention(entry.name.span, self.home.of_symbol(symbol), entry=True)
                continue
            if wanted is not None and isinstance(wanted[1], s.FieldDecl):
                self.mention(entry.name.span, self.of_field(wanted[1], entry.name))
                self.value(entry.value, scope, wanted[1].type)
            else:
                self.declare(self.home.of_field(entry.name, entry))
                self.value(entry.value, scope)

    def call(self, call: s.Call, scope: Scope) -> None:
        prefix = call.prefix.text if call.prefix else ""
        target = self.home.declared(prefix, call.function.text, BY_NAME)
        self.prefix(call.prefix)
        if target is not None:
            self.mention(call.function.span, target)
        else:
            spec = self.home.checked.catalog.functions.get(call.function.text)
            if spec is not None:
                self.mention(call.function.span, Target("function", spec.name, None, None, spec))
            for arg in call.args:
                self.named(spec.params if spec is not None else (), arg.name)
        self.arguments(target, call.args, scope)

    def named(self, params: Sequence[ParamSpec], word: s.Word | None) -> None:
        """Walk over the name of an argument of a function or a reducer."""
        found = next((one for one in params if word is not None and one.name == word.text), None)
        if word is not None and found is not None:
            self.mention(word.span, Target("param", word.text, None, found.type, found))

    def arguments(self, target: Target | None, args: Sequence[s.Arg], scope: Scope) -> None:
        for arg in args:
            written = None
            if arg.name is not None and target is not None:
                written = self.argument(target, arg.name)
            self.value(arg.value, scope, written)

    def argument(self, target: Target, word: s.Word) -> Written | None:
        """Walk over the name of an argument. Return the type that its parameter declares, if it is of this file."""
        home, decl = target.node if isinstance(target.node, tuple) else (None, None)
        if not isinstance(decl, s.FlowDecl | s.ExternDecl | s.PromptDecl) or not isinstance(home, Home):
            return None
        for param in decl.params:
            if param.name.text == word.text:
                self.mention(word.span, home.of_param(param))
                return param.type if home is self.home else None
        return None

    # Types

    def type(self, written: s.TypeExpr, scope: Scope) -> None:
        match written:
            case s.TypeName(word):
                prefix = written.prefix.text if written.prefix else ""
                self.prefix(written.prefix)
                target = self.home.declared(prefix, word.text, (s.TypeDecl,))
                self.mention(word.span, target or Target("type", word.text, None, t.NAMED.get(word.text)))
            case s.TypeSized(word):
                self.mention(word.span, Target("type", word.text, None, t.NAMED.get(word.text)))
            case s.TypeList(item) | s.TypeOptional(item):
                self.type(item, scope)
            case s.TypeRecord(fields):
                for one in fields:
                    self.declare(self.of_field(one, one.name))
                    self.type(one.type, scope)
            case s.TypeUnion(options):
                for option in options:
                    self.type(option, scope)
            case s.TypeChoice(words):
                self.choice(words, scope)
            case s.TypeQuote(path):
                self.quote(path, scope)

    def choice(self, words: tuple[s.Word | s.String, ...], scope: Scope) -> None:
        named = [one for one in words if isinstance(one, s.Word)]
        types = [self.home.declared("", one.text, (s.TypeDecl,)) for one in named]
        if len(named) == len(words) and all(one is not None for one in types):
            for word in named:
                self.type(s.TypeName(word, word.span), scope)
            return
        for word in named:
            self.mention(word.span, Target("choice", word.text))

    def quote(self, path: tuple[s.Word, ...], scope: Scope) -> None:
        symbol = scope.lookup(path[0].text)
        if symbol is None:
            return
        self.mention(path[0].span, self.home.of_symbol(symbol))
        value = self.home.known(symbol)
        for word in path[1:]:
            self.field(value, word)
            value = self.home.field(value, word.text)
