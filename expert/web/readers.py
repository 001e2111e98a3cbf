"""The service's side of reading what clinicians drop on the page: starts `expert.web.reading`, and asks it."""

import socket
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from expert.failure_log import LOG
from expert.web.messages import receive, send
from facts.language.catalogs import ENGLISH
from facts.language.speaking import spoken

_PROGRAM = "expert.web.reading"
_STARTS_WITHIN = 60.0


class TakesTooMuch(Exception):
    """A file that could not be read in the time and memory that one may take."""


class CannotRead(Exception):
    """No file can be read now; the text says why, for whoever runs the service."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What became of a file: the status and page to show, and how many cases were assessed."""

    status: int
    cases: int
    page: str


class Readers:
    """Has files read in processes of their own; may be used by any number of threads. `hash` is that of the knowledge."""

    def __init__(self, knowledge: Path | None, hash: str, seconds: int, memory: int) -> None:
        self.knowledge, self.hash, self.seconds, self.memory = knowledge, hash, seconds, memory
        self.lock = threading.Lock()
        self.process: subprocess.Popen[bytes] | None = None
        self.control: socket.socket | None = None
        self.is_ready = False

    def start(self) -> None:
        """Start the program, if it does not run, without waiting until it has loaded the knowledge."""
        with self.lock:
            self._start()

    def close(self) -> None:
        """End the program; what it reads is ended by its own limits."""
        with self.lock:
            self._end()

    def read(self, name: str, content: bytes, *, place: str, pasted: bool, page: dict[str, Any]) -> Answered:
        """Read one file and make the page that answers it. Raises TakesTooMuch or CannotRead."""
        ours, theirs = socket.socketpair()
        # Ended by its own limits; this one is for a machine that stands still.
        ours.settimeout(6 * self.seconds)
        with ours:
            with theirs, self.lock:
                self._pass_on(theirs)
            asked = {"name": name, "place": place[:20], "pasted": pasted, "page": page}
            language = spoken()
            asked |= {"seconds": self.seconds, "memory": self.memory, "language": language.tag if language else ENGLISH}
            try:
                with ours.makefile("rwb") as stream:
                    send(stream, asked, content)
                    told, answer = receive(stream)
            except (TimeoutError, ConnectionResetError, BrokenPipeError):
                raise TakesTooMuch from None
        if told["outcome"] == "too much":
            raise TakesTooMuch
        if told["outcome"] != "answered":
            LOG.error("reading a file: %s", told.get("failure"))
            raise CannotRead("a file could not be read, by a mistake of the program")
        return Answered(told["status"], told["cases"], answer.decode())

    def _pass_on(self, connection: socket.socket) -> None:
        # The program may have been ended, as by a lack of memory; once it is started anew.
        for _ in range(2):
            self._start()
            control = self._when_ready()
            try:
                socket.send_fds(control, [b"r"], [connection.fileno()])
            except OSError:
                self._end()
            else:
                return
        raise CannotRead("the program that reads files ends again and again")

    def _start(self) -> None:
        if self.process is not None and self.process.poll() is None:
            return
        self._end()
        ours, theirs = socket.socketpair()
        ours.settimeout(_STARTS_WITHIN)
        command = [sys.executable, "-m", _PROGRAM, str(theirs.fileno())]
        if self.knowledge is not None:
            command.append(str(self.knowledge))
        with theirs:
            self.process = subprocess.Popen(command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)  # noqa: S603 - this very program
        self.control, self.is_ready = ours, False

    def _when_ready(self) -> socket.socket:
        if self.control is None:
            raise CannotRead("the program that reads files does not run")
        if not self.is_ready:
            try:
                with self.control.makefile("rb") as told:
                    found = told.readline(200).decode().strip()
            except OSError:
                found = ""
            if found != self.hash:
                self._end()
                why = "the knowledge on disk is not what this service loaded; restart it" if found else "it did not start"
                raise CannotRead(f"the program that reads files cannot be used: {why}")
            self.is_ready = True
        return self.control

    def _end(self) -> None:
        if self.control is not None:
            self.control.close()
        if self.process is not None:
            self.process.terminate()
            self.process.wait()
        self.process = self.control = None
        self.is_ready = False
