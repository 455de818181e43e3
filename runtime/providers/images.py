"""Images on their way to a provider: its limits, the bytes of a file, and a smaller image where one is too large.

The limits are those of the providers' pages: platform.claude.com/docs/en/build-with-claude/vision,
developers.openai.com/api/docs/guides/images-vision, ai.google.dev/gemini-api/docs/image-understanding, and
docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Message.html. Vertex AI has those of the models' makers.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from flowrun.dsl import dataclass

from ..files.files import read_plain_bytes
from ..files.images import digest_of, is_animated
from ..vocabulary.call import Message, Request
from ..vocabulary.errors import InputError, PermanentError
from ..vocabulary.image import Image
from ..vocabulary.quoting import shown

_MIB = 1024 * 1024
_KEPT = 64 * _MIB
"""The most bytes of images that stay in memory, so that each is read once for the samples of a vote."""
_MANY = 20
_SIDE_OF_MANY = 2000
"""The longest side that Anthropic takes in a request of more than 20 images."""
_GIF = "image/gif"
_ALL = frozenset({"image/png", "image/jpeg", _GIF, "image/webp"})


@dataclass(frozen=True, slots=True)
class ImageLimits:
    """The limits of a provider: the bytes and the longest side of an image, and the bytes and images of a request.

    ``animated`` is False if a provider refuses a GIF of several pictures. Others look at the first one.
    """

    size: int = 20 * _MIB
    side: int = 8000
    request: int = 20 * _MIB
    count: int = 500
    types: frozenset[str] = _ALL
    animated: bool = True


LIMITS = {
    # The five megabytes count the base64 text, which is a third longer than the bytes.
    "anthropic": ImageLimits(size=5 * _MIB * 3 // 4, request=32 * _MIB, count=100),
    "openai": ImageLimits(request=50 * _MIB, animated=False),
    "gemini": ImageLimits(count=3000, types=_ALL - {_GIF}),
    "bedrock": ImageLimits(size=15 * _MIB // 4, count=20),
}
LIMITS |= {"azure": LIMITS["openai"], "vertex": LIMITS["gemini"], "vertex-claude": LIMITS["anthropic"]}
_CLAUDE_HERE = ("anthropic", "vertex-claude")


class Payload(NamedTuple):
    """The media type and the bytes of an image in base64, as they are sent."""

    type: str
    data: str


def limits_of(model: str) -> ImageLimits:
    """Return the limits of a model, ``provider:name``."""
    provider, _, name = model.partition(":")
    if provider == "vertex" and "claude" in name:
        provider = "vertex-claude"
    return LIMITS.get(provider, ImageLimits())


def excess(image: Image, limits: ImageLimits) -> str:
    """Say why a provider does not take an image as it is. "" if it does."""
    if image.type not in limits.types:
        return f"is a {image.type.removeprefix('image/').upper()}, which it does not take"
    if image.size > limits.size:
        return f"has {image.size / _MIB:.1f} MiB, and it takes {limits.size / _MIB:.1f} MiB"
    if max(image.width, image.height) > limits.side:
        return f"has {image.width} × {image.height} pixels, and it takes {limits.side} a side"
    if image.type == _GIF and not limits.animated and _is_animated(image):
        return "is an animated GIF, of which it takes one picture"
    return ""


def _is_animated(image: Image) -> bool:
    """Tell whether a GIF has several pictures. A file that cannot be read is told of when it is sent."""
    try:
        return _has_several(image)
    except InputError:
        return False


@lru_cache(1000)
def _has_several(image: Image) -> bool:
    return is_animated(bytes_of(image))


def can_scale() -> bool:
    """Tell whether Pillow is installed, the extra ``[images]``."""
    return find_spec("PIL") is not None


def name_of(image: Image) -> str:
    """Return the name of an image for a message."""
    return shown(image.source or image.path or f"{image.digest[:19]}…")


def refused(image: Image, model: str, limits: ImageLimits | None = None) -> str:
    """Say in a sentence that a model's provider cannot take an image. "" if it can, perhaps scaled down.

    ``limits`` are those of its provider, unless a request has its own.
    """
    why = excess(image, limits or limits_of(model))
    if not why or can_scale():
        return ""
    return f"{model}: the image {name_of(image)} {why}: scale it down, or install the extra `flowrun-dsl[images]`"


_kept: OrderedDict[tuple[str, ImageLimits], Payload] = OrderedDict()
_lock = Lock()


def payload(image: Image, limits: ImageLimits, tell: Callable[[str], None] | None = None) -> Payload:
    """Return an image as a provider gets it. Raises InputError if its file has changed or cannot be read."""
    key = (image.digest, limits)
    with _lock:
        if key in _kept:
            _kept.move_to_end(key)
            return _kept[key]
    made = _made(image, limits, tell)
    with _lock:
        _kept[key] = made
        while len(_kept) > 1 and sum(len(one.data) for one in _kept.values()) > _KEPT:
            _kept.popitem(last=False)
    return made


_elsewhere: list[Callable[[Image], bytes]] = []


def take_from(fetch: Callable[[Image], bytes]) -> None:
    """Let ``fetch`` get the bytes of each image whose file is not on this machine."""
    _elsewhere[:] = [fetch]


def bytes_of(image: Image) -> bytes:
    """Return the bytes of an image. Raises InputError if its file has changed or cannot be read."""
    if image.data:
        return b64decode(image.data)
    try:
        data = read_plain_bytes(Path(image.path))
    except InputError:
        if not _elsewhere:
            raise
        data = b""
    if _elsewhere and digest_of(data) != image.digest:
        data = _elsewhere[0](image)
    if digest_of(data) != image.digest:
        raise InputError(f"{shown(image.path)} has changed since the run read it: start a new run")
    return data


def _made(image: Image, limits: ImageLimits, tell: Callable[[str], None] | None) -> Payload:
    data = bytes_of(image)
    why = excess(image, limits)
    if not why:
        return Payload(image.type, b64encode(data).decode())
    from .smaller_images import smaller  # needs Pillow

    kind, data, (width, height) = smaller(data, limits.size, limits.side, name_of(image))
    if tell is not None:
        tell(f"the image {name_of(image)} {why}: it is sent with {width} × {height} pixels as {kind}")
    return Payload(kind, b64encode(data).decode())


def limits_for(message: Message, api: str) -> ImageLimits:
    """Return the limits of an API for the images of a message. Anthropic takes smaller ones if they are many."""
    limits = LIMITS[api]
    many = api in _CLAUDE_HERE and len(message.images) > _MANY
    return replace(limits, side=_SIDE_OF_MANY) if many else limits


def prepare(request: Request, model: str, api: str, tell: Callable[[str], None]) -> None:
    """Read the images of a request. Raises InputError if one cannot be sent, or if there are too many."""
    limits = LIMITS[api]
    count = sum(len(message.images) for message in request.messages)
    if count > limits.count:
        raise InputError(f"{model} takes {limits.count} images in a request, and this one has {count}")
    side = _SIDE_OF_MANY if api in _CLAUDE_HERE and count > _MANY else limits.side
    total = 0
    for message in request.messages:
        own = limits_for(message, api)
        for image in message.images:
            scaled = can_scale() and own.side <= side
            if max(image.width, image.height) > side and not scaled:
                raise InputError(
                    f"{model} takes {side} pixels a side in a request of {count} images, and {name_of(image)} has "
                    f"{image.width} × {image.height}: scale it down, or install the extra `flowrun-dsl[images]`"
                )
            if said := refused(image, model, own):
                raise InputError(said)
            total += len(payload(image, own, lambda said: tell(f"{model}: {said}")).data)
    if total > limits.request:
        raise InputError(
            f"{model} takes {limits.request // _MIB} MiB of images in a request, and this one has "
            f"{total / _MIB:.1f} MiB: ask about fewer images at a time"
        )


async def ready(request: Request, model: str, api: str, tell: Callable[[str], None]) -> None:
    """Read the images of a request outside of the event loop. Raises PermanentError if one cannot be sent."""
    import asyncio

    try:
        await asyncio.to_thread(prepare, request, model, api, tell)
    except InputError as error:
        raise PermanentError(str(error)) from None
