"""The names of spans, attributes and metrics. All other modules take them from here, because they still change.

The ``gen_ai`` names are those of OpenTelemetry's semantic conventions for generative AI, in its own repository
(open-telemetry/semantic-conventions-genai: client-inference.md, gen-ai-agent-spans.md, gen-ai-token-metrics.md, state
of November 2026, status "Development"). The ``flowrun`` names are ours.
"""

from __future__ import annotations

SCHEMA = "https://opentelemetry.io/schemas/gen-ai/1.44.0"
SCOPE = "flowrun"
CAPTURE = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
"""The variable that lets prompts and answers into spans."""

OPERATION = "gen_ai.operation.name"
PROVIDER = "gen_ai.provider.name"
WORKFLOW = "gen_ai.workflow.name"
REQUEST_MODEL = "gen_ai.request.model"
REQUEST_CHOICES = "gen_ai.request.choice.count"
REQUEST_TEMPERATURE = "gen_ai.request.temperature"
REQUEST_MAX_TOKENS = "gen_ai.request.max_tokens"
REQUEST_SEED = "gen_ai.request.seed"
REQUEST_STREAM = "gen_ai.request.stream"
OUTPUT_TYPE = "gen_ai.output.type"
RESPONSE_MODEL = "gen_ai.response.model"
RESPONSE_ID = "gen_ai.response.id"
FINISH_REASONS = "gen_ai.response.finish_reasons"
INPUT_TOKENS = "gen_ai.usage.input_tokens"
OUTPUT_TOKENS = "gen_ai.usage.output_tokens"
CACHED_TOKENS = "gen_ai.usage.cache_read.input_tokens"
STORED_TOKENS = "gen_ai.usage.cache_write.input_tokens"
REASONING_TOKENS = "gen_ai.usage.reasoning.output_tokens"
INPUT_MESSAGES = "gen_ai.input.messages"
OUTPUT_MESSAGES = "gen_ai.output.messages"
SYSTEM_INSTRUCTIONS = "gen_ai.system_instructions"
MODALITY = "gen_ai.token.modality"
ERROR_TYPE = "error.type"
SERVER = "server.address"
SERVER_PORT = "server.port"

CHAT = "chat"
INVOKE_WORKFLOW = "invoke_workflow"

RUN_ID = "flowrun.run.id"
RUN_STATUS = "flowrun.run.status"
LEFT_OUT = "flowrun.spans.left_out"
STEP_PATH = "flowrun.step.path"
STEP_KIND = "flowrun.step.kind"
STEP_SKIPPED = "flowrun.step.skipped"
STEP_CANCELLED = "flowrun.step.cancelled"
REQUEST_NUMBER = "flowrun.request.number"
REQUEST_ATTEMPTS = "flowrun.request.attempts"
REQUEST_BESIDE = "flowrun.request.beside"
COST = "flowrun.cost"
CALL_STATE = "flowrun.call.state"
WAIT_CAUSE = "flowrun.wait.cause"
WAIT = "flowrun.wait."
"""The beginning of the attributes with the seconds that a request waited, each with its cause."""
ENDPOINT = "flowrun.endpoint"
VOTE_EVENT = "flowrun.vote"
LOSS_EVENT = "flowrun.loss"
RETRY_EVENT = "flowrun.retry"
RECALLED_EVENT = "flowrun.answer_recalled"
DOUBT_EVENT = "flowrun.call_in_doubt"

INFERENCE_DURATION = "gen_ai.client.inference.duration"
WORKFLOW_DURATION = "gen_ai.workflow.duration"
INPUT_USAGE = "gen_ai.client.inference.usage.input_tokens"
OUTPUT_USAGE = "gen_ai.client.inference.usage.output_tokens"
CACHED_USAGE = "gen_ai.client.inference.usage.cache_read.input_tokens"
STORED_USAGE = "gen_ai.client.inference.usage.cache_write.input_tokens"
REASONING_USAGE = "gen_ai.client.inference.usage.reasoning.output_tokens"
CALLS = "flowrun.calls"
WAITED = "flowrun.wait.duration"
SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
"""The bounds that the conventions give for the buckets of durations."""

_PROVIDERS = {"gemini": "gcp.gemini", "azure": "azure.ai.openai", "mistral": "mistral_ai", "xai": "x_ai"}


def provider_name(model: str) -> str:
    """Return the conventions' name for the provider of a model, or else flowrun's own."""
    provider = model.partition(":")[0]
    return _PROVIDERS.get(provider, provider)


def model_name(model: str) -> str:
    """Return the name of a model without its provider."""
    return model.partition(":")[2] or model
