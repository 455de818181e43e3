"""The process that holds the model: llama.cpp's own HTTP server, on loopback.

Its parent runs this file by path, so it imports only the standard library and the engine. It communicates in lines of
JSON. It writes ``{"engine": version}`` when the engine is loaded, reads its settings from the first line of stdin (so
that the key is in no process list), and writes ``{"port": n}`` when it serves. It ends as soon as stdin closes, even if
its parent is killed.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from typing import Any


def main() -> int:
    # Threads that wait by spinning starve each other as soon as anything else runs on the machine.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    _claim_stdout()
    try:
        engine: Any = importlib.import_module("xllamacpp")
    except (ImportError, OSError) as error:
        return _fail(str(error))
    _say({"engine": engine.__version__})
    line = sys.stdin.readline()
    if not line:
        return 0
    settings = json.loads(line)
    try:
        server = engine.Server(_params(engine, settings))
    except (RuntimeError, ValueError, OSError) as error:
        return _fail(str(error))
    _say({"port": int(server.listening_address.rsplit(":", 1)[1])})
    _silence()
    sys.stdin.read()
    os._exit(0)  # an ordinary exit waits for the running generations


def _params(engine: Any, settings: dict[str, Any]) -> Any:
    params = engine.CommonParams()
    params.model.path = settings["weights"]
    params.n_ctx = settings["context"]
    params.n_parallel = settings["slots"]
    params.kv_unified = True  # all slots share one context, so that one long prompt may use it whole
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = settings["threads"]
    params.no_extra_bufts = True  # repacked copies of the weights cost memory and bring no speed
    params.cache_ram_mib = 0
    params.ui = False
    params.verbosity = -1
    if hasattr(params, "hostnames"):
        params.hostnames = ["127.0.0.1"]
    else:  # engines before 2026.10
        params.hostname = "127.0.0.1"
    params.port = 0
    params.api_keys = [settings["key"]]
    params.cors_origins = "http://127.0.0.1"
    return params


def _claim_stdout() -> None:
    """Keep the pipe to the parent for messages. Otherwise the engine's output would look like a message."""
    sys.stdout = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)


def _silence() -> None:
    """Discard the engine's output. It warns at every request, which would fill the file of its errors in a long run."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)


def _say(message: dict[str, Any]) -> None:
    print(json.dumps(message), flush=True)


def _fail(why: str) -> int:
    _say({"error": why})
    return 1


if __name__ == "__main__":
    sys.exit(main())
