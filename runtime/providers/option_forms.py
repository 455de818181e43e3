"""Descriptions of the APIs' further options: the fields of an API, and the ways of its families of models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from re import Pattern
from typing import Any

from flowrun.dsl import dataclass

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reasoning:
    """The way in which models take the option `reasoning`.

    Attributes:
        at: the field of a level. A level has its word or its number of tokens in ``levels``; others are refused.
        tokens_at: the field of a number of tokens; None if the models take none.
        least: the smallest number of tokens, and ``most`` the greatest.
        off: the fields for `none`; None if the models always reason.
        on: further fields for every level, and ``counted`` for a number of tokens.
        within: a number of tokens must be below `max_tokens`.
        least_top_p: the smallest `top_p` of a model that reasons.
    """

    at: Path
    levels: Mapping[str, Any]
    tokens_at: Path | None = None
    least: int = 1
    most: int | None = None
    off: Mapping[str, Any] | None = field(default_factory=dict)
    on: Mapping[str, Any] = field(default_factory=dict)
    counted: Mapping[str, Any] = field(default_factory=dict)
    within: bool = False
    least_top_p: float = 0.0


@dataclass(frozen=True, slots=True)
class Family:
    """Models of one kind. Their names have ``names``.

    Attributes:
        reasoning: the way in which they reason; None if they do not.
        lacks: options that they do not take, by the reason.
        unreasoned: options that they take only if they do not reason, `temperature` among them.
        stops: the most texts of `stop`.
        one_choice: they take `temperature` or `top_p`, not both.
    """

    names: Pattern[str]
    reasoning: Reasoning | None
    lacks: Mapping[str, str] = field(default_factory=dict)
    unreasoned: frozenset[str] = frozenset()
    stops: int | None = None
    one_choice: bool = False


@dataclass(frozen=True, slots=True)
class Api:
    """An API: its fields for options, the options that it has not, its words for tiers, and its families of models.

    ``written`` is the `max_tokens` that flowrun sends for an ask without, None if it sends none. ``extra`` is the place
    of the fields of `extra` in the body. ``hottest`` is the highest temperature
    (platform.claude.com/docs/en/api/messages; docs.aws.amazon.com/bedrock, "InferenceConfiguration"). ``own`` has the
    fields that flowrun writes beside the options, with the reasons why `extra` must not set them.
    """

    title: str
    fields: Mapping[str, Path]
    lacks: Mapping[str, str]
    tiers: Mapping[str, str]
    families: tuple[Family, ...]
    logprobs: Mapping[str, Any]
    written: int | None = None
    extra: Path = ()
    hottest: float = 2
    own: Mapping[Path, str] = field(default_factory=dict)
