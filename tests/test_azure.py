"""Azure OpenAI: the addresses of v1 and of the classic API, its key, its content filter, and what is missing."""

from __future__ import annotations

from typing import Any

import pytest

from flowrun.runtime.providers import open_provider
from flowrun.runtime.providers.protocol import Provider, Surroundings
from flowrun.runtime.vocabulary.call import Message, Request
from flowrun.runtime.vocabulary.errors import ModelError, PermanentError, UsageError
from support.azure_server import KEY, AzureServer, blocked, filtered
from support.hosted import LINES, LIST, ask, chat, rejection


@pytest.fixture
async def azure() -> Any:
    async with AzureServer([(200, chat("Hello."))]).serving() as server:
        yield server


def provider(server: AzureServer, name: str = "my-gpt", **more: str) -> Provider:
    LINES.clear()
    given = {"AZURE_OPENAI_ENDPOINT": server.url, "AZURE_OPENAI_API_KEY": KEY, **more}
    return open_provider(f"azure:{name}", Surroundings(given, LINES.append))


async def asked(one: Provider, **parameters: Any) -> Any:
    try:
        return await ask(one, **parameters)
    finally:
        await one.close()


async def test_v1_is_the_usual_way(azure: AzureServer) -> None:
    answers = await asked(provider(azure), max_tokens=9)
    assert answers[0].text == "Hello."
    ((path, body, headers),) = azure.seen
    assert path == "/openai/v1/chat/completions"
    # A deployment stands for the model. Reasoning models take the newer name of the limit only.
    assert (body["model"], body["max_completion_tokens"]) == ("my-gpt", 9)
    assert headers["api-key"] == KEY and "Authorization" not in headers


@pytest.mark.parametrize("variable", ["AZURE_OPENAI_API_VERSION", "OPENAI_API_VERSION"])
async def test_a_version_asks_for_the_classic_api(variable: str, azure: AzureServer) -> None:
    await asked(provider(azure, "my gpt/4", **{variable: "2024-10-21"}))
    assert azure.seen[0][0] == "/openai/deployments/my%20gpt%2F4/chat/completions?api-version=2024-10-21"


async def test_the_preview_of_v1(azure: AzureServer) -> None:
    await asked(provider(azure, AZURE_OPENAI_API_VERSION="preview"))
    assert azure.seen[0][0] == "/openai/v1/chat/completions?api-version=preview"


@pytest.mark.parametrize(
    ("given", "version", "base"),
    [
        ("https://r.openai.azure.com", "", "https://r.openai.azure.com/openai/v1"),
        ("https://r.openai.azure.com/", "v1", "https://r.openai.azure.com/openai/v1"),
        ("https://r.openai.azure.com/openai/v1/", "", "https://r.openai.azure.com/openai/v1"),
        ("https://r.openai.azure.com/openai", "", "https://r.openai.azure.com/openai/v1"),
        ("https://r.openai.azure.com/", "2024-10-21", "https://r.openai.azure.com/openai"),
        (
            "https://r.openai.azure.com/openai/deployments/gpt/chat/completions?api-version=2024-02-01",
            "2025-01-01-preview",
            "https://r.openai.azure.com/openai",
        ),
        ("https://r.services.ai.azure.com/api/projects/p", "", "https://r.services.ai.azure.com/openai/v1"),
        ("https://gateway.example/team", "", "https://gateway.example/team/openai/v1"),
    ],
)
def test_any_address_that_the_portal_shows_will_do(given: str, version: str, base: str) -> None:
    environ = {"AZURE_OPENAI_ENDPOINT": given, "AZURE_OPENAI_API_KEY": KEY, "AZURE_OPENAI_API_VERSION": version}
    assert open_provider("azure:gpt", Surroundings(environ)).endpoint == base


async def test_a_token_of_entra(azure: AzureServer) -> None:
    await asked(provider(azure, AZURE_OPENAI_API_KEY="", AZURE_OPENAI_AD_TOKEN="eyJ0eXAiOiJKV1Qi.s3cret.x9"))
    headers = azure.seen[0][2]
    assert headers["Authorization"] == "Bearer eyJ0eXAiOiJKV1Qi.s3cret.x9" and "api-key" not in headers


async def test_a_prompt_that_the_filter_blocks_is_final(azure: AzureServer) -> None:
    azure.replies = [(400, blocked())]
    one = provider(azure)
    with pytest.raises(PermanentError, match="content management policy"):
        # The code says that no other form of the request helps, so none is tried.
        await asked(one, schema=LIST, temperature=0.5)
    assert len(azure.seen) == 1 and LINES == []


@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer_that_the_filter_cuts(stream: bool, azure: AzureServer) -> None:
    azure.replies = [(200, filtered("Once"), stream)]
    answers = await asked(provider(azure), stream=stream)
    assert (answers[0].text, answers[0].finish) == ("Once", "filtered")


async def test_a_stream_begins_with_an_event_about_the_prompt(azure: AzureServer) -> None:
    azure.replies = [(200, chat("Hello."), True)]
    answers = await asked(provider(azure), stream=True)
    assert (answers[0].text, answers[0].finish) == ("Hello.", "stop")


async def test_an_old_version_takes_the_old_name_of_the_limit(azure: AzureServer) -> None:
    azure.replies = [
        (400, rejection("Unrecognized request argument supplied: max_completion_tokens", "max_completion_tokens")[0]),
        (200, chat("Hello.")),
    ]
    await asked(provider(azure, AZURE_OPENAI_API_VERSION="2023-05-15"), max_tokens=9)
    assert azure.seen[1][1]["max_tokens"] == 9 and "max_completion_tokens" not in azure.seen[1][1]


async def test_a_deployment_that_is_not_there_closes_the_model(azure: AzureServer) -> None:
    said = "The API deployment for this resource does not exist."
    azure.replies = [(404, {"error": {"code": "DeploymentNotFound", "message": said}})]
    with pytest.raises(ModelError, match="does not exist"):
        await asked(provider(azure))


async def test_a_wrong_key_is_told_without_it(azure: AzureServer) -> None:
    azure.key = "another-key-of-azure-0123456789abcdef"
    with pytest.raises(PermanentError) as caught:
        await asked(provider(azure))
    assert "check that AZURE_OPENAI_API_KEY is a key for AZURE_OPENAI_ENDPOINT" in str(caught.value)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({}, "needs the address of your resource: set AZURE_OPENAI_ENDPOINT"),
        ({"AZURE_OPENAI_ENDPOINT": "https://r.openai.azure.com"}, "needs a key: set AZURE_OPENAI_API_KEY"),
        ({"AZURE_OPENAI_ENDPOINT": "r.openai.azure.com", "AZURE_OPENAI_API_KEY": KEY}, "is not an address"),
        ({"AZURE_OPENAI_ENDPOINT": "https://r.example", "AZURE_OPENAI_API_KEY": "k\nx"}, "has a line break"),
        ({"AZURE_OPENAI_ENDPOINT": "https://r.example", "OPENAI_API_VERSION": "two"}, "which is no version of the API"),
    ],
)
def test_what_is_missing_is_told_at_the_start(environ: dict[str, str], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        open_provider("azure:gpt", Surroundings(environ))
    assert said in str(caught.value)


async def test_the_key_goes_to_its_own_host_only(azure: AzureServer) -> None:
    async with AzureServer([(200, chat("Hello."))]).serving() as other:
        azure.replies = [(307, {"location": f"{other.url}/openai/v1/chat/completions"})]
        one = provider(azure)
        with pytest.raises(PermanentError, match="redirects to"):
            await one.complete(Request((Message("user", "hi"),)))
        await one.close()
    assert other.seen == []
