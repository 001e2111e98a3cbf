"""Running the `charley` command as a user does: its two streams and its exit status.

Most tests call it in their own process, with the words that are typed: to start Python and import a hundred modules anew takes
longer than what is tested. A process of its own is for what a call cannot show: a folder to stand in, an environment, a hash
seed, a kill; and every command that the documentation shows runs as one.
"""

import gc
import io
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from contextvars import copy_context
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

_CALLS_KEPT = 5
"""After so many calls what they left is freed: that takes as long as a call, and a knowledge base takes 60 MB."""
_calls = count(1)


@dataclass(frozen=True)
class Outcome:
    status: int
    out: str
    err: str


def charley(*words: object, typed: str = "", cwd: Path | None = None, **environment: str) -> Outcome:
    """Call the command; where it is given a folder or an environment, as a process, for which nothing can be typed."""
    if cwd is not None or environment:
        return charley_process(*words, cwd=cwd, **environment)
    # What a context says, as which language is spoken, ends with the call.
    return copy_context().run(_call, [str(word) for word in words], typed)


def charley_process(*words: object, cwd: Path | None = None, **environment: str) -> Outcome:
    """Run the command as a process of its own."""
    command = [sys.executable, "-m", "expert", *map(str, words)]
    here = str(Path(__file__).parents[2])
    settings: dict[str, Any] = {**os.environ, "PYTHONPATH": here, "PYTHONIOENCODING": "utf-8", **environment}
    done = subprocess.run(command, capture_output=True, cwd=cwd, env=settings, timeout=120, check=False)
    outcome = Outcome(done.returncode, done.stdout.decode(), done.stderr.decode())
    assert "Traceback" not in outcome.err, outcome.err
    return outcome


def _tidy_up() -> None:
    """Free what some calls have left: each keeps its knowledge out of the collector's way, as if the process ended with it."""
    if next(_calls) % _CALLS_KEPT == 0:
        gc.unfreeze()
        gc.collect()
        gc.freeze()


def _call(words: list[str], typed: str) -> Outcome:
    from expert.command_line import main

    status: Any = 0
    keyboard, sys.stdin = sys.stdin, io.TextIOWrapper(io.BytesIO(typed.encode()), encoding="utf-8")
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    with redirect_stdout(out), redirect_stderr(err):
        try:
            main(words, prog_name="charley")
        except SystemExit as ended:
            status = ended.code
        finally:
            sys.stdin = keyboard
            _tidy_up()
    return Outcome(status or 0, *(stream.buffer.getvalue().decode() for stream in (out, err)))  # type: ignore[attr-defined]
