"""The memory of a server over a thousand runs."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from support.model_server import model_server
from support.served import environment, serving


def memory_of(process: int) -> float:
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


@pytest.mark.slow
@pytest.mark.no_cover
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="it needs /proc")
async def test_a_thousand_runs_take_no_more_memory_than_some(tmp_path: Path) -> None:
    with model_server(tmp_path / "log", seconds=0.002) as models:
        environ = environment(tmp_path, models.url, PYTHONMALLOC="default")
        options = {"python": [sys.executable], "journal": ["--no-journal"]}
        with serving(tmp_path, environ, **options) as server:  # type: ignore[arg-type]
            gate = asyncio.Semaphore(40)

            async def one(at: int) -> None:
                async with gate, server.client() as client:
                    body = {"texts": [f"{at} {call}" for call in range(3)]}
                    async with client.post("/flows/each", json=body) as response:
                        assert response.status == 200

            await asyncio.gather(*map(one, range(300)))
            before = memory_of(server.process.pid)
            await asyncio.gather(*map(one, range(300, 1300)))
            after = memory_of(server.process.pid)
    # The last 1,000 results are kept, which are about 6 KB each.
    assert after - before < 14, f"{before:.0f} MB became {after:.0f} MB"
