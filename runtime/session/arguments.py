"""The arguments of the functions that run flows: a flow, its inputs and the options of the run."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any

from flowrun.dsl import Catalog, Checked, Source, types
from flowrun.dsl import plan as p

from ..catalog import catalog_for, open_catalog
from ..documents.value_words import described
from ..files.urls import Url, is_url
from ..inputs.python_inputs import check_texts, names_a_file
from ..providers import open_provider
from ..vocabulary.errors import InputError, UsageError
from ..vocabulary.json_value import Json
from ..vocabulary.quoting import shown
from .loading import checked_inputs, load, plan_of
from .options import AnyPath, RunOptions

Flow = AnyPath | Checked | p.Plan
_OPTIONS = frozenset(field.name for field in fields(RunOptions))


def options_of(given: object) -> RunOptions:
    """Return the caller's options, the usual ones for None. Raises UsageError, if they are anything else."""
    if given is None:
        return RunOptions()
    if not isinstance(given, RunOptions):
        raise UsageError(
            f"`options` must be a RunOptions, such as RunOptions(budget='$1'); found {described(given)}. If the flow "
            'has a parameter `options`, put it into the mapping of inputs: {"options": …}'
        )
    return given


def planned(flow: Flow, options: RunOptions) -> p.Plan:
    """Return the plan of a flow. A file is read and checked."""
    if isinstance(flow, p.Plan):
        return flow
    if isinstance(flow, Checked):
        return plan_of(flow)
    return plan_of(load(flow, options.catalog or _catalog(flow, options)))


def _catalog(flow: AnyPath, options: RunOptions) -> Catalog:
    if options.opener is not open_provider:
        return open_catalog()
    name = flow.name if isinstance(flow, Source) else flow if isinstance(flow, str) else str(flow)
    return catalog_for(name, options.surroundings)


def given_inputs(plan: p.Plan, inputs: object, values: Mapping[str, Any]) -> dict[str, Json]:
    """Return the caller's inputs as plain data, from the mapping and the keywords. Raises InputError, UsageError."""
    if inputs is not None and not isinstance(inputs, Mapping):
        raise UsageError(
            f"`inputs` must be a mapping of the flow's parameters to their values; found {described(inputs)}. "
            'If the flow has a parameter `inputs`, put it into this mapping: {"inputs": …}'
        )
    known = {param.name for param in plan.params}
    for name in values:
        if name in _OPTIONS and name not in known:
            raise UsageError(f"the flow `{plan.flow}` has no parameter `{name}`: {as_option(name)}")
        if inputs and name in inputs:
            raise InputError(f"`{name}` is given twice, in the mapping of inputs and as a keyword: give it only once")
    given = {**(inputs or {}), **values}
    seen = {param.name: param.type for param in plan.params if types.holds_image(param.type)}
    if seen:
        from ..inputs.images import from_python  # few flows take images

        given |= {name: from_python(given[name], type_, name) for name, type_ in seen.items() if name in given}
    from ..inputs.python_values import plain_inputs

    # A text may come from a stranger, so only a Url is read.
    return plain_inputs(given) | {name: value for name, value in given.items() if isinstance(value, Url)}


def as_option(name: str) -> str:
    """Return the advice for a keyword that is no parameter of the flow."""
    if name not in _OPTIONS:
        return f"there is no option `{name}`; the options are {', '.join(sorted(_OPTIONS))}"
    return f"write the option as options=RunOptions({name}=…)"


def urls_in(plan: p.Plan, given: Mapping[str, Any]) -> dict[str, str]:
    """Return the inputs that are URLs, by parameter, as the command writes them. Raises UsageError if one is none."""
    found = {}
    for param in plan.params:
        url = given.get(param.name)
        if isinstance(url, Url):
            if not is_url(url):
                raise UsageError(f"`{param.name}`: {shown(str(url))} is no URL, such as `s3://bucket/rows.jsonl`")
            found[param.name] = f"@{url}" if types.unwrapped(param.type) == types.TEXT else str(url)
    return found


def _read_urls(plan: p.Plan, named: Mapping[str, str], remarks: list[str]) -> dict[str, Json]:
    from ..inputs.inputs import read_input
    from ..plans.streaming import only_mapped
    from .images import paged_inputs

    with paged_inputs(plan):
        return {
            param.name: read_input(
                *(param, named[param.name], str),
                by_row=only_mapped(plan, param.name),
                tell=remarks.append,
                urls=True,
            )
            for param in plan.params
            if param.name in named
        }


async def read_inputs(plan: p.Plan, given: Mapping[str, Json], remarks: list[str]) -> dict[str, Json]:
    """Read the caller's inputs and check them against their types. ``remarks`` collects the remarks of the readers."""
    named = urls_in(plan, given)
    if named:
        given = {**given, **await asyncio.to_thread(_read_urls, plan, named, remarks)}
    check_texts(plan.params, given, Path(plan.source).parent, remarks.append)
    read = partial(checked_inputs, plan, given, tell=remarks.append)
    # Files are read in a thread, because the event loop may serve others.
    return await asyncio.to_thread(read) if any(map(names_a_file, given.values())) else read()
