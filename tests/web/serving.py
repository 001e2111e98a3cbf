"""`charley serve` as its user starts it: a process of its own, on a port of its own."""

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Served:
    """A running service: its process, the link that it printed, where it listens, its store, the file of what it printed."""

    pid: int
    link: str
    port: int
    store: Path
    said: Path


def free_port() -> int:
    with closing(socket.socket()) as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def serving(folder: Path, *options: str) -> Iterator[Served]:
    """Serve until the block ends. What it printed beside its greeting is an error of the test that uses it."""
    port, store, said = free_port(), folder / "consultations.sqlite", folder / "said"
    command = [sys.executable, "-m", "expert", "serve", "--port", str(port), "--store", str(store), *options]
    with said.open("w") as stream:
        process = subprocess.Popen(command, stdout=stream, stderr=stream, env={**os.environ, "PYTHONPATH": str(ROOT)})
    try:
        found, deadline = None, time.monotonic() + 60
        while found is None and time.monotonic() < deadline and process.poll() is None:
            time.sleep(0.1)
            found = re.search(r"Open (https?://\S+)", said.read_text())
        assert found, said.read_text()
        _wait_for(port, deadline)
        yield Served(process.pid, found[1], port, store, said)
    finally:
        process.terminate()
        process.wait(20)
    # What it logs of visits is nothing: no address, no error, no id.
    assert "consultations/" not in said.read_text() and "Traceback" not in said.read_text(), said.read_text()


def _wait_for(port: int, deadline: float) -> None:
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
