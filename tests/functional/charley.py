"""Running the `charley` command as a user does: a process of its own, its two streams and its exit status."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Outcome:
    status: int
    out: str
    err: str


def charley(*words: object, cwd: Path | None = None, **environment: str) -> Outcome:
    command = [sys.executable, "-m", "expert", *map(str, words)]
    here = str(Path(__file__).parents[2])
    settings: dict[str, Any] = {**os.environ, "PYTHONPATH": here, "PYTHONIOENCODING": "utf-8", **environment}
    done = subprocess.run(command, capture_output=True, cwd=cwd, env=settings, timeout=120, check=False)
    outcome = Outcome(done.returncode, done.stdout.decode(), done.stderr.decode())
    assert "Traceback" not in outcome.err, outcome.err
    return outcome
