"""The bounds of one ask, for any of its models: its tries, its prompt, its answer and its price."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import reduce

from .. import plan as p
from .. import types as t
from ..records import dataclass
from .amounts import Amounts
from .ask_prices import at_terms, cost, dearer
from .batches import batched, rounds_of
from .bound import NOTHING, ONE, Bound, any_of, total
from .expression_sizes import SizeScope, size_of, text_size
from .model_facts import Served, World
from .reasoning import with_reasoning
from .sizes import Known, OneOf, Size, Some, shown
from .type_bounds import Count, answer_bound
from .usual_numbers import ATTEMPTS, CORRECTION, CORRECTIONS, MESSAGE_TOKENS, RETRIES

_MOST_SHARE = 0.25
_FORM = 40
"""The tokens of the words around a schema, if the prompt must describe the schema in words."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The amounts of an ask, the number of its tries in a row, and the size of its answer."""

    amounts: Amounts
    tries: Bound
    value: Size


def asked(
    ask: p.Ask, options: Mapping[str, p.Expr], models: Mapping[str, p.Model], scope: SizeScope, world: World, *,
    title: str, vote: bool, stores: bool = False,
) -> Asked:  # fmt: skip
    """Bound one ask. ``vote`` says that it is a ballot: a malformed answer is discarded, the call not repeated.

    ``stores`` says that its prompt may be written to the provider's cache.
    """
    if ask.person:
        return _answered(ask, scope, world, title)
    each = []
    for model in candidates(ask.model, models, scope, world):
        settings, tries, share = _tried(model, options, scope, world, title, vote=vote)
        served: list[Served | None] = [None]
        if model is not None:
            served = [world.served(one) for one in (model.address, model.fallback) if one is not None]
        attempts = _attempts(settings, scope, world, title, share)
        for at, one in enumerate(served):
            # A fallback is asked live, and so is a line of a batch API that has failed.
            batch = not at and batched(one, settings, scope, world)
            terms = at_terms(one, settings, scope, world, batch=batch, stores=stores)
            found = _one(ask, settings, terms, tries, scope, world, title)
            billed = _attempted(found.amounts, attempts, dearer(one, terms) if batch else 1)
            amounts = billed.hedged(0.0 if batch else share)
            rounds = rounds_of(found.tries, world, batch=batch, fallback=len(served) > 1)
            each.append(replace(found, amounts=amounts, tries=rounds))
    return reduce(_either, each)


def calls_of(
    ask: p.Ask, options: Mapping[str, p.Expr], models: Mapping[str, p.Model], scope: SizeScope, world: World, *,
    title: str, vote: bool,
) -> Bound:  # fmt: skip
    """Bound the calls of one ask alone, as ``asked`` does, without a look at its prompts."""
    if ask.person:
        return NOTHING
    each = []
    for model in candidates(ask.model, models, scope, world):
        _, tries, share = _tried(model, options, scope, world, title, vote=vote)
        each.append(Amounts(calls=tries).hedged(share).calls)
    return any_of(each)


def _tried(
    model: p.Model | None, options: Mapping[str, p.Expr], scope: SizeScope, world: World, title: str, *, vote: bool
) -> tuple[Mapping[str, p.Expr], Bound, float]:
    """Return the settings of an ask with a model, the tries in a row, and the share that hedging sends twice."""
    settings = {**(model.options if model else {}), **options}
    tries = ONE if vote else _tries(settings, scope, world, title)
    if model is not None and model.fallback is not None:
        # The fallback model has one more try.
        tries = tries + Bound(0, 1)
    return settings, tries, 0.0 if vote else _share(settings, scope, world)


def prompts_of(ask: p.Ask, models: Mapping[str, p.Model], scope: SizeScope, world: World) -> list[Bound]:
    """Return the tokens of each message, for each model that may be asked.

    Asks with the same tokens have the same bounds, if their other parts are the same.
    """
    found: list[Bound] = []
    for model in () if ask.person else candidates(ask.model, models, scope, world):
        addresses = () if model is None else (model.address, model.fallback)
        counts = [world.served(one).count for one in addresses if one is not None] or [world.count]
        found += [one for count in counts for one in _messages(ask, scope, world, count)]
    return found


def _messages(ask: p.Ask, scope: SizeScope, world: World, count: Count) -> list[Bound]:
    if ask.given:
        scope = SizeScope(scope, {name: size_of(one.value, scope, world, count) for name, one in ask.given.items()})
    return [_tokens(one, scope, world, count) for one in ask.messages]


def _answered(ask: p.Ask, scope: SizeScope, world: World, title: str) -> Asked:
    """Bound the answer of a person. It takes no call, no tokens and no money."""
    answer = answer_bound(ask.answer, world.count)
    if answer.most is None:
        answer = Bound(answer.least, None, f"a person may answer {quoted(title)} at any length")
    shown_as = _in_sources(answer, ask.answer, scope, world, world.count, title)
    return Asked(Amounts(people=ONE), NOTHING, Some(t.without_quotes(ask.answer), shown_as))


def _tokens(message: p.Message, scope: SizeScope, world: World, count: Count) -> Bound:
    return shown(text_size(message.template, scope, world, count, message.fenced), count)


def _either(a: Asked, b: Asked) -> Asked:
    values = OneOf((a.value, b.value)) if a.value != b.value else a.value
    return Asked(a.amounts | b.amounts, a.tries | b.tries, values)


def candidates(
    model: p.Expr | None, models: Mapping[str, p.Model], scope: SizeScope, world: World
) -> list[p.Model | None]:
    """Return the models that an ask may use. None among them stands for a model that is chosen when the flow runs.

    ``models`` has under "" the model of asks that name none.
    """
    if model is None:
        return [models[""]]
    size = size_of(model, scope, world, world.count)
    found: list[p.Model | None] = []
    for one in size.options if isinstance(size, OneOf) else (size,):
        if isinstance(one, Known) and isinstance(one.value, p.Model):
            found.append(one.value)
        elif isinstance(one, Known) and isinstance(one.value, str):
            found.append(models.get(one.value) or p.Model(one.value, one.value, {}))
        else:
            found += [*models.values(), None]
    return found


def _setting(name: str, settings: Mapping[str, p.Expr], scope: SizeScope, world: World) -> Size | None:
    return size_of(settings[name], scope, world, world.count) if name in settings else None


def _tries(settings: Mapping[str, p.Expr], scope: SizeScope, world: World, title: str) -> Bound:
    match _setting(CORRECTIONS if CORRECTIONS in settings else "retries", settings, scope, world):
        case None:
            return Bound(1, 1 + RETRIES)
        case Known(int() as retries):
            return Bound(1, 1 + max(0, retries))
    return Bound(1, None, f"`retries` of {quoted(title)} is known only when the flow runs")


def _attempts(settings: Mapping[str, p.Expr], scope: SizeScope, world: World, title: str, share: float) -> Bound:
    """Bound the attempts at one call that may be billed. Hedging adds the given share of them, but at most one more."""
    match _setting("retries", settings, scope, world):
        case None:
            most = ATTEMPTS
        case Known(int() as retries):
            most = 1 + max(0, retries)
        case _:
            return Bound(0, None, f"`retries` of {quoted(title)} is known only when the flow runs")
    # The share is a share of all attempts, and each call is sent twice at most.
    return Bound(0, most + min(1.0, share * most))


def _attempted(amounts: Amounts, attempts: Bound, dearer: float) -> Amounts:
    """Add the attempts at each call, and their cost, to the amounts. They may be ``dearer`` than the call."""
    each = Bound(attempts.least, None if attempts.most is None else dearer * attempts.most, attempts.why)
    return replace(amounts, attempts=amounts.calls * attempts, billed=amounts.cost * each)


def _share(settings: Mapping[str, p.Expr], scope: SizeScope, world: World) -> float:
    """Return the greatest share of the calls that hedging sends twice."""
    match _setting("hedge", settings, scope, world):
        case None:
            return 0.0
        case Known(str() as hedge) if hedge[1:].isdigit():
            return 1 - int(hedge[1:]) / 100
    return _MOST_SHARE


def _one(
    ask: p.Ask, settings: Mapping[str, p.Expr], served: Served | None, tries: Bound, scope: SizeScope, world: World,
    title: str,
) -> Asked:  # fmt: skip
    count = served.count if served else world.count
    parts = _messages(ask, scope, world, count)
    around = MESSAGE_TOKENS * len(ask.messages)
    prompt = total([*parts, Bound(around, around)])
    typed = ask.answer != t.TEXT and not (served and served.bare)
    if typed and prompt.most is not None:
        prompt = Bound(prompt.least, prompt.most + count(json.dumps(t.json_schema(ask.answer))) + _FORM)
    answer = _answer(ask.answer, settings, served, scope, world, title)
    value = Some(t.without_quotes(ask.answer), _in_sources(answer, ask.answer, scope, world, count, title))
    if typed and answer.most is not None:
        answer = Bound(answer.least, answer.most + count('{"answer": ""}'))
    if "reasoning" in settings:
        answer = with_reasoning(answer, settings, _longest(settings, served, scope, world), quoted(title))
    tokens_in, tokens_out = prompt * tries, answer * tries
    if ask.answer != t.TEXT or ask.check is not None:
        # A text without a check is never malformed. Each try after the first includes the malformed answer before it.
        tokens_in += Bound(0, CORRECTION) * Bound(0, None if tries.most is None else max(0, tries.most - 1), tries.why)
    dollars = cost(served, tokens_in, tokens_out, quoted(title))
    shares = served is not None and served.shares
    rates = served.rates if served else None
    shared_cost = rates.least_read(prompt) if shares and rates else 0
    amounts = Amounts(tries, tokens_in, tokens_out, dollars, prompt.least if shares else 0, shared_cost)
    return Asked(amounts, tries, value)


def _in_sources(answer: Bound, type_: t.Type, scope: SizeScope, world: World, count: Count, title: str) -> Bound:
    """Bound the value of an answer. Its quotes may be longer than in the answer, but no longer than their sources."""
    for source in _quotes(type_):
        if answer.most is None:
            break
        text = _source(source, type_, scope, world, count) if source else Bound(0, None)
        if text.most is None:
            return Bound(answer.least, None, text.why or f"the quotes of {quoted(title)} may be long in their source")
        answer = Bound(answer.least, answer.most + text.most + 1)
    return answer


def _source(source: str, type_: t.Type, scope: SizeScope, world: World, count: Count) -> Bound:
    """Bound the text of a source, as a quote of it would be shown: as JSON, unless it is the whole answer."""
    name, *fields = source.split(".")
    expr: p.Expr = p.Ref(name)
    for field in fields:
        expr = p.FieldOf(expr, field)
    return shown(size_of(expr if isinstance(type_, t.Quote) else p.Items((expr,)), scope, world, count), count)


def _quotes(type_: t.Type) -> list[str]:
    """Return the sources of the quotes in a type. Those of a list have no known number; "" stands for them."""
    match type_:
        case t.Quote(source):
            return [source]
        case t.Optional(item):
            return _quotes(item)
        case t.ListOf(item):
            return [""] if t.quotes_of(item) else []
        case t.Union(members):
            return [""] if any(map(t.quotes_of, members)) else []
        case t.Record(fields):
            return [source for field in fields for source in _quotes(field.type)]
    return []


def _answer(
    type_: t.Type, settings: Mapping[str, p.Expr], served: Served | None, scope: SizeScope, world: World, title: str
) -> Bound:
    """Bound the tokens of one answer."""
    count = served.count if served else world.count
    bound = answer_bound(type_, count)
    limit = _setting("max_tokens", settings, scope, world)
    longest = _longest(settings, served, scope, world)
    if longest is not None:
        bound = Bound(min(bound.least, longest), longest if bound.most is None else min(bound.most, longest))
    why = (
        f"{quoted(title)} sets no `max_tokens`"
        if limit is None
        else f"`max_tokens` of {quoted(title)} is known only when the flow runs"
    )
    return bound if bound.most is not None else Bound(bound.least, None, why)


def _longest(settings: Mapping[str, p.Expr], served: Served | None, scope: SizeScope, world: World) -> int | None:
    """Return the most tokens of an answer by its limit, or by that of its provider; None if it has none."""
    limit = _setting("max_tokens", settings, scope, world)
    if limit is None:
        return served.longest if served is not None else None
    # A limit below 1 ends the step before its call.
    return max(0, limit.value) if isinstance(limit, Known) and isinstance(limit.value, int) else None


def quoted(title: str) -> str:
    """Return a step's title in quotes, for a message."""
    return title if title.startswith("line ") else f"`{title}`"
