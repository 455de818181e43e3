"""`flowrun serve` under load: many runs in one process, its limits and budgets, its end, and a kill."""

from __future__ import annotations

import asyncio
import json
import signal
from pathlib import Path
from typing import Any

import pytest

from support.model_server import model_server
from support.patience import PATIENCE, still, until
from support.served import FLOWS, TOKEN, Server, environment, flowrun, serving

PRICED = FLOWS.replace(
    '"openai:gpt-4o-mini"', '"openai:gpt-4o-mini" with input_price: 1000, output_price: 1000, max_tokens: 5'
)
"""Each call costs 15 tokens, which are $0.015. It may cost more before its bill is there."""


async def test_fifty_runs_go_on_in_one_process(tmp_path: Path) -> None:
    with model_server(tmp_path / "log", seconds=0.05) as models:
        environ = environment(tmp_path, models.url)
        with serving(tmp_path, environ) as server:
            bodies = [{"texts": [f"{at} {one}" for one in range(4)]} for at in range(50)]
            found = await asyncio.gather(*(server.ask("/flows/each", body) for body in bodies))
            assert [status for status, _ in found] == [200] * 50
            values = [one["value"] for _, one in found]
            again = await asyncio.gather(*(server.ask("/flows/each", body) for body in bodies))
            assert [one["value"] for _, one in again] == values
            assert sum(one["calls"] for _, one in again) == 0 and models.answers() == 200
            server.send(signal.SIGTERM)
            assert server.wait() == 128 + signal.SIGTERM
        listed = flowrun(tmp_path, environ, "runs", "--journal", "j.db", "--json")
        runs = json.loads(listed.stdout)["runs"]
        assert len(runs) == 100 and {one["status"] for one in runs} == {"done"}


async def test_more_runs_than_the_most_are_told_to_come_again(tmp_path: Path) -> None:
    with (
        model_server(tmp_path / "log", seconds=0.4) as models,
        serving(tmp_path, environment(tmp_path, models.url), "--max-runs", "2") as server,
    ):
        async with server.client() as client:

            async def call(at: int) -> tuple[int, str | None, Any]:
                async with client.post("/flows/card", json={"name": f"n{at}"}) as response:
                    return response.status, response.headers.get("Retry-After"), await response.json()

            found = await asyncio.gather(*map(call, range(6)))
            refused = [one for one in found if one[0] == 429]
            assert len(refused) == 4 and all(later == "1" for _, later, _ in refused)
            assert "2 runs go on already" in refused[0][2]["error"]
            assert (await call(9))[0] == 200


async def test_two_runs_keep_one_rate(tmp_path: Path) -> None:
    flow = 'model m = "openai:gpt-4o-mini" with rpm: 600\n\nflow f(texts: [text]) {\n  out = map t in texts {\n'
    flow += '    ask m "{{ t }}"\n  } reduce collect\n\n  return out\n}\n'
    (tmp_path / "rate.flow").write_text(flow)
    with model_server(tmp_path / "log", seconds=0.01) as models:
        with serving(tmp_path, environment(tmp_path, models.url), files=("rate.flow",)) as server:
            bodies = [{"texts": [f"{at} {one}" for one in range(10)]} for at in range(4)]
            await asyncio.gather(*(server.ask("/flows/f", body) for body in bodies))
        times = [line["time"] for line in models.lines() if line["at"] == "asked"]
        # 10 a second, after a burst of one second.
        assert len(times) == 40 and max(times) - min(times) > 2.5


async def test_a_call_keeps_to_its_budget_and_all_to_the_total(tmp_path: Path) -> None:
    with model_server(tmp_path / "log", seconds=0.02) as models:
        options = ("--budget", "10 calls", "--total-budget", "25 calls")
        with serving(tmp_path, environment(tmp_path, models.url), *options) as server:
            assert "the total budget is 25 calls" in server.told()
            status, found = await server.ask("/flows/each", {"texts": [f"a{at}" for at in range(11)]})
            assert status == 402 and found["status"] == "budget" and models.answers() == 10
            for name in ("b", "c"):
                status, found = await server.ask("/flows/each", {"texts": [f"{name}{at}" for at in range(6)]})
            assert status == 200 and models.answers() == 22
            status, found = await server.ask("/flows/each", {"texts": [f"d{at}" for at in range(6)]})
            assert status == 402 and models.answers() == 25
            status, found = await server.ask("/flows/card", {"name": "e"})
            assert status == 402 and "total budget of 25 calls is spent" in found["error"]
            assert models.answers() == 25


async def test_dollars_are_held_and_given_back(tmp_path: Path) -> None:
    (tmp_path / "priced.flow").write_text(PRICED)
    with model_server(tmp_path / "log", seconds=0.02) as models:
        options = ("--flow", "card", "--budget", "$0.10", "--total-budget", "$0.25")
        environ = environment(tmp_path, models.url)
        with serving(tmp_path, environ, *options, files=("priced.flow",)) as server:
            found = [await server.ask("/flows/card", {"name": f"n{at}"}) for at in range(30)]
        good = [one for status, one in found if status == 200]
        # A call could cost about $0.03, so that the last cents are never spent.
        assert 13 <= len(good) == models.answers() <= 16
        assert all(one["cost"] == pytest.approx(0.015) for one in good)
        assert {status for status, _ in found} == {200, 402}


async def test_runs_side_by_side_never_spend_more_than_the_total(tmp_path: Path) -> None:
    with model_server(tmp_path / "log", seconds=0.05) as models:
        options = ("--budget", "5 calls", "--total-budget", "20 calls")
        with serving(tmp_path, environment(tmp_path, models.url), *options) as server:
            bodies = [{"texts": [f"{at} {one}" for one in range(5)]} for at in range(12)]
            found = await asyncio.gather(*(server.ask("/flows/each", body) for body in bodies))
        statuses = sorted(status for status, _ in found)
        assert statuses.count(200) == 4 and set(statuses) <= {200, 402, 429}
        assert models.answers() == 20


async def heard(server: Server, times: int) -> None:
    await until(lambda: server.told().count("SIGINT") == times)


@pytest.mark.parametrize("signals", [1, 2])
async def test_the_end_is_orderly(tmp_path: Path, signals: int) -> None:
    texts = [f"end {at}" for at in range(200)]
    with model_server(tmp_path / "log", seconds=0.3) as models:
        environ = environment(tmp_path, models.url)
        models.hold(8)
        with serving(tmp_path, environ, "--grace", "600") as server:
            call = asyncio.create_task(server.ask("/flows/each", {"texts": texts}))
            await until(lambda: models.asked() > 8)
            for number in range(signals):
                server.send(signal.SIGINT)
                await heard(server, number + 1)
            status, refused = await server.ask("/flows/card", {"name": "late"})
            assert status == 503 and "takes no more runs" in refused["error"]
            assert (await server.ask("/ready", method="GET"))[0] == 503
            assert (await server.ask("/health", method="GET"))[0] == 200
            models.go_on()
            status, found = await call
            assert await asyncio.to_thread(server.wait) == 130
        if signals == 1:
            assert status == 200 and len(found["value"]) == 200
            return
        assert status == 409 and found["status"] == "stopped" and found["calls"] == models.answers() < 200
        with serving(tmp_path, environ) as server:
            status, again = await server.ask("/flows/each", {"texts": texts})
            assert status == 200 and again["recalled"] == found["calls"] and models.answers() == 200


async def test_grace_ends(tmp_path: Path) -> None:
    with (
        model_server(tmp_path / "log", seconds=0.3) as models,
        serving(tmp_path, environment(tmp_path, models.url), "--grace", "0.5") as server,
    ):
        models.hold(8)
        call = asyncio.create_task(server.ask("/flows/each", {"texts": [f"g{at}" for at in range(400)]}))
        await until(lambda: models.asked() > 8)
        server.send(signal.SIGTERM)
        await until(lambda: "SIGTERM" in server.told())
        await asyncio.sleep(1)
        models.go_on()
        status, _ = await call
        assert status == 409
        assert await asyncio.to_thread(server.wait) == 143


async def test_a_killed_server_pays_nothing_twice(tmp_path: Path) -> None:
    texts = [f"kill {at}" for at in range(150)]
    with model_server(tmp_path / "log", seconds=0.1) as models:
        environ = environment(tmp_path, models.url)
        models.hold(20)
        with serving(tmp_path, environ) as server:
            _, begun = await server.ask("/flows/each/runs", {"texts": texts})
            await until(lambda: models.answers() >= 20)
            server.send(signal.SIGKILL)
            server.wait()
        models.go_on()
        before = await still(models.asked)
        assert before < 150
        with serving(tmp_path, environ) as server:
            status, again = await server.ask("/flows/each", {"texts": texts})
            assert status == 200 and 0 < again["recalled"] <= before
            assert models.asked() - before == again["calls"] == 150 - again["recalled"]
            assert (await server.ask(begun["url"], method="GET"))[0] == 404


async def test_a_flow_that_has_changed_is_said_once(tmp_path: Path) -> None:
    with model_server(tmp_path / "log") as models, serving(tmp_path, environment(tmp_path, models.url)) as server:
        await server.ask("/flows/card", {"name": "a"})
        assert "has changed" not in server.told()
        (tmp_path / "flows.flow").write_text(FLOWS.replace("Greet", "Salute"))
        for name in ("b", "c"):
            assert (await server.ask("/flows/card", {"name": name}))[0] == 200
        assert server.told().count("the file of the flow `card` has changed") == 1


async def test_a_slow_client_holds_up_nobody(tmp_path: Path) -> None:
    with (
        model_server(tmp_path / "log", seconds=0.05) as models,
        serving(tmp_path, environment(tmp_path, models.url), "--max-runs", "5") as server,
    ):
        host, _, port = server.address.removeprefix("http://").partition(":")
        head = f"POST /flows/each?stream HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: Bearer {TOKEN}\r\n"
        head += "Content-Type: application/json\r\nContent-Length: "
        body = json.dumps({"texts": [f"slow {at}" for at in range(30)]})
        writers = []
        for _ in range(3):
            _, writer = await asyncio.open_connection(host, int(port))
            writer.write(f"{head}{len(body)}\r\n\r\n{body}".encode())
            writers.append(writer)
        _, late = await asyncio.open_connection(host, int(port))
        late.write(f"{head}{len(body)}\r\n\r\n{{".encode())
        await asyncio.sleep(0.3)
        status, _ = await asyncio.wait_for(server.ask("/flows/card", {"name": "quick"}), PATIENCE)
        assert status == 200
        for writer in (*writers, late):
            writer.close()
