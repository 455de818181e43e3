"""A file's plan and its inputs, as the command line names them."""

from __future__ import annotations

from typing import Any

from flowrun.dsl import Checked, did_you_mean, make_plan
from flowrun.dsl import plan as p

from ..errors import UsageError
from ..files import Files
from ..inputs import read_input
from .show import standard_input


def plan_of(checked: Checked, flow: str | None) -> p.Plan:
    try:
        return make_plan(checked, flow)
    except KeyError:
        known = [one.name.text for one in checked.file.flows]
        guess = did_you_mean(flow or "", known) or "there are " + ", ".join(f"`{name}`" for name in known)
        raise UsageError(f"no flow is called `{flow}`; {guess}") from None


def inputs_of(plan: p.Plan, words: list[str], pairs: tuple[str, ...], files: Files) -> dict[str, Any]:
    """The inputs that a command gives: ``--NAME VALUE``, ``--NAME=VALUE`` or, as ``pairs``, ``NAME=VALUE``.

    Some or all may be missing. A parameter that is called like an option of the command is ``--param-NAME``.
    """
    params = {param.name: param for param in plan.params}
    texts: dict[str, str] = {}
    left = iter(words)
    for word in left:
        name, equals, value = word.removeprefix("--").partition("=")
        found = _param(name, params) if word.startswith("--") else None
        if found is None:
            known = " ".join(f"--{known}" for known in params) or "none"
            guess = did_you_mean(name, params)
            raise UsageError(
                f"`{word}` is no parameter of the flow `{plan.flow}`; " + (guess or f"its parameters are: {known}")
            )
        if not equals:
            given = next(left, None)
            if given is None:
                raise UsageError(f"`{word}` needs a value behind it")
            value = given
        texts[found] = value
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise UsageError(f"`--param {pair}`: write NAME=VALUE")
        if name not in params:
            raise UsageError(f"the flow `{plan.flow}` has no parameter `{name}`. {did_you_mean(name, params)}".rstrip())
        texts[name] = value
    if list(texts.values()).count("-") > 1:
        raise UsageError("standard input can be only one parameter's value")
    return {name: read_input(params[name], text, standard_input, files) for name, text in texts.items()}


def _param(name: str, params: dict[str, p.Param]) -> str | None:
    for written in (name, name.removeprefix("param-")):
        for known in (written, written.replace("-", "_")):
            if known in params:
                return known
    return None
