"""The tokens of an image, by the rule of each provider. Without a known rule, a number that no model exceeds.

OpenAI: developers.openai.com/api/docs/guides/images-vision, "Calculating costs". Anthropic:
platform.claude.com/docs/en/build-with-claude/vision. Gemini: ai.google.dev/gemini-api/docs/image-understanding and
/media-resolution.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import ceil

Tokens = Callable[[int, int], int]
"""A function that returns the tokens of an image, from its width and height."""
_TILE = 512
_PATCH = 32
_MOST_PATCHES = 1536
_ORIGINAL = 10_000
"""The most patches of an image in its own resolution, which the newest models of OpenAI read."""


def _tiles(base: int, each: int, width: int, height: int) -> int:
    """Count tiles of 512 pixels, after scaling into 2048 × 2048 and then to a shortest side of 768."""
    scale = min(1.0, 2048 / max(width, height))
    scale *= min(1.0, 768 / (min(width, height) * scale))
    return base + each * ceil(width * scale / _TILE) * ceil(height * scale / _TILE)


def _patches(factor: float, width: int, height: int, most: int = _MOST_PATCHES) -> int:
    """Count patches of 32 pixels, up to a limit to which the image is scaled."""
    return ceil(factor * min(most, ceil(width / _PATCH) * ceil(height / _PATCH)))


def _newest(width: int, height: int) -> int:
    return max(_patches(1.62, width, height, _ORIGINAL), _tiles(85, 170, width, height))


_OPENAI: tuple[tuple[str, Tokens], ...] = (
    ("gpt-4o-mini", partial(_tiles, 2833, 5667)),
    ("gpt-4.1-mini", partial(_patches, 1.62)),
    ("gpt-4.1-nano", partial(_patches, 2.46)),
    ("gpt-5-mini", partial(_patches, 1.62)),
    ("gpt-5-nano", partial(_patches, 2.46)),
    ("o4-mini", partial(_patches, 1.72)),
    ("gpt-4", partial(_tiles, 85, 170)),
    ("chatgpt-4o", partial(_tiles, 85, 170)),
    ("o1", partial(_tiles, 75, 150)),
    ("o3", partial(_tiles, 75, 150)),
    ("gpt-5.", _newest),
    ("gpt-5", partial(_tiles, 70, 140)),
)
"""The rules of OpenAI's models, by the beginning of their names. The first that fits counts."""


def _area(edge: int, most: int, width: int, height: int) -> int:
    """Count a token for 750 pixels, after scaling to a longest side."""
    scale = min(1.0, edge / max(width, height))
    return min(most, ceil(width * scale * height * scale / 750))


_OLDER = ("claude-3", "claude-sonnet-4", "claude-haiku-4", *(f"claude-opus-4-{number}" for number in (0, 1, 2, 5, 6)))


def _anthropic(name: str) -> Tokens:
    # Models since Opus 4.7 read up to 2576 pixels, the models before it 1568.
    return partial(_area, 1568, 1600) if name.startswith(_OLDER) else partial(_area, 2576, 4784)


def _gemini_tiles(width: int, height: int) -> int:
    """Count tiles of 258 tokens. A tile has 256 to 768 pixels: two thirds of the shorter side."""
    if width <= 384 and height <= 384:
        return 258
    side = min(768, max(256, int(min(width, height) / 1.5)))
    return 258 * ceil(width / side) * ceil(height / side)


def _gemini(name: str) -> Tokens:
    old = name.removeprefix("models/").startswith(("gemini-1", "gemini-2"))
    return _gemini_tiles if old else lambda width, height: 1120


def most_tokens(width: int, height: int) -> int:
    """Return a number of tokens that no model exceeds whose rule is unknown.

    LLaVA's 2880 for any image, Pixtral's patches of 16 pixels, and Qwen's of 28 are the most that open models take.
    """
    pixtral = min(4160, ceil(width / 16) * (ceil(height / 16) + 1))
    qwen = min(16_384, ceil(width / 28) * ceil(height / 28))
    return max(2880, pixtral, qwen, _newest(width, height))


def tokens_of(model: str) -> Tokens:
    """Return the rule of a model, ``provider:name``. Clouds and routers have the rules of the models' makers."""
    provider, name = _made(model)
    if provider == "openai":
        return next((rule for start, rule in _OPENAI if name.startswith(start)), most_tokens)
    if provider == "anthropic":
        return _anthropic(name)
    return _gemini(name) if provider == "gemini" else most_tokens


def _made(model: str) -> tuple[str, str]:
    """Return the maker of a model, as a provider, and the maker's own name for it.

    The names of clouds have a region, a maker or a date around it, as in `us.anthropic.claude-haiku-4-5`.
    """
    provider, _, name = model.partition(":")
    if provider == "azure":
        return "openai", name
    for maker, word in _WORDS if provider in _SEVERAL else ():
        if (at := name.find(word)) >= 0:
            return maker, name[at:]
    return provider, name


_SEVERAL = frozenset({"bedrock", "vertex", "openrouter"})
_WORDS = (("anthropic", "claude"), ("gemini", "gemini-"), ("openai", "gpt-"))
_SHAPES = ((8000, 8000), (8000, 3000), (8000, 1000), (8000, 385))
"""The sizes that have the most tokens by some rule: wide images have more tiles of 512 pixels than large ones."""


def worst(rule: Tokens) -> int:
    """Return the most tokens that an image of any size has by a rule."""
    return max(rule(*shape) for shape in _SHAPES)


_TEXT_ONLY = (
    *(f"openai:{name}" for name in ("gpt-3.5", "gpt-4-0", "gpt-4-32k", "o1-mini", "o1-preview", "o3-mini")),
    *(f"anthropic:{name}" for name in ("claude-2", "claude-instant")),
    *(f"azure:{name}" for name in ("gpt-35", "o1-mini", "o3-mini")),
)
"""The beginnings of the names of models that are known to read texts alone."""
_TEXT_ONLY_AT_BEDROCK = ("nova-micro", "titan-text", "gpt-oss", "deepseek", "claude-v2", "claude-instant", "command-r")
"""Parts of such names at Bedrock: "Supported foundation models" lists what each reads."""


def reads_images(model: str) -> bool:
    """Tell whether a model may read images: whether it is not known to read texts alone."""
    if model.startswith("bedrock:"):
        return not any(part in model for part in _TEXT_ONLY_AT_BEDROCK)
    return model != "openai:gpt-4" and not model.startswith(_TEXT_ONLY)
