"""Which errors close a model, an endpoint, or nothing but the one call; and what happens to what waits then."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from flowrun.runtime.api import RunOptions, run_async
from flowrun.runtime.providers.endpoints import HttpEndpoint
from flowrun.runtime.providers.failures import RejectedError, failure
from flowrun.runtime.vocabulary.call import Request
from flowrun.runtime.vocabulary.errors import CallError, EndpointError, ModelError, PermanentError
from support.failing_runs import Staged, in_a_map

AT = HttpEndpoint("openai:gpt-x", "https://host.example/v1", "KEY")
GONE: list[tuple[int, Any]] = [
    (404, {"error": {"message": "The model `gpt-x` does not exist or you do not have access to it.",
                     "type": "invalid_request_error", "param": None, "code": "model_not_found"}}),
    (403, {"error": {"message": "Project `p` does not have access to model `gpt-x`", "type": "invalid_request_error",
                     "param": None, "code": "model_not_found"}}),
    (404, {"type": "error", "error": {"type": "not_found_error", "message": "model: gpt-x"}}),
    (403, {"type": "error", "error": {"type": "permission_error",
                                      "message": "Your API key does not have permission to use the resource."}}),
    (404, {"error": {"code": 404, "status": "NOT_FOUND",
                     "message": "models/gpt-x is not found for API version v1beta, or is not supported for "
                                "generateContent. Call ListModels to see the list of available models."}}),
    (404, {"error": {"message": 'model "gpt-x" not found, try pulling it first', "type": "api_error"}}),
    (404, {"error": 'model "gpt-x" not found, try pulling it first'}),
    (404, {"object": "error", "message": "The model `gpt-x` does not exist.", "type": "NotFoundError", "code": 404}),
    (404, {"error": {"code": "DeploymentNotFound", "message": "The API deployment for this resource does not exist."}}),
    (404, {"error": {"message": "No endpoints found for gpt-x.", "code": 404}}),
    (400, {"error": {"message": "gpt-x is not a valid model ID", "code": 400}}),
    (400, {"error": {"message": "Model Not Exist", "type": "invalid_request_error"}}),
    (400, {"object": "error", "message": "Invalid model: gpt-x", "type": "invalid_model", "code": "1500"}),
    (400, {"error": {"message": "The model has been decommissioned.", "code": "model_decommissioned"}}),
    (403, {"error": {"message": "Team not allowed to access model. Team=t, Model=gpt-x.",
                     "type": "team_model_access_denied", "param": "model", "code": "403"}}),
    (403, {"error": {"message": "You are not allowed to use this model", "type": "x"}}),
    (404, {"error": {"message": "gone", "param": "model"}}),
    (403, {"error": {"code": 403, "status": "PERMISSION_DENIED", "message": "The caller does not have permission"}}),
]  # fmt: skip
THIS_ONE: list[tuple[int, Any]] = [
    (404, {"detail": "Not Found"}),
    (404, "404 page not found"),
    (404, "<html><h1>404 Not Found</h1></html>"),
    (404, {}),
    (404, {"error": {"message": "Invalid URL (POST /v1/chat/completionz)", "type": "invalid_request_error"}}),
    (404, {"error": {"message": "Unknown request URL: POST /v1/models/gpt-x", "code": "unknown_url"}}),
    (404, {"error": "Unexpected endpoint or method. (POST /v2/chat/completions)"}),
    (404, "The requested URL /v1beta9/models/gpt-x:generateContent was not found on this server."),
    (403, {"error": {"code": 403, "message": "Your chosen model requires moderation and your input was flagged",
                     "metadata": {"reasons": ["violence"], "flagged_input": "…", "model_slug": "gpt-x"}}}),
    (403, {"error": {"code": 403, "message": "not for this model", "metadata": {"flagged_input": "…"}}}),
    (403, {"error": {"message": "Your request was rejected by our safety system", "code": "content_policy_violation"}}),
    (403, {"error": {"message": "This prompt is not allowed for the model by usage policies", "type": "x"}}),
    (403, {"error": {"message": "model gpt-x not available", "code": "content_filter"}}),
    (403, "<html>Request blocked. Ray ID: 1</html>"),
    (403, {"error": {"message": "no"}}),
    (400, {"error": {"message": "This model does not support images", "param": "messages"}}),
    (400, {"error": {"message": "'n' is not supported by model gpt-x", "param": "n", "code": "unsupported_parameter"}}),
    (422, {"error": {"message": "the model does not exist in the schema"}}),
]  # fmt: skip


def raised(status: int, body: Any) -> CallError:
    raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    return failure(AT, status, {}, raw)


@pytest.mark.parametrize(("status", "body"), GONE)
def test_what_says_that_a_model_is_not_for_us(status: int, body: Any) -> None:
    error = raised(status, body)
    assert type(error) is ModelError
    assert "flowrun sends no more requests to this model)" in str(error)
    assert error.status == status


@pytest.mark.parametrize(("status", "body"), THIS_ONE)
def test_what_is_about_one_request(status: int, body: Any) -> None:
    assert type(raised(status, body)) in (PermanentError, RejectedError)


@pytest.mark.parametrize("status", [401, 402])
def test_a_key_or_an_account_is_the_endpoints(status: int) -> None:
    body = {"error": {"message": "The model `gpt-x` does not exist", "code": "model_not_found"}}
    assert type(raised(status, body)) is EndpointError


TWO = """
model m = "openai:m"
model n = "openai:spare"
flow main(xs: [int]) {
  a = map x in xs { ask m "m {{ x }}" } reduce collect with errors: skip
  b = map x in xs { ask n "n {{ x }}" } reduce collect with errors: skip
  return [length(a), length(b)]
}
"""


def closing(error: CallError) -> Staged:
    def says(request: Request, now: float) -> CallError | str:
        return error if request.messages[-1].text.startswith("m") and now > 0.5 else "fine"

    return Staged(TWO, says, seconds=0.1, xs=list(range(1000)))


def test_a_model_that_is_gone_is_not_asked_again_and_the_others_are() -> None:
    run = closing(ModelError("no such model", status=404))
    asked = Counter(model for model, _ in run.asked)
    assert asked["openai:m"] <= 5 * 20 + 20
    assert asked["openai:spare"] == 1000
    assert {loss.path.partition("[")[0] for loss in run.outcome.losses} == {"a"}
    assert run.outcome.value is not None
    assert run.outcome.value[1] == 1000


def test_an_account_that_is_spent_closes_the_endpoint_and_not_one_model() -> None:
    run = closing(EndpointError("no credit", status=402))
    assert run.calls <= 6 * 20 + 20
    assert {loss.path.partition("[")[0] for loss in run.outcome.losses} == {"a", "b"}
    assert run.seconds < 1


def test_another_model_takes_over_where_one_is_gone() -> None:
    text = in_a_map('ask m "{{ x }}"').replace('"openai:m"', '"openai:m" else "openai:spare"')
    gone = ModelError("no such model", status=404)
    assert Staged(text, lambda request, now: gone, xs=list(range(200))).calls <= 40
    first = iter(range(20))
    run = Staged(text, lambda request, now: "fine" if next(first, None) is None else gone, xs=list(range(200)))
    assert run.outcome.value == 200
    assert Counter(model for model, _ in run.asked) == {"openai:m": 20, "openai:spare": 200}


async def test_a_model_that_is_withdrawn_in_mid_run_costs_as_many_requests_as_were_out(
    faults: Any, tmp_path: Path
) -> None:
    said = {"error": {"message": "The model `x` does not exist", "code": "model_not_found"}}
    choice = {"index": 0, "message": {"content": "fine"}, "finish_reason": "stop"}

    async def reply(request: web.Request) -> web.StreamResponse:
        body = faults.seen[-1]
        if body["model"] == "x" and len(faults.seen) > 50:
            return web.json_response(said, status=404)
        return web.json_response({"choices": [choice], "usage": {"prompt_tokens": 1, "completion_tokens": 1}})

    faults.replies.append(reply)
    path = tmp_path / "a.flow"
    path.write_text(
        'model m = "openai:x" else "openai:y" with concurrency: 5, temperature: 0.5\n'
        'flow f(xs: [text]) { a = map x in xs { ask m "{{ x }}" } reduce collect with errors: skip return length(a) }\n'
    )
    xs = [str(n) for n in range(300)]
    result = await run_async(path, {"xs": xs}, options=RunOptions(environ={"OPENAI_BASE_URL": faults.url}))
    assert result.status == "done"
    assert result.value == 300
    assert len(faults.seen) <= 300 + 5
