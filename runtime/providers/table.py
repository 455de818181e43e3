"""The endpoints that flowrun knows by name, as rows of data. Those of `openai`, `anthropic` and `gemini` are in their
modules, because these also write the APIs.

A part of a request stands in ``lacks`` if the service's own documentation refuses it, ignores it, or lists all parts
and not this one. The page stands above the row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .named_endpoints import BuiltIn, NamedEndpoint

if TYPE_CHECKING:
    from flowrun.dsl import EndpointKind


def _at(
    name: str, base_url: str, key: str, prices: str = "", lacks: str = "", kind: EndpointKind = "openai"
) -> NamedEndpoint:
    return NamedEndpoint(
        name, base_url, key, kind, price_list=prices, lacks=frozenset(lacks.split()), origin="built-in"
    )


_ROWS = (
    # https://docs.cohere.com/docs/compatibility-api#unsupported-parameters
    BuiltIn(
        at=_at(
            "cohere",
            "https://api.cohere.ai/compatibility/v1",
            "COHERE_API_KEY",
            "cohere",
            "n batch service_tier verbosity user stream_options",
        ),
        title="Cohere (its Compatibility API)",
        example="command-a-03-2025",
        base_variable="COHERE_BASE_URL",
        other_keys=("CO_API_KEY",),
    ),
    # https://api-docs.deepseek.com/api/create-chat-completion (`response_format` is text or json_object)
    BuiltIn(
        at=_at(
            "deepseek",
            "https://api.deepseek.com",
            "DEEPSEEK_API_KEY",
            "deepseek",
            "n seed json_schema images batch service_tier verbosity user",
        ),
        title="DeepSeek",
        example="deepseek-chat",
        base_variable="DEEPSEEK_BASE_URL",
    ),
    # https://docs.fireworks.ai/api-reference/post-chatcompletions
    BuiltIn(
        at=_at("fireworks", "https://api.fireworks.ai/inference/v1", "FIREWORKS_API_KEY", "fireworks", "verbosity"),
        title="Fireworks AI",
        example="accounts/fireworks/models/llama-v3p3-70b-instruct",
        base_variable="FIREWORKS_BASE_URL",
    ),
    # https://console.groq.com/docs/openai#currently-unsupported-openai-features
    BuiltIn(
        at=_at("groq", "https://api.groq.com/openai/v1", "GROQ_API_KEY", "groq", "n logprobs verbosity"),
        title="Groq",
        example="llama-3.3-70b-versatile",
        base_variable="GROQ_BASE_URL",
    ),
    # https://huggingface.co/docs/inference-providers/tasks/chat-completion#api-specification (there is no `n`)
    BuiltIn(
        at=_at(
            "huggingface",
            "https://router.huggingface.co/v1",
            "HF_TOKEN",
            "",
            "n batch service_tier verbosity user",
        ),
        title="Hugging Face (the router of its inference providers)",
        example="meta-llama/Llama-3.3-70B-Instruct",
        base_variable="HUGGINGFACE_BASE_URL",
    ),
    # https://github.com/ggml-org/llama.cpp/tree/master/tools/server
    BuiltIn(
        at=_at("llamacpp", "http://localhost:8080/v1", "LLAMA_API_KEY", "", "batch service_tier verbosity user"),
        title="llama.cpp (llama-server on this machine)",
        example="MODEL",
        base_variable="LLAMACPP_BASE_URL",
        local=True,
        places=4,
    ),
    # https://lmstudio.ai/docs/developer/openai-compat/chat-completions (the list of supported parameters)
    BuiltIn(
        at=_at(
            "lmstudio",
            "http://localhost:1234/v1",
            "LM_API_TOKEN",
            "",
            "n logprobs json_object batch service_tier verbosity user",
        ),
        title="LM Studio on this machine",
        example="openai/gpt-oss-20b",
        base_variable="LMSTUDIO_BASE_URL",
        local=True,
        places=4,
    ),
    # https://docs.mistral.ai/api/#tag/chat (the seed is called `random_seed` there, and there are no `logprobs`)
    BuiltIn(
        at=_at(
            "mistral",
            "https://api.mistral.ai/v1",
            "MISTRAL_API_KEY",
            "mistral",
            "seed logprobs service_tier verbosity user stream_options",
        ),
        title="Mistral",
        example="mistral-small-latest",
        base_variable="MISTRAL_BASE_URL",
    ),
    # https://docs.ollama.com/api/openai-compatibility (OLLAMA_HOST is the variable of its own client)
    BuiltIn(
        at=_at("ollama", "http://localhost:11434/v1", "OLLAMA_API_KEY", "", "n batch service_tier verbosity user"),
        title="Ollama on this machine",
        example="llama3.2",
        base_variable="OLLAMA_HOST",
        bare=(11434, "/v1"),
        local=True,
        places=4,
    ),
    # https://openrouter.ai/docs/api/reference/parameters (there is no `n`), https://openrouter.ai/docs/app-attribution
    BuiltIn(
        at=_at(
            "openrouter",
            "https://openrouter.ai/api/v1",
            "OPENROUTER_API_KEY",
            "openrouter",
            "n batch service_tier",
        ),
        title="OpenRouter",
        example="meta-llama/llama-3.3-70b-instruct",
        base_variable="OPENROUTER_BASE_URL",
        optional=(("OPENROUTER_REFERER", "HTTP-Referer"), ("OPENROUTER_TITLE", "X-Title")),
    ),
    # https://docs.together.ai/reference/chat-completions-1
    BuiltIn(
        at=_at(
            "together",
            "https://api.together.xyz/v1",
            "TOGETHER_API_KEY",
            "together",
            "service_tier verbosity user",
        ),
        title="Together AI",
        example="meta-llama/Llama-3.3-70B-Instruct-Turbo",
        base_variable="TOGETHER_BASE_URL",
    ),
    # https://docs.vllm.ai/en/latest/serving/openai_compatible_server/; VLLM_API_KEY is the variable of the server
    BuiltIn(
        at=_at("vllm", "http://localhost:8000/v1", "VLLM_API_KEY", "", "batch service_tier verbosity"),
        title="vLLM on this machine",
        example="MODEL",
        base_variable="VLLM_BASE_URL",
        local=True,
    ),
    # https://docs.x.ai/developers/rest-api-reference/inference/chat
    BuiltIn(
        at=_at("xai", "https://api.x.ai/v1", "XAI_API_KEY", "x-ai", "service_tier verbosity"),
        title="xAI",
        example="grok-4",
        base_variable="XAI_BASE_URL",
    ),
)

BUILT_IN = {row.at.name: row for row in _ROWS}
"""The rows by name, in alphabetical order."""
