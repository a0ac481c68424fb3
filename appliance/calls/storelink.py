"""Asking the store while a caller waits: one question a connection, and no answer is an answer."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec

ANSWER_S = 2.0


async def ask(path: Path, question: dict[str, Any]) -> dict[str, Any] | None:
    """Ask the store process; None when it is down, slow or says nothing of use."""
    try:
        async with asyncio.timeout(ANSWER_S):
            reader, writer = await asyncio.open_unix_connection(str(path))
            try:
                writer.write(msgspec.json.encode({"id": 1, **question}) + b"\n")
                await writer.drain()
                answer = msgspec.json.decode(await reader.readline())
            finally:
                writer.close()
    except (OSError, TimeoutError, ValueError):
        return None
    data = answer.get("data") if isinstance(answer, dict) and answer.get("ok") else None
    return data if isinstance(data, dict) else None
