"""The translation of a server's word for the end of an answer into the protocol's word and a sentence."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import field, replace

from flowrun.dsl import dataclass

from ..vocabulary.call import Answer, Finish
from ..vocabulary.json_value import Json
from ..vocabulary.quoting import shown

LONGEST = 60
"""The most characters of a server's word that a message shows."""


@dataclass(frozen=True, slots=True)
class Endings:
    """A provider's words for the ends of answers. A word in none of these sets means that the end was not good.

    ``name`` is the field of the reply that contains the word.
    """

    name: str
    stop: frozenset[str]
    length: frozenset[str]
    filtered: frozenset[str]
    tools: frozenset[str] = field(default=frozenset({"tool_calls", "function_call", "tool_use"}))

    def read(self, reason: object, text: str, reasoning: str, logprobs: Json = None) -> Answer:
        """Return the answer with the end that ``reason`` names. None and "" mean that the server named no reason.

        The reasoning and the logprobs go into ``more``, apart from the text.
        """
        if logprobs is None and text and not reasoning and isinstance(reason, str) and reason in self.stop:
            # Nearly every answer ends so.
            return Answer(text)
        answer = self._read(reason, text, reasoning)
        if not reasoning and logprobs is None:
            return answer
        more = {"reasoning": reasoning or None, "logprobs": logprobs}
        return replace(answer, more={name: value for name, value in more.items() if value is not None})

    def _read(self, reason: object, text: str, reasoning: str) -> Answer:
        if reason is None or reason == "":
            return Answer(text, "unterminated", f"the answer is incomplete: the server sent no `{self.name}`")
        word = reason if isinstance(reason, str) else ""
        if word in self.stop and (text or not reasoning):
            return Answer(text)
        named = shown(word if word else str(reason), LONGEST)
        finish: Finish = "other"
        if word in self.stop:
            said = (
                f"{ONLY_REASONING}, and no answer ({named}): allow more with a higher `max_tokens`, or ask "
                "another model"
            )
        elif word in self.length:
            finish, said = "length", f"the answer was cut off at its greatest length ({named})"
            if reasoning and not text:
                said = f"{ONLY_REASONING} before its greatest length was reached ({named})"
            said += ": allow more with a higher `max_tokens`"
        elif word in self.filtered:
            finish, said = "filtered", f"the provider's filter blocked the answer ({named})"
        elif word in self.tools:
            said = (
                f"the model asked for a tool ({named}) instead of an answer, and flows have no tools: write in "
                "the prompt that it must answer by itself, or ask another model"
            )
        else:
            said = f"the answer ended with {named}, which is not a normal end of an answer"
        return Answer(text, finish, said, final=word.lower() in _FULL)


ONLY_REASONING = "the model sent only reasoning"


_FULL = frozenset({"model_context_window_exceeded"})
"""Words for a full context: a second attempt would fill it again."""


def _words(*words: str) -> frozenset[str]:
    return frozenset(words)


def _either_case(words: Iterable[str]) -> frozenset[str]:
    return frozenset(form for word in words for form in (word.lower(), word.upper()))


# ai.google.dev/api/generate-content, "FinishReason".
_GEMINI_FILTERS = _words(
    *("SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "MODEL_ARMOR"),
    *("IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION"),
)
GEMINI_ENDINGS = Endings("finishReason", _words("STOP"), _words("MAX_TOKENS"), _GEMINI_FILTERS)

# platform.claude.com, "Handling stop reasons".
ANTHROPIC_ENDINGS = Endings(
    "stop_reason",
    _words("end_turn", "stop_sequence"),
    _words("max_tokens", "model_context_window_exceeded"),
    _words("refusal"),
)

# docs.aws.amazon.com, "Converse", stopReason.
CONVERSE_ENDINGS = Endings(
    "stopReason",
    _words("end_turn", "stop_sequence"),
    _words("max_tokens", "model_context_window_exceeded"),
    _words("guardrail_intervened", "content_filtered"),
)

# OpenAI's own words, and those of the servers and gateways that speak its Chat Completions: Mistral (model_length),
# Text Generation Inference and Together (eos), Cohere (COMPLETE), xAI (end_turn), Zhipu (sensitive), Bedrock
# (guardrail_intervened); gateways pass Anthropic's and Google's words through.
CHAT_ENDINGS = Endings(
    "finish_reason",
    _either_case(["stop", "end_turn", "stop_sequence", "eos", "eos_token", "complete"]),
    _either_case(["length", "max_tokens", "max_output_tokens", "model_length", "model_context_window_exceeded"]),
    _either_case(["content_filter", "content_filtered", "refusal", "sensitive", "guardrail_intervened"])
    | _either_case(_GEMINI_FILTERS),
    _either_case(["tool_calls", "function_call", "tool_use"]),
)


def hollow(answer: Answer) -> bool:
    """Tell whether a server ended an answer without a word of it, or with reasoning alone."""
    thought = answer.finish == "other" and answer.said.startswith(ONLY_REASONING)
    return not answer.text and (answer.finish == "stop" or thought)
