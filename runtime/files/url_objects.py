"""Objects behind URLs, by fsspec: their size and version, their bytes by parts, and their names in a folder.

Credentials come from the environment and from the files of the protocol's own library.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from ..vocabulary.errors import InputError
from ..vocabulary.quoting import shown
from .files import MOST_BYTES, too_large
from .url_errors import Guarded, not_installed, reason, refused
from .urls import plain_url, protocol_of, told_url
from .web_errors import refuse_redirect

PIECE = 1024 * 1024
"""The bytes of one request."""
_LIBRARIES = ("fsspec", "s3fs", "gcsfs", "adlfs", "aiobotocore", "botocore")
_WEB = ("http", "https")
_LOCAL = frozenset(
    "arrow_hdfs async_wrapper blockcache cached dask data dir file filecache generic git jlab jupyter libarchive local "
    "reference root simplecache tar zip".split()
)
"""The protocols that lead to local files, that make copies of files, or that need a second URL."""
_TAGS = ("VersionId", "ETag", "etag", "generation", "Content-MD5", "md5Hash", "Last-Modified", "LastModified", "mtime")
_OPTIONS: dict[str, dict[str, Any]] = {
    "s3": {
        "use_listings_cache": False,
        "config_kwargs": {"connect_timeout": 10, "read_timeout": 60},
    },
    "gs": {"use_listings_cache": False},
    "http": {"use_listings_cache": False, "client_kwargs": {"trust_env": True, "raise_for_status": refuse_redirect}},
}
_OPTIONS |= {"s3a": _OPTIONS["s3"], "gcs": _OPTIONS["gs"], "https": _OPTIONS["http"]}


class Facts(NamedTuple):
    """The size of an object in bytes, None if its server does not tell it; and a text that changes with its content.

    The text is the version or the ETag; "" if the server tells neither.
    """

    size: int | None
    tag: str


class UrlObject:
    """The object of a URL. ``told`` is the URL without secrets, and ``name`` quotes it for messages."""

    def __init__(self, url: str, system: Any = None, path: str = "") -> None:
        """Find the library of the protocol; nothing is sent. Raises InputError."""
        self.url = plain_url(url)
        self.told = told_url(url)
        self.name = shown(self.told)
        self.protocol = protocol_of(url)
        self.system = system if system is not None else _system(self.url, self.name)
        self.path = path or self._stripped()

    def facts(self) -> Facts:
        """Ask the server for the size and the version. Raises InputError, also if there is no object."""
        with Guarded(self.trouble):
            self.system.invalidate_cache()
            found = self.system.info(self.path)
        if found.get("type") == "directory":
            raise InputError(f"{self.name} is a folder or a bucket, not an object")
        size = found.get("size")
        tag = next((str(found[key]) for key in _TAGS if found.get(key)), "")
        return Facts(size if isinstance(size, int) else None, tag)

    def opened(self) -> io.BufferedReader:
        """Open the object for reading from any place, a piece at a time. Raises InputError, then and at each read."""
        with Guarded(self.trouble):
            file = self.system.open(self.path, "rb", block_size=PIECE, cache_type="none")
        return io.BufferedReader(_Parts(self, file), PIECE)

    def pieces(self) -> Iterator[bytes]:
        """Yield the whole content from its start. Raises InputError, also for a content past the limit of files."""
        most = MOST_BYTES
        size = self.facts().size
        if size is not None and size > most:
            raise too_large(self.name, most)
        # The web reader needs 0 for a single request; it has no parts then.
        how = {"block_size": 0} if self.protocol in _WEB else {"block_size": PIECE, "cache_type": "none"}
        seen = 0
        with Guarded(self.trouble), self.system.open(self.path, "rb", **how) as file:
            while piece := file.read(PIECE):
                seen += len(piece)
                if seen > most:
                    raise too_large(self.name, most)
                yield piece
        if size is not None and seen > size:
            raise InputError(f"{self.name} has {seen:,} bytes, and its server told {size:,}; run the flow again")
        if size is not None and seen != size:
            raise InputError(f"{self.name} broke off after {seen:,} of {size:,} bytes; run the flow again")

    def listed(self) -> list[UrlObject]:
        """Return the objects of a folder or of a pattern, sorted by name. Those with a hidden name are left out.

        A folder stands for its own objects. In the last part of a pattern ``*`` and ``[ab]`` stand for characters.
        """
        folder, _, last = self.path.rstrip().rpartition("/")
        if self.protocol in _WEB:
            raise InputError(f"{self.name}: a web server lists no files; give the URL of each file")
        if any(mark in folder for mark in "*["):
            raise InputError(f"{self.name}: only the last part of a URL may be a pattern")
        with Guarded(self.trouble):
            self.system.invalidate_cache()
            found = self.system.ls(folder, detail=True)
        begin = self.told[: self.told.rstrip("/").rindex("/") + 1] if last else self.told
        objects = []
        for one in found:
            name = str(one["name"]).rpartition("/")[2]
            fits = fnmatchcase(name, last) if last else True
            if one.get("type") == "file" and name and not name.startswith(".") and fits:
                objects.append(UrlObject(f"{begin}{name}", self.system, str(one["name"])))
        return sorted(objects, key=lambda one: one.path)

    def trouble(self, error: BaseException) -> InputError:
        return InputError(reason(error, self.name, self.protocol, "read"))

    def _stripped(self) -> str:
        end = "/" if told_url(self.url).endswith("/") else ""
        return str(self.system._strip_protocol(self.url.partition("#")[0])).rstrip("/") + end


class _Parts(io.RawIOBase):
    """The raw file of an object. Its errors name the object and tell the cause."""

    def __init__(self, of: UrlObject, file: Any) -> None:
        super().__init__()
        self._of = of
        self._file = file

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return int(self._file.seek(offset, whence))

    def tell(self) -> int:
        return int(self._file.tell())

    def readinto(self, buffer: Any) -> int:
        with Guarded(self._of.trouble):
            data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()


def _system(url: str, name: str) -> Any:
    """Return the file system of fsspec for a URL. Raises InputError."""
    protocol = protocol_of(url)
    if protocol in _LOCAL:
        raise InputError(refused(name, protocol))
    if "::" in url:
        raise InputError(f"{name}: flowrun opens no URL inside of another one; give one URL without `::`")
    try:
        import fsspec
        from fsspec.core import url_to_fs
        from fsspec.implementations.local import LocalFileSystem
    except ImportError:
        raise InputError(
            f"{name}: to read and write URLs, install an extra: `pip install 'flowrun-dsl[urls]'`"
        ) from None
    for library in _LIBRARIES:
        # Without a handler Python prints their warnings, with a traceback, to standard error.
        logging.getLogger(library).addHandler(logging.NullHandler())
    # Settings that the user made for the library come first.
    set_by_user = fsspec.config.conf.get(protocol, {})
    own = {key: value for key, value in _OPTIONS.get(protocol, {}).items() if key not in set_by_user}
    with Guarded(lambda error: InputError(reason(error, name, protocol, "read"))):
        try:
            system, _ = url_to_fs(url, skip_instance_cache=True, **own)
        except (ImportError, ValueError) as error:
            raise InputError(not_installed(error, name, protocol)) from None
    if isinstance(system, LocalFileSystem):
        raise InputError(refused(name, protocol))
    return system
