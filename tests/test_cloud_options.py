"""Options at the models of clouds: in the words of their APIs, or refused with the reason before anything is sent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import test_azure
import test_bedrock
import test_vertex
from test_azure import azure  # noqa: F401 - a fixture
from test_bedrock import bedrock  # noqa: F401 - a fixture
from test_vertex import vertex  # noqa: F401 - a fixture

from flowrun.runtime.providers.option_checks import refused_at
from flowrun.runtime.vocabulary.call import Request
from support.hosted import claude

OPTIONS = {"top_p": 0.5, "stop": ["END"], "extra": {"more": {"a": 1}}}


async def test_azure_has_the_words_of_chat_completions(azure: Any) -> None:  # noqa: F811
    await test_azure.asked(test_azure.provider(azure), options={**OPTIONS, "reasoning": "low"})
    body = azure.seen[0][1]
    assert (body["top_p"], body["stop"], body["more"], body["reasoning_effort"]) == (0.5, ["END"], {"a": 1}, "low")


async def test_gemini_at_vertex_has_the_words_of_generate_content(vertex: Any, tmp_path: Path) -> None:  # noqa: F811
    one = test_vertex.provider(vertex, tmp_path)
    await test_vertex.ask(one, options={**OPTIONS, "reasoning": {"tokens": 200}})
    body = vertex.seen[0][1]
    config = body["generationConfig"]
    assert (config["topP"], config["stopSequences"], body["more"]) == (0.5, ["END"], {"a": 1})
    assert config["thinkingConfig"]["thinkingBudget"] == 200


async def test_claude_at_vertex_has_the_words_of_messages(vertex: Any, tmp_path: Path) -> None:  # noqa: F811
    vertex.replies = [(200, claude("Hello."))]
    await test_vertex.ask(test_vertex.provider(vertex, tmp_path, "claude-haiku-4-5@20251001"), options=OPTIONS)
    body = vertex.seen[0][1]
    assert (body["top_p"], body["stop_sequences"], body["more"]) == (0.5, ["END"], {"a": 1})


async def test_converse_has_two_options_and_extra(bedrock: Any) -> None:  # noqa: F811
    one = test_bedrock.provider(bedrock)
    await one.complete(Request(test_bedrock.HELLO, options=OPTIONS), 1)
    await one.close()
    body = bedrock.seen[0].body
    assert body["inferenceConfig"] == {"topP": 0.5, "stopSequences": ["END"]} and body["more"] == {"a": 1}


@pytest.mark.parametrize(
    ("model", "option", "why"),
    [
        ("bedrock:amazon.nova-lite-v1:0", {"reasoning": "low"}, "write those of the model into `extra`"),
        ("bedrock:amazon.nova-lite-v1:0", {"logprobs": True}, "Converse has no such option"),
        ("vertex:gemini-2.5-flash", {"service_tier": "flex"}, "its endpoint does not serve it"),
        ("vertex:claude-haiku-4-5@20251001", {"verbosity": "low"}, "Messages has no such option"),
        ("azure:mine", {"service_tier": "standard_only"}, "the tiers of Chat Completions"),
    ],
)
def test_what_a_cloud_does_not_take_is_refused_with_the_reason(model: str, option: dict[str, Any], why: str) -> None:
    ((found),) = refused_at(model, option).values()
    assert why in found
    for one in ("bedrock:amazon.nova-lite-v1:0", "vertex:gemini-2.5-flash", "vertex:claude-haiku-4-5@20251001"):
        assert refused_at(one, OPTIONS) == {}
