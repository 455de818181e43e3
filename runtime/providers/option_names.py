"""The further options in the words of each API, by families of models.

Sources: platform.openai.com/docs/api-reference/chat/create and its guide "Reasoning models"; openrouter.ai/docs,
"Reasoning tokens"; platform.claude.com/docs, "Messages", "Extended thinking", "Adaptive thinking", "Effort" and the
migration guides of Opus 4.7 and Opus 5; ai.google.dev/api/generate-content, "GenerationConfig" and "ThinkingConfig",
and the pages "Gemini thinking", "OpenAI compatibility" (levels as budgets) and "Optimization" (tiers); the README of
llama.cpp's server; docs.aws.amazon.com/bedrock, "InferenceConfiguration", "ServiceTier" and "Adaptive thinking"
(Converse takes the fields of Claude in ``additionalModelRequestFields``); docs.cloud.google.com/vertex-ai, "Priority
PayGo" (a header names the tier).
"""

from __future__ import annotations

from dataclasses import replace

from flowrun.dsl import pattern

from .option_forms import Api, Family, Reasoning

TOP_LOGPROBS = 5
"""The number of likeliest tokens that are asked for in each place of an answer."""
DROPPABLE = ("verbosity", "user", "logprobs")
"""Options that a request may go on without, which flowrun then tells. The others change the meaning or the price."""

_BY_TYPE = "the type of the answer sets it"
_SOME = ("low", "medium", "high")
_LEVELS = {word: word for word in ("minimal", *_SOME)}
_EFFORT = Reasoning(("reasoning_effort",), _LEVELS, off={"reasoning_effort": "none"})
_SAMPLING = frozenset({"temperature", "top_p", "presence_penalty", "frequency_penalty", "logprobs"})
_NO_SAMPLING = dict.fromkeys(_SAMPLING - {"temperature"}, "models that reason do not take it")
_NO_VERBOSITY = {"verbosity": "OpenAI's models take it from gpt-5 on"}
_CLASSIC, _O, _FIVE = pattern(r"\A(?:gpt-[34]|chatgpt)"), pattern(r"\Ao\d"), pattern(r"\Agpt-5(?!\.)")
_SINCE_FIVE = pattern(r"\Agpt-5\.")
_ANY = pattern("")

_CHAT = Api(
    "Chat Completions",
    {
        "top_p": ("top_p",),
        "stop": ("stop",),
        "presence_penalty": ("presence_penalty",),
        "frequency_penalty": ("frequency_penalty",),
        "service_tier": ("service_tier",),
        "verbosity": ("verbosity",),
        "user": ("user",),
    },
    {},
    {word: word for word in ("auto", "default", "flex", "priority")},
    (
        Family(_CLASSIC, None, _NO_VERBOSITY, stops=4),
        Family(
            _O,
            replace(_EFFORT, levels={word: word for word in _SOME}, off=None),
            {**_NO_SAMPLING, **_NO_VERBOSITY, "stop": "models that reason do not take it"},
        ),
        Family(_FIVE, replace(_EFFORT, off=None), _NO_SAMPLING, stops=4),
        Family(
            _SINCE_FIVE,
            replace(_EFFORT, levels={word: word for word in _SOME}),
            unreasoned=_SAMPLING,
            stops=4,
        ),
        Family(_ANY, _EFFORT),
    ),
    {"logprobs": True, "top_logprobs": TOP_LOGPROBS},
)

_ROUTED = Reasoning(
    ("reasoning", "effort"), _LEVELS, tokens_at=("reasoning", "max_tokens"), off={"reasoning": {"effort": "none"}}
)

# Levels as budgets have the numbers of LiteLLM, which fit into the usual 4,096 tokens of an answer but for `high`.
_BUDGET = Reasoning(
    ("thinking", "budget_tokens"),
    {"minimal": 1024, "low": 1024, "medium": 2048, "high": 4096},
    tokens_at=("thinking", "budget_tokens"),
    least=1024,
    on={"thinking": {"type": "enabled"}},
    counted={"thinking": {"type": "enabled"}},
    within=True,
    least_top_p=0.95,
)
_ADAPTIVE = Reasoning(
    ("output_config", "effort"), {**_LEVELS, "minimal": "low"}, on={"thinking": {"type": "adaptive"}}, least_top_p=0.95
)
# These models leave out the text of their thoughts, unless they are asked for it.
_SHOWN = replace(_ADAPTIVE, on={"thinking": {"type": "adaptive", "display": "summarized"}})
_COLD = frozenset({"temperature"})
_NO_TOP_P = {"top_p": "Claude does not take it since Opus 4.7"}

_MESSAGES = Api(
    "Messages",
    {
        "top_p": ("top_p",),
        "stop": ("stop_sequences",),
        "service_tier": ("service_tier",),
        "user": ("metadata", "user_id"),
    },
    dict.fromkeys(("presence_penalty", "frequency_penalty", "verbosity", "logprobs"), "Messages has no such option"),
    {word: word for word in ("auto", "standard_only")},
    (
        Family(pattern(r"claude-(?:[12]|instant|3-(?:5|opus|sonnet|haiku))"), None),
        Family(pattern(r"claude-(?:3-7|(?:opus|sonnet)-4(?:-0)?(?:\Z|-20|@))"), _BUDGET, unreasoned=_COLD),
        Family(pattern(r"claude-(?:opus|sonnet|haiku)-4-[1-5](?:\D|\Z)"), _BUDGET, unreasoned=_COLD, one_choice=True),
        Family(
            pattern(r"claude-(?:opus|sonnet|haiku)-4-6"),
            replace(
                _ADAPTIVE,
                tokens_at=_BUDGET.tokens_at,
                least=_BUDGET.least,
                counted=_BUDGET.counted,
                within=True,
            ),
            unreasoned=_COLD,
            one_choice=True,
        ),
        Family(pattern(r"claude-(?:opus|sonnet|haiku)-4-[78]"), _SHOWN, _NO_TOP_P, unreasoned=_COLD),
        Family(pattern("claude"), replace(_SHOWN, off={"thinking": {"type": "disabled"}}), _NO_TOP_P, unreasoned=_COLD),
        Family(_ANY, _BUDGET, unreasoned=_COLD),
    ),
    {},
    4096,
    hottest=1,
    own={("output_config", "format"): _BY_TYPE},
)

_THINKING = ("generationConfig", "thinkingConfig")
_THOUGHTS = {"generationConfig": {"thinkingConfig": {"includeThoughts": True}}}
_NO_THOUGHTS = {"generationConfig": {"thinkingConfig": {"thinkingBudget": 0}}}
_TWO = Reasoning(
    (*_THINKING, "thinkingBudget"),
    {"minimal": 1024, "low": 1024, "medium": 8192, "high": 24_576},
    tokens_at=(*_THINKING, "thinkingBudget"),
    least=1,
    most=24_576,
    off=_NO_THOUGHTS,
    on=_THOUGHTS,
    counted=_THOUGHTS,
)
_THREE = Reasoning((*_THINKING, "thinkingLevel"), _LEVELS, off=None, on=_THOUGHTS)

_GENERATE = Api(
    "generateContent",
    {
        "top_p": ("generationConfig", "topP"),
        "stop": ("generationConfig", "stopSequences"),
        "presence_penalty": ("generationConfig", "presencePenalty"),
        "frequency_penalty": ("generationConfig", "frequencyPenalty"),
        "service_tier": ("service_tier",),
    },
    dict.fromkeys(("verbosity", "user"), "generateContent has no such option"),
    {"default": "standard", "flex": "flex", "priority": "priority"},
    (
        Family(pattern(r"gemini-(?:1|2\.0)"), None, stops=5),
        Family(pattern(r"gemini-2\.5-pro"), replace(_TWO, least=128, most=32_768, off=None), stops=5),
        Family(pattern(r"gemini-2\.5-flash-lite"), replace(_TWO, least=512), stops=5),
        Family(pattern(r"gemini-2\.5"), _TWO, stops=5),
        Family(
            pattern(r"gemini-3-pro"), replace(_THREE, levels={"minimal": "low", "low": "low", "high": "high"}), stops=5
        ),
        Family(pattern(r"gemini-3\.\d-pro"), replace(_THREE, levels={**_LEVELS, "minimal": "low"}), stops=5),
        Family(_ANY, _THREE, stops=5),
    ),
    {"generationConfig": {"responseLogprobs": True, "logprobs": TOP_LOGPROBS}},
    own={("generationConfig", name): _BY_TYPE for name in ("responseMimeType", "responseSchema", "responseJsonSchema")},
)

_EMBEDDED = Api(
    "the embedded model",
    {name: (name,) for name in ("top_p", "stop", "presence_penalty", "frequency_penalty")},
    {
        "service_tier": "the embedded model runs on this machine",
        "user": "the embedded model runs on this machine",
        "verbosity": "the embedded model has no such option",
    },
    {},
    (Family(_ANY, None),),
    _CHAT.logprobs,
    own={("grammar",): _BY_TYPE, ("id_slot",): "flowrun chooses the place that has the prompt"},
)

_OWN = "additionalModelRequestFields"


def _own(reasoning: Reasoning | None) -> Reasoning | None:
    """Return a way of reasoning whose fields Converse hands on to the model."""
    if reasoning is None:
        return None
    off, on, counted = ({_OWN: one} if one else one for one in (reasoning.off, reasoning.on, reasoning.counted))
    at, tokens_at = (_OWN, *reasoning.at), reasoning.tokens_at and (_OWN, *reasoning.tokens_at)
    return replace(reasoning, at=at, tokens_at=tokens_at, off=off, on=on or {}, counted=counted or {})


_UNTOLD = {"reasoning": "flowrun knows no field of Converse for it: write the model's own fields in `extra`"}
_CONVERSE = Api(
    "Converse",
    {
        "top_p": ("inferenceConfig", "topP"),
        "stop": ("inferenceConfig", "stopSequences"),
        "service_tier": ("serviceTier", "type"),
    },
    dict.fromkeys(
        ("presence_penalty", "frequency_penalty", "verbosity", "logprobs", "user"), "Converse has no such option"
    ),
    {word: word for word in ("default", "flex", "priority")},
    (
        Family(pattern(r"claude-(?:v\d|instant)"), None),
        *(replace(one, reasoning=_own(one.reasoning)) for one in _MESSAGES.families[:-1]),
        Family(pattern(r"gpt-oss"), Reasoning((_OWN, "reasoning_effort"), {one: one for one in _SOME}, off=None)),
        Family(_ANY, None, _UNTOLD),
    ),
    {},
    extra=(_OWN,),
    hottest=1,
)
_NO_TIER = {"service_tier": "Vertex AI has it in no field of a request"}

APIS = {
    "openai": _CHAT,
    "anthropic": _MESSAGES,
    "gemini": _GENERATE,
    "embedded": _EMBEDDED,
    "bedrock": _CONVERSE,
    "vertex": replace(_GENERATE, lacks={**_GENERATE.lacks, **_NO_TIER}),
    "vertex-claude": replace(
        _MESSAGES,
        lacks={**_MESSAGES.lacks, **_NO_TIER},
        own={**_MESSAGES.own, ("anthropic_version",): "flowrun speaks one version of the API"},
    ),
}
"""The APIs by the names that traits have for them."""
HOSTS = {
    ("openai", "openai.com"): replace(_CHAT, fields={**_CHAT.fields, "user": ("safety_identifier",)}),
    ("openai", "openrouter.ai"): replace(_CHAT, families=(Family(_ANY, _ROUTED),)),
}
"""Servers whose words differ, by their API and the end of their host."""
