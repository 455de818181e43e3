"""The yardstick of a whole process: the script of twelve lines that a person writes for one list of prompts.

python benchmarks/script.py ADDRESS PROMPTS.json
"""

import asyncio
import json
import pathlib
import sys

import aiohttp


async def main(base: str, prompts: list[str]) -> list[str]:
    async def ask(prompt: str) -> str:
        body = {"model": "test", "messages": [{"role": "user", "content": prompt}]}
        async with session.post(f"{base}/chat/completions", json=body) as reply:
            text: str = (await reply.json())["choices"][0]["message"]["content"]
            return text

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        return await asyncio.gather(*map(ask, prompts))


print(len(asyncio.run(main(sys.argv[1], json.loads(pathlib.Path(sys.argv[2]).read_text())))))
