"""A process that lacks what Windows lacks: `python -m support.windows ARGUMENTS` runs flowrun in it.

`python -m support.windows --each COMMANDS` runs several commands in turn. They are a list of lists of arguments
in JSON. It prints the code and both outputs of each.

Modules of the system are missing, functions and constants of ``os``, ``signal`` and ``socket`` are missing, loops take
no signal handlers, and ``sys.platform`` is `win32` for flowrun. The libraries are loaded before, because they would
load parts that only a real Windows has. Paths, text files and the handling of open files stay those of this system.
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import json
import os
import select
import shutil
import signal
import socket
import struct
import sys
import sysconfig
from contextlib import redirect_stderr, redirect_stdout
from importlib import import_module
from io import StringIO
from types import ModuleType
from typing import Any

LOADED = (
    "aiohttp click rich.console rich.live pydantic lark jinja2 markdown_it sqlite3 subprocess tempfile shutil "
    "concurrent.futures multiprocessing.context getpass ssl selectors logging.handlers importlib.metadata sysconfig"
)
"""The libraries that flowrun uses."""
MODULES = "fcntl resource termios tty pty pwd grp syslog readline posix"
OS = (
    "fork forkpty killpg setsid getuid geteuid getgid getegid getpgid setpgid pread pwrite statvfs fstatvfs chown "
    "lchown fchown fchmod mkfifo mknod sched_getaffinity uname register_at_fork waitstatus_to_exitcode O_NOFOLLOW "
    "O_NONBLOCK O_CLOEXEC O_DIRECTORY O_PATH O_ACCMODE O_NOCTTY O_SYNC posix_fallocate posix_fadvise getxattr setxattr "
    "listxattr nice sync"
)
SIGNALS = "SIGHUP SIGKILL SIGUSR1 SIGUSR2 SIGPIPE SIGWINCH SIGTSTP SIGCONT SIGALRM SIGCHLD alarm pause"
SOCKETS = "AF_UNIX SO_PEERCRED"
_FLOCK = struct.Struct("hhqqi")


class Msvcrt(ModuleType):
    """The locks of msvcrt: of single bytes, alone, and of the open file and not of the process."""

    LK_UNLCK, LK_LOCK, LK_NBLCK = 0, 1, 2

    def locking(self, file: int, mode: int, count: int) -> None:
        at = os.lseek(file, 0, os.SEEK_CUR)
        kind = fcntl.F_UNLCK if mode == self.LK_UNLCK else fcntl.F_WRLCK
        asked = _FLOCK.pack(kind, os.SEEK_SET, at, count, 0)
        try:
            if fcntl.fcntl(file, fcntl.F_GETFL) & (os.O_RDWR | os.O_WRONLY):
                fcntl.fcntl(file, fcntl.F_OFD_SETLKW if mode == self.LK_LOCK else fcntl.F_OFD_SETLK, asked)
            elif kind != fcntl.F_UNLCK:
                # Linux locks no file that is open for reading only. Whether it could is all that flowrun asks.
                found = fcntl.fcntl(file, fcntl.F_OFD_GETLK, asked)
                if _FLOCK.unpack(found)[0] != fcntl.F_UNLCK:
                    raise BlockingIOError(errno.EAGAIN, "locked")
        except BlockingIOError as error:
            raise PermissionError(errno.EACCES, "Permission denied") from error


class Absent:
    """The finder of modules that must not be found."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        if name in MODULES.split():
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def no_handler(self: asyncio.AbstractEventLoop, *_: Any) -> None:
    raise NotImplementedError


def become_windows() -> None:
    for name in LOADED.split():
        import_module(name)
    sysconfig.get_config_vars()
    pair, unix = socket.socketpair, socket.AF_UNIX
    socket.socketpair = lambda *_, **__: pair(unix)
    usage = shutil.disk_usage(".")
    shutil.disk_usage = lambda path: usage
    for owner, names in ((os, OS), (signal, SIGNALS), (socket, SOCKETS), (select, "poll epoll")):
        for name in names.split():
            if hasattr(owner, name):
                delattr(owner, name)
    os.supports_dir_fd.clear()
    for name in MODULES.split():
        sys.modules.pop(name, None)
    sys.meta_path.insert(0, Absent())
    sys.modules["msvcrt"] = Msvcrt("msvcrt")
    for loop in (asyncio.BaseEventLoop, asyncio.SelectorEventLoop):
        loop.add_signal_handler = no_handler  # type: ignore[assignment,method-assign]
        loop.remove_signal_handler = no_handler  # type: ignore[assignment,method-assign]
    sys.platform = "win32"


def captured(arguments: list[str]) -> tuple[int, str, str]:
    """Run a command, and return its exit code and what it wrote."""
    from flowrun.runtime.cli import run_command

    with redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as err:
        code = run_command(arguments)
    return code, out.getvalue(), err.getvalue()


if __name__ == "__main__":
    become_windows()
    from flowrun.runtime.cli import main

    sys.argv[0] = "flowrun"
    if sys.argv[1:2] == ["--each"]:
        print(json.dumps([captured(arguments) for arguments in json.loads(sys.argv[2])]))
    else:
        main()
