"""A stand-in of the APIs of models: it streams the same short answer to each request.

Sources: https://platform.claude.com/docs/en/build-with-claude/streaming for Messages, and
https://platform.openai.com/docs/api-reference/responses-streaming for Responses.

As a program, it serves 127.0.0.1:PORT while a command runs: model_api.py PORT COMMAND... It imports nothing of the
project.
"""

import asyncio
import json
import sys
from collections.abc import Iterable
from typing import Any

from aiohttp import web

__all__ = ["CACHED", "INPUT", "OUTPUT"]

CACHED, INPUT, OUTPUT = 300, 1000, 70
"""Tokens of one answer. The first number is not part of the second one."""

_TEXT = "The work is done."
_Event = dict[str, Any]


async def _messages(request: web.Request) -> web.Response:
    model = (await request.json())["model"]
    usage = {"input_tokens": INPUT, "cache_read_input_tokens": CACHED, "output_tokens": 1}
    message = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": usage,
    }
    end = {"stop_reason": "end_turn", "stop_sequence": None}
    return _stream(
        {"type": "message_start", "message": message},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": _TEXT}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": end, "usage": {"output_tokens": OUTPUT}},
        {"type": "message_stop"},
    )


async def _responses(_: web.Request) -> web.Response:
    item = {
        "type": "message",
        "role": "assistant",
        "id": "msg_1",
        "content": [{"type": "output_text", "text": _TEXT}],
    }
    usage = {
        "input_tokens": INPUT + CACHED,
        "input_tokens_details": {"cached_tokens": CACHED},
        "output_tokens": OUTPUT,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": INPUT + CACHED + OUTPUT,
    }
    return _stream(
        {"type": "response.created", "response": {"id": "resp_1"}},
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": {"id": "resp_1", "usage": usage}},
    )


def _stream(*events: _Event) -> web.Response:
    return web.Response(text="".join(_lines(events)), content_type="text/event-stream")


def _lines(events: Iterable[_Event]) -> Iterable[str]:
    """Server-sent events."""
    for event in events:
        yield f"event: {event['type']}\ndata: {json.dumps(event)}\n\n"


async def _run(port: int, command: list[str]) -> int:
    app = web.Application(client_max_size=1 << 26)
    app.router.add_post("/v1/messages", _messages)
    app.router.add_post("/v1/responses", _responses)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        return await (await asyncio.create_subprocess_exec(*command)).wait()
    finally:
        await runner.cleanup()


if __name__ == "__main__":
    sys.exit(asyncio.run(_run(int(sys.argv[1]), sys.argv[2:])))
