"""`flowrun endpoints check`: find out what an endpoint can, by one small request."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..costs.written_budget import read_budget
from ..vocabulary.errors import CallError
from ..vocabulary.quoting import inert
from . import exits
from .consent import host_question, person
from .console import complain
from .paths import PathThatIs

if TYPE_CHECKING:
    from ..providers.declared_endpoints import DeclaredEndpoints
    from ..providers.probing import Abilities
    from ..session.endpoint_check import CheckPlan

_TITLES = {
    "n": "several samples in one request",
    "json_schema": "answers of a type (JSON Schema)",
    "stream": "answers in pieces",
    "usage": "counted tokens",
    "seed": "repeatable sampling",
    "logprobs": "probabilities of tokens",
}
_WORDS = {
    "served": "yes",
    "refused": "no: the server refuses it",
    "ignored": "no: the server leaves it out",
    "taken": "taken; no reply can show that it works",
    "unknown": "not known",
}


@click.command("check", short_help="Send a small request, and tell what the endpoint can.")
@click.argument("name")
@click.option("--model", default="", metavar="MODEL", help="The model to ask; the default is the provider's example.")
@click.option("--flow", type=PathThatIs(), metavar="FILE", help="A flow file that declares the endpoint.")
@click.option("--budget", metavar="BUDGET", help="The most that the check may take: '2 calls' or '$0.01'.")
@click.option("--allow-host", multiple=True, metavar="HOST", help="Let the flow's endpoint be at this host.")
@click.option("--yes", "-y", is_flag=True, help="Send it without asking on the terminal.")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def check(name: str, model: str, flow: Path | None, **given: Any) -> int:
    """Ask the endpoint NAME for several samples, a type, a stream, counted tokens, a seed and probabilities at once.

    Only if the server refuses that, further requests tell which part it refuses. The findings are kept by address and
    model, and later runs begin with them.
    """
    from ..session.endpoint_check import permit_check, plan_check, run_check

    budget = read_budget(given["budget"]) if given["budget"] is not None else None
    declared = _declared(flow)
    plan = plan_check(name, model, os.environ, declared, budget)
    for line in _plan_lines(plan):
        print(inert(line), file=sys.stderr)
    permit_check(plan, declared, given["allow_host"], os.environ, host_question())
    ask = person()
    if not given["yes"] and ask is not None and not ask("Send it? [y/N] "):
        complain("nothing was sent")
        return exits.DONE
    try:
        abilities, kept = run_check(plan)
    except CallError as error:
        complain(str(error))
        return exits.FAILED
    if given["as_json"]:
        print(json.dumps(_data(plan, abilities, kept=kept), ensure_ascii=False, indent=2))
    else:
        for line in _lines(abilities, kept=kept):
            print(inert(line))
    return exits.OVER_LIMIT if abilities.spent and "unknown" in abilities.found.values() else exits.DONE


def _declared(flow: Path | None) -> DeclaredEndpoints:
    """Return the endpoints of the user and the project, and those of a flow."""
    from ..providers.declared_endpoints import DeclaredEndpoints, endpoints_of
    from ..session.loading import load, plan_of

    if flow is None:
        return DeclaredEndpoints(os.getcwd(), os.environ)
    return endpoints_of(plan_of(load(flow)), os.environ)


def _plan_lines(plan: CheckPlan) -> list[str]:
    from ..providers.probe_bodies import MOST_READ, MOST_WRITTEN, SAMPLES

    key = f"with the key in {plan.key}" if plan.key else "without a key"
    cost = "cost unknown" if plan.cost is None else f"cost at most ${plan.cost:.4f}"
    more = "" if plan.most == 1 else f", and at most {plan.most} if the server refuses a part"
    return [
        f"{plan.name}:{plan.model} at {plan.address}, {key}",
        f"1 request{more} · each ≈ {MOST_READ} tokens in and at most {SAMPLES * MOST_WRITTEN} out · {cost}",
    ]


def _lines(abilities: Abilities, *, kept: bool) -> list[str]:
    width = max(map(len, _TITLES.values()))
    lines = []
    for part, title in _TITLES.items():
        found = "no: its API has no words for it" if part in abilities.wordless else _WORDS[abilities.found[part]]
        lines.append(f"{part:<12} {title:<{width}}  {found}")
    requests = f"{abilities.requests} request{'' if abilities.requests == 1 else 's'}"
    counted = abilities.read or abilities.written
    tokens = f"{abilities.read} tokens in, {abilities.written} out" if counted else "tokens not counted"
    return [*lines, f"{requests} · {tokens} · {'kept for later runs' if kept else 'not kept'}"]


def _data(plan: CheckPlan, abilities: Abilities, *, kept: bool) -> dict[str, Any]:
    return {
        "version": 1,
        "endpoint": plan.name,
        "model": plan.model,
        "address": plan.address,
        "key": plan.key,
        "abilities": {**abilities.found, **dict.fromkeys(abilities.wordless, "wordless")},
        "requests": abilities.requests,
        "input_tokens": abilities.read,
        "output_tokens": abilities.written,
        "kept": kept,
    }
