"""The check of the images of a run against its models, before anything is sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from flowrun.dsl import given_images, types
from flowrun.dsl import plan as p

from ..files.files import Files
from ..plans.reads import calls
from ..vocabulary.errors import UsageError
from ..vocabulary.json_value import Json

PAGES = "pages"


def shows_images(plan: p.Plan) -> bool:
    """Tell whether a flow takes images, or makes them of the pages of a document."""
    params = [*plan.params, *(param for flow in plan.flows.values() for param in flow.params)]
    return any(types.holds_image(param.type) for param in params) or calls(plan, PAGES)


def must_take_images(
    plan: p.Plan, values: Mapping[str, Json], files: Files, model: str, environ: Mapping[str, str]
) -> None:
    """Raise UsageError if the flow shows an image to a model that cannot take it, or takes no images at all."""
    if not shows_images(plan):
        return
    # Most flows show no images, and their runs need no bounds.
    from ..forecast.estimate import estimate_plan
    from ..providers.image_counts import ImageRefusedError

    try:
        estimate_plan(plan, values, files, model=model, environ=environ)
    except ImageRefusedError:
        raise
    except UsageError:
        # Another part of the flow has no estimate. The run tells why, if it comes to that part.
        return


@contextmanager
def paged_inputs(plan: p.Plan) -> Iterator[None]:
    """Read the inputs of a plan inside of it: documents remember their files if the plan calls `pages`."""
    from ..documents.paged import PAGED

    before = PAGED.set(calls(plan, PAGES))
    try:
        yield
    finally:
        PAGED.reset(before)


def unchanged_images(plan: p.Plan, values: dict[str, Json]) -> dict[str, Json]:
    """Return the inputs of a run that goes on, with their images. Raises UsageError if the file of one has changed."""
    seen = {param.name: param.type for param in plan.params if types.holds_image(param.type)}
    if not seen:
        return values
    from ..inputs.images import check_unchanged  # few flows take images

    found = values | {name: given_images(values[name], type_) for name, type_ in seen.items() if name in values}
    for name in seen:
        check_unchanged(found.get(name), name)
    return found
