"""The options of `with`, and the kinds of steps or declarations that may have each of them."""

from __future__ import annotations

from flowrun.dsl import OptionSpec, ParamSpec, Where, types

from .sent_options import SENT

_ASKS: frozenset[Where] = frozenset({"ask", "model"})
_BLOCKS: frozenset[Where] = frozenset({"map", "repeat", "fanout"})
HEDGES = ("p75", "p80", "p90", "p95", "p98", "p99")
_MODEL: frozenset[Where] = frozenset({"model"})

OPTIONS: dict[str, OptionSpec] = {
    spec.name: spec
    for spec in (
        OptionSpec("temperature", types.NUMBER, _ASKS, "how freely the model chooses its words", 0, 2),
        OptionSpec("max_tokens", types.INT, _ASKS, "the greatest length of an answer", 1),
        OptionSpec("seed", types.INT, _ASKS, "makes sampling repeatable where the provider can"),
        *SENT,
        OptionSpec(
            "timeout",
            types.Quantity("s"),
            _ASKS | _BLOCKS | {"chain", "match", "cascade", "flow"},
            "the longest time of one attempt, or of a whole block",
            0.001,
        ),
        OptionSpec(
            "retries",
            types.INT,
            _ASKS | _BLOCKS | {"chain", "match", "cascade", "flow"},
            "how often to ask again after a failure or a malformed answer; on a block, for each ask inside",
            0,
            20,
        ),
        OptionSpec("stream", types.BOOL, _ASKS, "whether flowrun reads the answer as a stream"),
        OptionSpec(
            "hedge",
            types.Choice(HEDGES),
            _ASKS,
            "sends a slow request a second time: with `p95`, a request that is slower than 95 in 100",
        ),
        OptionSpec("cache", types.BOOL, _ASKS, "whether a server is asked to keep the beginning of a prompt for less"),
        OptionSpec(
            "batch", types.BOOL, _ASKS, "whether to ask through the batch API, at half the price within 24 hours"
        ),
        OptionSpec("rpm", types.INT, _MODEL, "how many requests a minute may be sent", 1),
        OptionSpec("tpm", types.INT, _MODEL, "how many tokens a minute may be used", 1),
        OptionSpec("input_price", types.NUMBER, _MODEL, "dollars for a million tokens of the prompt", 0),
        OptionSpec("output_price", types.NUMBER, _MODEL, "dollars for a million tokens of the answer", 0),
        OptionSpec("cached_price", types.NUMBER, _MODEL, "dollars for a million tokens of the prompt from a cache", 0),
        OptionSpec(
            "stored_price", types.NUMBER, _MODEL, "dollars for a million tokens of the prompt put in a cache", 0
        ),
        OptionSpec(
            "concurrency",
            types.INT,
            frozenset({"model", "map", "repeat"}),
            "how many requests, elements or samples may be open at once",
            1,
        ),
        OptionSpec(
            "weight",
            types.NUMBER,
            frozenset({"map", "repeat"}),
            "the share of its votes in a budget that may not reach for all, beside those of other blocks",
            0.001,
            1000,
        ),
        OptionSpec(
            "errors",
            types.Choice(("fail", "skip", "none")),
            frozenset({"map", "fanout"}),
            "the effect of a failed element or branch: `fail` the block, `skip` the element, or give `none` for it",
            rules={"skip": (ParamSpec("share", types.Quantity("%"), required=True, low=0, high=1),)},
        ),
        OptionSpec(
            "launch",
            types.Choice(("cost", "latency", "together")),
            frozenset({"repeat"}),
            "how to send samples: only the needed ones, all at once until the vote is decided, or all",
        ),
    )
}


def quantile_of(hedge: str) -> float:
    """Return the quantile that the option `hedge` names: 0.95 for ``p95``."""
    return int(hedge.removeprefix("p")) / 100
