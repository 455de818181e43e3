"""The check of endpoints: their names, addresses, key variables and options."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Set
from dataclasses import replace

from .. import syntax as s
from ..addresses import SECRET, address_fault
from ..catalog import Catalog
from ..diagnostics import Diagnostic, Edit, Fix, Label, did_you_mean
from ..patterns import pattern
from ..plan_endpoints import ABILITIES, ENDPOINT_KINDS, EndpointKind
from ..source import Source, Span

_OPTIONS = ("kind", "lacks")
_VARIABLE = pattern(r"[A-Z_][A-Z0-9_]*")
_KEY_IN_QUOTES = pattern(r'"((?:sk-|gsk_|xai-|pplx-|hf_|nvapi-|AIza|csk-|r8_)[-_A-Za-z0-9]{8,})"')
_PLAIN_KEY = pattern(r"(?:sk|gsk|xai|pplx|hf|nvapi|AIza|AKIA|csk|r8)[-_A-Za-z0-9]*|[A-Z0-9]{20,}|[A-Z0-9_]{65,}")


def check_endpoints(file: s.File, catalog: Catalog) -> list[Diagnostic]:
    """Return the problems of the endpoints that a file declares."""
    found: list[Diagnostic] = []
    first: dict[str, Span] = {}
    for decl in file.endpoints:
        name, at = decl.name.text, decl.name.span
        if catalog.built_in(name):
            note = f"models of `{name}:` would go to another host, and the key of `{name}` with them"
            help = "choose another name, such as `lab`"
            found.append(Diagnostic("F0680", f"`{name}` is a provider of flowrun itself", at, note=note, help=help))
        elif name in first:
            labels = (Label(first[name], "first declared here"),)
            help = "choose another name for one of the two"
            found.append(Diagnostic("F0202", f"the name `{name}` is taken", at, labels=labels, help=help))
        first.setdefault(name, at)
        found += [*_addresses(decl), *_key(decl), *_options(decl)]
    return found


def kind_of(decl: s.EndpointDecl) -> EndpointKind:
    """Return the provider whose API an endpoint speaks. It must have been checked."""
    word = next((one.value for one in decl.options if one.name.text == "kind"), None)
    return next(
        (one for one in ENDPOINT_KINDS if isinstance(word, s.Name) and word.word.text == one), ENDPOINT_KINDS[0]
    )


def lacks_of(decl: s.EndpointDecl) -> tuple[str, ...]:
    """Return what an endpoint is declared not to serve, in the order of the alphabet."""
    lists = [one.value for one in decl.options if one.name.text == "lacks"]
    items = [item for one in lists if isinstance(one, s.ListExpr) for item in one.items]
    words = [item.word.text for item in items if isinstance(item, s.Name)]
    return tuple(one for one in ABILITIES if one in words)


def masked(found: Iterable[Diagnostic], codes: frozenset[str]) -> list[Diagnostic]:
    """Put dots for the texts that may be secrets into the sources that diagnostics show.

    Such texts are those of the diagnostics with these codes, and those with the form of a well-known service's key.
    """
    problems = list(found)
    places: dict[str, list[Span]] = {}
    for source in {one.span.source.name: one.span.source for one in problems}.values():
        if keys := [source.span(*key.span(1)) for key in _KEY_IN_QUOTES.finditer(source.text)]:
            places[source.name] = keys
    for one in problems:
        if one.code in codes:
            places.setdefault(one.span.source.name, []).append(one.span)
    sources = {name: _dotted(spans) for name, spans in places.items()}

    def hidden(span: Span) -> Span:
        source = sources.get(span.source.name)
        same = source is not None and len(source.text) == len(span.source.text)
        return Span(source, span.start, span.end) if source is not None and same else span

    return [
        replace(
            one,
            span=hidden(one.span),
            labels=tuple(Label(hidden(label.span), label.text) for label in one.labels),
        )
        for one in problems
    ]  # fmt: skip


def _dotted(spans: list[Span]) -> Source:
    text = spans[0].source.text
    for span in spans:
        dots = "".join(char if char in '"\n' else "•" for char in text[span.start : span.end])
        text = text[: span.start] + dots + text[span.end :]
    return Source(text, spans[0].source.name)


def _addresses(decl: s.EndpointDecl) -> Iterator[Diagnostic]:
    seen: dict[str, Span] = {}
    for one in decl.addresses:
        address = one.value.rstrip("/")
        if fault := address_fault(one.value):
            code = "F0682" if fault.kind == SECRET else "F0681"
            fix = None
            if fault.instead and not one.triple:
                edits = (Edit(one.span, f'"{fault.instead}"'),)
                fix = Fix(f'write "{fault.instead}"', edits, safe=fault.instead in one.value)
            message = f"the endpoint `{decl.name.text}` cannot have this address: {fault.reason}"
            yield Diagnostic(code, message, one.span, help=fault.help, fix=fix)
        elif address in seen:
            labels = (Label(seen[address], "first given here"),)
            help = "delete one of the two"
            yield Diagnostic("F0685", "the endpoint has this address already", one.span, labels=labels, help=help)
        seen.setdefault(address, one.span)


def _key(decl: s.EndpointDecl) -> Iterator[Diagnostic]:
    if decl.key is None:
        return
    name = decl.key.value
    if _VARIABLE.fullmatch(name) and not _PLAIN_KEY.fullmatch(name):
        return
    help = 'put the key into a variable of the environment, and write its name in capitals, as in `key "LAB_KEY"`'
    inner = name.removeprefix("$").removeprefix("{").removesuffix("}")
    fix = None
    if name.startswith("$") and _VARIABLE.fullmatch(inner) and not _PLAIN_KEY.fullmatch(inner):
        fix = Fix(f'write "{inner}"', (Edit(decl.key.span, f'"{inner}"'),))
    yield Diagnostic(
        "F0683",
        "a flow names the variable with the key, and never the key itself",
        decl.key.span,
        note="a flow is a file that others read. This text is no name of a variable, so it is not shown here",
        help=help,
        fix=fix,
    )


_OF_SETTINGS = ("ca", "headers", "price_list")
"""The options that only an endpoint of a user or of a project can set."""


def _options(decl: s.EndpointDecl) -> Iterator[Diagnostic]:
    seen: dict[str, Span] = {}
    for option in decl.options:
        name, value = option.name.text, option.value
        if name not in _OPTIONS:
            help = did_you_mean(name, _OPTIONS) or "write the option at a model of the endpoint: `model big = … with …`"
            if name in _OF_SETTINGS:
                help = f"an endpoint with `{name}` is declared in a file of settings: `[endpoints.{decl.name.text}]`"
            elif name == "key":
                help = 'write `key "LAB_KEY"` before `with`'
            yield Diagnostic("F0684", f"an endpoint has no option `{name}`", option.name.span, help=help)
        elif name in seen:
            labels = (Label(seen[name], "first given here"),)
            yield Diagnostic("F0684", f"`{name}` is given twice", option.name.span, labels=labels)
        elif name == "kind":
            yield from _words((value,), ENDPOINT_KINDS, "an API that flowrun speaks")
        elif not isinstance(value, s.ListExpr):
            help = "write a list, as in `lacks: [seed, logprobs]`"
            yield Diagnostic("F0684", "`lacks` takes a list of words", value.span, help=help)
        else:
            yield from _words(value.items, ABILITIES, "a thing that an endpoint may lack")
        seen.setdefault(name, option.name.span)


def _words(values: Iterable[s.Expr | s.Ask], known: tuple[str, ...], what: str) -> Iterator[Diagnostic]:
    for value in values:
        word = value.word.text if isinstance(value, s.Name) else ""
        if word in known:
            continue
        help = did_you_mean(word, known) if word else ""
        message = f"`{word}` is not {what}" if word else f"this is not {what}"
        yield Diagnostic("F0684", message, value.span, help=help or f"write one of {', '.join(known)}")


def limits_of(address: str, file: s.File, limits: Callable[[str], str]) -> str:
    """Return the provider whose limits hold for the address of a model; "" if none is known.

    The limits of a service hold only at its own host. Other servers that speak its API have their own. ``limits`` tells
    it for a provider and for an address.
    """
    name = address.partition(":")[0]
    decl = next((one for one in file.endpoints if one.name.text == name), None)
    found = {limits(one.value) for one in decl.addresses} if decl is not None else {limits(name)}
    return found.pop() if len(found) == 1 else ""


def lacking(address: str, file: s.File, lacks: Callable[[str], Set[str]]) -> Set[str]:
    """Return what the endpoint of a model is known not to serve.

    ``lacks`` tells it for a model of a provider, or for a provider. An endpoint of the file lacks what its API has no
    words for.
    """
    name = address.partition(":")[0]
    decl = next((one for one in file.endpoints if one.name.text == name), None)
    return lacks(address) if decl is None else lacks(kind_of(decl)) | set(lacks_of(decl))
