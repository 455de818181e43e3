"""The options that `with` takes, and what each may stand on."""

from __future__ import annotations

from flowrun.dsl import OptionSpec, ParamSpec, Where, types

_ASKS: frozenset[Where] = frozenset({"ask", "model"})

OPTIONS: dict[str, OptionSpec] = {
    spec.name: spec
    for spec in (
        OptionSpec("temperature", types.NUMBER, _ASKS, "how freely the model chooses its words", 0, 2),
        OptionSpec("max_tokens", types.INT, _ASKS, "the greatest length of an answer", 1),
        OptionSpec("seed", types.INT, _ASKS, "makes sampling repeatable where the provider can"),
        OptionSpec("timeout", types.Quantity("s"), _ASKS, "the time that one attempt may take", 0.001),
        OptionSpec("retries", types.INT, _ASKS, "how often to ask again after a failure or a malformed answer", 0, 20),
        OptionSpec(
            "concurrency",
            types.INT,
            frozenset({"model", "map", "repeat"}),
            "how many requests, elements or samples may be open at once",
            1,
        ),
        OptionSpec(
            "errors",
            types.Choice(("fail", "skip", "none")),
            frozenset({"map"}),
            "what a failed element does: fail the map, be left out, or keep its place empty",
            rules={"skip": (ParamSpec("share", types.Quantity("%"), required=True, low=0, high=1),)},
        ),
        OptionSpec(
            "launch",
            types.Choice(("cost", "latency", "together")),
            frozenset({"repeat"}),
            "samples as they are needed, all at once until decided, or all",
        ),
    )
}
