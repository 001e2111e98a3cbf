"""The process that reads what clinicians drop on the page: started once with the knowledge, and divided anew for every file.

Reading holds Python for seconds and may take any amount of memory, so it is done where neither costs the pages anything. Each
file has a process of its own, with a limit of its time and memory, that ends with it: nothing of a file is left, neither in
memory nor on a disk. `expert.web.readers` starts this program and speaks with it.
"""

import contextlib
import gc
import os
import resource
import signal
import socket
import sys
from pathlib import Path
from typing import Any

from expert.failure_log import describe_failure
from expert.inference.assessing import Assessor
from expert.inference.translated import in_language
from expert.web.messages import receive, send
from expert.web.pages.case_files import answer_file
from facts.language.speaking import speaking
from knowledge_base.loading import load_knowledge_base

_PATIENCE = 4
"""Times the processor time that may pass by the clock, on a machine that has much else to do."""
_KINDER = 10
"""How much the reading of files stands back behind the pages."""


def main() -> None:
    """Load the knowledge, say its hash, and read files until whoever started this is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Ended processes are not waited for.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    control = socket.socket(fileno=int(sys.argv[1]))
    gc.disable()
    assessor = Assessor(load_knowledge_base(Path(sys.argv[2]) if len(sys.argv) > 2 else None, to_assess=True))
    # What every divided process shares is never looked through, and so never copied.
    gc.freeze()
    gc.enable()
    # Whoever started this may be gone before the knowledge is loaded, or at any time after.
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        control.sendall(assessor.knowledge.hash.encode() + b"\n")
        while (received := socket.recv_fds(control, 1, 1))[0]:
            for handle in received[1]:
                if os.fork() == 0:
                    control.close()
                    _read_one(assessor, handle)
                os.close(handle)


def _read_one(assessor: Assessor, handle: int) -> None:
    """Read one file and end the process, whatever happens."""
    status = 1
    # Nobody is there to be told when whoever asked is gone.
    with contextlib.suppress(BrokenPipeError, ConnectionResetError), socket.socket(fileno=handle) as connection:
        stream = connection.makefile("rwb")
        asked, content = receive(stream)
        _limit(asked["seconds"], asked["memory"])
        send(stream, *_answered(assessor, asked, content))
        status = 0
    os._exit(status)


def _answered(assessor: Assessor, asked: dict[str, Any], content: bytes) -> tuple[dict[str, Any], bytes]:
    try:
        assessor, language = in_language(assessor, Path(sys.argv[2]) if len(sys.argv) > 2 else None, asked["language"])
        with speaking(language):
            status, cases, page = answer_file(assessor, asked["name"], content, asked["place"], asked["pasted"], asked["page"])
    except MemoryError:
        return {"outcome": "too much"}, b""
    except Exception as error:
        return {"outcome": "failed", "failure": describe_failure(error)}, b""
    return {"outcome": "answered", "status": status, "cases": cases}, page.encode()


def _limit(seconds: int, memory: int) -> None:
    """Limit this process: it is ended when it takes longer, and cannot have more memory."""
    os.nice(_KINDER)
    # A core dump would be a file with a patient in it.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(_PATIENCE * seconds)
    statm = Path("/proc/self/statm")
    if statm.exists():
        held = int(statm.read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (held + memory, held + memory))


if __name__ == "__main__":
    main()
