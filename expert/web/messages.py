"""What the service and the process that reads files say to each other: a line of JSON, and as many bytes as it says."""

import json
from io import BufferedRWPair
from typing import Any

_LONGEST_LINE = 64 * 1024
"""Bytes of what stands before a file or a page: its name, and what every page shows."""


def send(stream: BufferedRWPair, told: dict[str, Any], content: bytes) -> None:
    """Write a message: a line of JSON, and after it as many bytes as the line says."""
    stream.write(json.dumps({**told, "size": len(content)}).encode() + b"\n")
    stream.write(content)
    stream.flush()


def receive(stream: BufferedRWPair) -> tuple[dict[str, Any], bytes]:
    """Read a message. Raises ConnectionResetError when it is not whole."""
    line = stream.readline(_LONGEST_LINE)
    if not line.endswith(b"\n"):
        raise ConnectionResetError
    told: dict[str, Any] = json.loads(line)
    content = stream.read(told["size"])
    if len(content) < told["size"]:
        raise ConnectionResetError
    return told, content
