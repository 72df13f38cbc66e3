"""An HTTP client so small that it takes little from the server that it measures.

No command of its own: see serve.py. httpx takes a millisecond a request, as much as an answer.
"""

import asyncio
import json
import time


class Connection:
    """A connection that is kept open, for one request at a time.

    Args:
        port: Port on this machine.
    """

    def __init__(self, port: int):
        self.port = port
        self.reader = self.writer = None

    async def post(self, path: str, body: dict) -> dict:
        """Posts a body and returns the answer."""
        await self._send(path, body)
        status, length = await self._head()
        content = json.loads(await self.reader.readexactly(length))
        if status != 200:
            raise RuntimeError(f"{status}: {content}")
        return content

    async def stream(self, path: str, body: dict, most: int | None = None) -> list[dict]:
        """Posts a body and returns the events; goes away after `most` of them."""
        start = time.perf_counter()
        await self._send(path, body)
        status, _ = await self._head()
        events = []
        while status == 200:
            line = (await self.reader.readline()).strip()
            if line == b"data: [DONE]":
                break
            if line.startswith(b"data: "):
                events.append({**json.loads(line[6:]), "seconds": time.perf_counter() - start})
                if len(events) == most:
                    break
        self.close()
        return events

    def close(self) -> None:
        """Goes away."""
        if self.writer is not None:
            self.writer.close()
        self.reader = self.writer = None

    async def _send(self, path, body):
        if self.writer is None:
            self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        content = json.dumps(body).encode()
        head = (
            f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(content)}\r\n\r\n"
        )
        self.writer.write(head.encode() + content)

    async def _head(self):
        lines = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines[1:] if ": " in line)
        return int(lines[0].split()[1]), int(headers.get("content-length", 0))
