"""Asks, prepared once from the plan. The type of the answer and the constant options are read here only once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

from flowrun.dsl import CORRECTIONS, RETRIES, Extents, ImageValue, dataclass, types
from flowrun.dsl import plan as p

from ..plans.options import OPTIONS, quantile_of
from ..plans.sent_options import further, is_constant
from ..values.expressions import ModelValue, evaluate
from ..values.prompts import render_all, render_images
from ..values.ranges import within_bounds
from ..values.sure import sure_word
from ..vocabulary.call import NO_OPTIONS, Answer, Message, Request, Schema
from ..vocabulary.errors import AnswerError, InputError, MalformedError, UncheckedError
from ..vocabulary.json_value import Json
from ..vocabulary.question import PERSON, Question
from .answers import read_answer
from .heads import Heads, KnownHeads
from .scopes import Scope

TIMEOUT = 600.0
"""Seconds for one attempt, if the flow sets no time-out."""
_DEEPEST = 40
"""An answer's type has at most this many levels, so that reading the answer does not exhaust Python's stack."""
_SAID = {
    "filtered": "the provider's filter blocked the answer",
    "unterminated": "the answer is incomplete: the server stopped before its end",
    "length": "the answer was cut off at its greatest length: allow more with a higher `max_tokens`",
    "other": "the answer ended in an unknown way",
}


@dataclass(frozen=True, slots=True)
class Settings:
    """The options of a call. If an answer does not fit, the call is repeated at most ``tries`` times."""

    temperature: float | None
    max_tokens: int | None
    seed: int | None
    timeout: float
    stream: bool
    retries: int | None
    tries: int
    hedge: float | None
    further: Mapping[str, Json]
    cache: bool
    batch: bool | None

    @classmethod
    def of(cls, options: Mapping[str, Json]) -> Settings:
        retries, hedge = options.get("retries"), options.get("hedge")
        return cls(
            options.get("temperature"),
            options.get("max_tokens"),
            options.get("seed"),
            float(options.get("timeout", TIMEOUT)),
            bool(options.get("stream", False)),
            retries,
            int(options.get(CORRECTIONS, RETRIES if retries is None else retries)),
            None if hedge is None else quantile_of(hedge),
            further(options) or NO_OPTIONS,
            bool(options.get("cache", True)),
            options.get("batch"),
        )


_PERSON = ModelValue(PERSON, PERSON)
_OF_WORDS = types.Choice | types.OpenChoice


class PreparedAsk:
    """An ask of the plan. It makes a request from the values in a scope. ``answer`` is the type of the answer.

    ``sources`` has the texts of each source of quotes, once the ask is ``within`` a scope. ``sure`` is False if a
    `when` decides whether the ask runs.
    """

    def __init__(self, plan: p.Ask, options: Mapping[str, p.Expr], answer: types.Type | None = None) -> None:
        self.plan = plan
        self.options = options
        self.answer = plan.answer if answer is None else answer
        self._choices = self.answer.options if isinstance(self.answer, types.Choice) else ()
        self._quoted = types.quotes_of(self.answer)
        self.sources: Mapping[str, Sequence[str]] = {}
        self._scope: Scope | None = None
        self._templates = [(message.template, message.fenced) for message in plan.messages]
        self._steady = all(map(is_constant, options.values()))
        self._settings: dict[tuple[str, str], Settings] = {}
        self._heads = KnownHeads()
        self.sure = True

    def to(self, answer: types.Type) -> PreparedAsk:
        """Return the same ask with another type of answer."""
        found = PreparedAsk(self.plan, self.options, answer)
        found._heads = self._heads
        return found

    def within(self, scope: Scope) -> PreparedAsk:
        """Return the ask with the texts of its quotes' sources, and the names that its check mentions.

        An ask without quotes and without a check stays as it is.
        """
        if not self._quoted and self.plan.check is None:
            return self
        found = PreparedAsk(self.plan, self.options, self.answer)
        found._scope, found._settings = scope, self._settings
        found._heads, found.sure = self._heads, self.sure
        from ..values.quotes import looked_up, texts_of

        found.sources = {source: texts_of(looked_up(source, scope.value)) for source in self._quoted}
        return found

    def model(self, scope: Scope) -> ModelValue:
        plan = self.plan.model
        if self.plan.person:
            return _PERSON
        model = scope.context.default_model if plan is None else evaluate(plan, scope)
        return ModelValue(model, model) if isinstance(model, str) else model

    def settings(self, model: ModelValue, scope: Scope) -> Settings:
        """Work out the options of a call: the model's, then the ask's own.

        Raises InputError if one is out of bounds.
        """
        key = (model.name, model.address)
        settings = self._settings.get(key)
        if settings is None:
            options = {**dict(model.options), **scope.options(self.options)}
            within_bounds(OPTIONS, options)
            # A person may take any time.
            settings = Settings.of({"timeout": 0.0, **options} if self.plan.person else options)
            if self._steady:
                self._settings[key] = settings
        return settings

    def request(self, settings: Settings, scope: Scope, sample: int | None, heads: Heads | None = None) -> Request:
        """Fill in the prompt. ``sample`` is the number of the call among the samples of a repeat; None outside.

        ``heads`` are those of the prompt; None if nobody asks for them.

        Raises FlowrunError if the prompt cannot be made.
        """
        seed = settings.seed
        if seed is not None and sample is not None:
            # With one seed for all samples, every sample would get the same answer.
            seed += sample
        seen = scope.value
        if self.plan.given:
            values = {name: evaluate(one.value, scope) for name, one in self.plan.given.items()}

            def lookup(name: str) -> Json:
                return values[name] if name in values else scope.value(name)

            seen = lookup
        cuts = [] if heads is None else heads.cuts()
        if ImageValue.made:
            texts = render_images(self._templates, seen, cuts)
        else:
            texts = [(text, ()) for text in render_all(self._templates, seen, cuts)]
        if heads is None:
            pairs = zip(self.plan.messages, texts, strict=True)
            messages = tuple([Message(message.role, text, images=images) for message, (text, images) in pairs])
        else:
            messages = heads.messages(self.plan, texts, cuts)
        return Request(
            messages,
            choices=self._choices,
            schema=None if _is_text(self.answer) else _schema(self.answer),
            temperature=settings.temperature,
            max_tokens=settings.max_tokens,
            seed=seed,
            timeout=settings.timeout,
            stream=settings.stream,
            options=settings.further,
        )

    def heads(self, settings: Settings, scope: Scope) -> Heads | None:
        """Return the heads of the prompt. None outside of all repeating blocks, or if prompts are not to be kept."""
        if not settings.cache:
            return None
        return self._heads.at(self.plan, scope.frame)

    def question(self, path: str, request: Request) -> Question | None:
        """Return the question, if a person is asked."""
        if not self.plan.person:
            return None
        text = request.messages[0].text
        return Question(path, text, self.answer, lambda typed: self.value(Answer(typed), request))

    def value(self, answer: Answer, request: Request) -> Json:
        """Read the value of an answer. Raises AnswerError if the answer has no value of the type."""
        if answer.text in self._choices and answer.finish == "stop":
            return self._checked(sure_word(answer.text, self._choices, answer.more), answer)
        if answer.finish != "stop":
            # Another try gives the same answer at temperature 0 or with a seed. It also meets the same filter again.
            same = answer.finish == "length" and (request.temperature == 0 or request.seed is not None)
            final = answer.final or answer.finish == "filtered" or same
            raise AnswerError(answer.said or _SAID[answer.finish], text=answer.text, final=final)
        value = read_answer(answer.text, self.answer)
        if self._choices and isinstance(value, str):
            value = sure_word(value, self._choices, answer.more)
        if not self._quoted:
            return self._checked(value, answer)
        from ..values.quotes import NotThereError, placed

        try:
            return self._checked(placed(value, self.answer, self.sources), answer)
        except NotThereError as error:
            raise MalformedError(str(error), text=answer.text, why=f"has no right quote: {error}") from None

    def _checked(self, value: Json, answer: Answer) -> Json:
        """Return the value of an answer. Raises UncheckedError if it fails the check of the ask."""
        check, scope = self.plan.check, self._scope
        if check is None or scope is None:
            return value
        from ..values.checks import fault

        why = fault(check, value, scope)
        scope.context.watcher.decided(check.condition, holds=not why)
        if why:
            raise UncheckedError(f"the answer {why}", text=answer.text, why=why)
        return value


def _is_text(answer: types.Type) -> bool:
    """Tell whether an answer of this type comes as text, without a schema."""
    return isinstance(answer, _OF_WORDS) or (isinstance(answer, types.Simple) and answer.kind == "text")


@lru_cache(maxsize=512)
def _schema(type_: types.Type) -> Schema:
    """Make the schema of a type. Equal types share one schema object, so that each schema is worked on only once.

    Raises InputError if the type is nested too deep for its answers to be read.
    """
    if (levels := Extents().levels(type_)) > _DEEPEST:
        raise InputError(
            f"an answer can have at most {_DEEPEST} levels, and this type has {levels}: use a flatter type"
        )
    return Schema(types.json_schema(type_))
