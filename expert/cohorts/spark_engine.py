"""Cohorts by Spark, for those who outgrow one machine: each part of a run is a task, done whole by some worker.

The only module that imports PySpark. A worker reads, checks, concludes and writes its rows with the same code as a run on one
machine (Polars on one thread a task), so both give the same bytes. The folder and the files must be on a file system that all
workers share, and charley must be installed in their Python.

A worker that dies has left its parts either complete or not at all, and Spark gives what it had begun to another one.
"""

import copyreg
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic
from types import MappingProxyType
from typing import Any

from expert import __version__
from expert.cohorts.parts import conclude_part
from expert.cohorts.run import CohortError, PlannedPart, Run, counts_of


# The knowledge that workers get holds mappings that cannot be changed, which Python does not send by itself.
def _frozen(mapping: dict[Any, Any]) -> "MappingProxyType[Any, Any]":
    return MappingProxyType(mapping)


copyreg.pickle(MappingProxyType, lambda mapping: (_frozen, (dict(mapping),)))

OWN_MACHINE = "local[*]"
_OLDEST_JAVA = 17
_ADVICE = "install openjdk-17-jre-headless (Debian 12) or default-jre-headless (later), or set JAVA_HOME"
_POLL, _PATIENCE, _CONNECT = 0.5, 30.0, 5.0
"""Seconds: between looks at the progress, until a run without a worker is spoken of, and for a master to answer."""
_GO_ON = "what is finished is kept: go on with --resume"


def require_spark(master: str | None) -> None:
    """Raise CohortError where Spark cannot start here: no PySpark, no Java, one too old, or no master that answers."""
    try:
        import pyspark  # noqa: F401
    except ImportError:
        raise CohortError("PySpark is not installed; pip install 'charley[spark]'") from None
    _require_java()
    if master is not None:
        _require_master(master)


def _require_java() -> None:
    home = os.environ.get("JAVA_HOME")
    java = str(Path(home) / "bin" / "java") if home else "java"
    found = shutil.which(java)
    if found is None:
        where = f" at {java} (JAVA_HOME)" if home else ""
        raise CohortError(f"No Java was found{where}; Spark needs Java {_OLDEST_JAVA} or later: {_ADVICE}")
    told = subprocess.run([found, "-version"], capture_output=True, text=True, check=False)  # noqa: S603 - the user's own Java
    version = re.search(r'version "(?:1\.)?(\d+)', told.stderr + told.stdout)
    if version is None:
        raise CohortError(f"{found} does not tell a Java version; Spark needs Java {_OLDEST_JAVA} or later: {_ADVICE}")
    if int(version[1]) < _OLDEST_JAVA:
        raise CohortError(f"{found} is Java {version[1]}; Spark needs Java {_OLDEST_JAVA} or later: {_ADVICE}")


def _require_master(master: str) -> None:
    """Ask at a standalone master's door; Spark itself would try for a minute."""
    if master.startswith("sc://"):
        raise CohortError(f"{master} is a Spark Connect server, which does not run tasks of Python; give spark://HOST:PORT")
    if not re.match(r"local(\[|$)|spark://|yarn$|k8s://", master):
        raise CohortError(f"--master {master}: expected spark://HOST:PORT, local[N], yarn or k8s://HOST:PORT")
    if not master.startswith("spark://"):
        return
    addresses = master.removeprefix("spark://").split(",")
    reason = ""
    for address in addresses:
        host, _, port = address.rpartition(":")
        try:
            with socket.create_connection((host.strip("[]"), int(port)), timeout=_CONNECT):
                return
        except ValueError:
            raise CohortError(f"--master {master}: expected spark://HOST:PORT, with the port as a number") from None
        except OSError as error:
            reason = error.strerror or str(error)
    raise CohortError(f"no Spark master answers at {master}: {reason}; check that it runs, and its address")


def conclude_parts(
    parts: Sequence[PlannedPart],
    run: Run,
    master: str | None,
    progress: Callable[[int], None],
    notice: Callable[[str], None],
) -> None:
    """Do the parts on the workers of a master (default: this machine). `progress` is told the rows done.

    Raises CohortError with what stopped Spark, or the first part that could not be written.
    """
    if not parts:
        return
    order = _Order(run, str(Path.cwd()), __version__)
    with _context(master or OWN_MACHINE) as context, ThreadPoolExecutor(1) as waiting:
        shared = context.broadcast(order)
        tasks = context.parallelize(parts, len(parts)).map(lambda part: shared.value(part))
        job = waiting.submit(tasks.collect)
        begun, told = monotonic(), False
        try:
            while not wait([job], timeout=_POLL).done:
                done = _rows_done(parts, run.work)
                progress(done)
                if not told and not done and monotonic() - begun > _PATIENCE and not _working(context):
                    notice(f"{master} has no worker free; waiting for one. Ctrl-C ends this, and what is finished is kept.")
                    told = True
        except BaseException:
            context.cancelAllJobs()
            raise
        problems = [text for text in job.result() if text is not None]
    if problems:
        raise CohortError(problems[0])
    progress(sum(part.count for part in parts))


def _rows_done(parts: Sequence[PlannedPart], work: Path) -> int:
    """Count the rows whose part is complete. The folder is looked through once, for it may be far away."""
    complete = {path.name for path in work.iterdir()}
    return sum(part.count for part in parts if counts_of(work, part.number).name in complete)


def _working(context: Any) -> bool:
    stages = (context.statusTracker().getStageInfo(stage) for stage in context.statusTracker().getActiveStageIds())
    return any(stage is not None and stage.numActiveTasks for stage in stages)


class _Order:
    """What a worker does with a part. It gives what went wrong as a text, because Spark would try an error four times."""

    def __init__(self, run: Run, folder: str, version: str) -> None:
        self.run, self.folder, self.version = run, folder, version

    def __call__(self, part: PlannedPart) -> str | None:
        if self.version != __version__:
            return f"this is charley {self.version}; a worker has {__version__}: install the same version there"
        # The names of files, which are written into the results, stay as they were typed.
        with suppress(OSError):
            os.chdir(self.folder)
        unseen = [path for path in (self.run.work, *map(Path, part.files)) if not path.exists()]
        if unseen and part.unreadable is None:
            return f"{unseen[0]} is not seen by the worker on {socket.gethostname()}; put it where all workers see it"
        if counts_of(self.run.work, part.number).exists():
            return None
        try:
            conclude_part(part, self.run)
        except CohortError as error:
            return str(error)
        return None


@contextmanager
def _context(master: str) -> Iterator[Any]:
    """Start Spark, keep what it says off the terminal, and end it. Raises CohortError in place of Spark's own errors."""
    from py4j.protocol import Py4JError
    from pyspark import SparkConf, SparkContext
    from pyspark.errors import PySparkException
    from pyspark.java_gateway import launch_gateway

    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    conf = SparkConf().setMaster(master).setAppName("charley evaluate")
    conf.set("spark.ui.enabled", "false").set("spark.ui.showConsoleProgress", "false")
    if master.startswith("local"):
        conf.set("spark.driver.host", "127.0.0.1").set("spark.driver.bindAddress", "127.0.0.1")
    with tempfile.TemporaryFile() as log:
        gateway = context = None
        try:
            gateway = launch_gateway(conf, {"stdout": log, "stderr": log})
            # A task has one core, and Polars would take them all.
            context = SparkContext(
                gateway=gateway, conf=conf, environment={"POLARS_MAX_THREADS": conf.get("spark.task.cpus", "1")}
            )
            context.setLogLevel("ERROR")
            yield context
        except (Py4JError, PySparkException, OSError) as error:
            raise CohortError(_plain(str(error), _end_of(log))) from None
        finally:
            if context is not None:
                context.stop()
            if gateway is not None:
                _end(gateway)


def _end(gateway: Any) -> None:
    from pyspark import SparkContext

    gateway.shutdown()
    if gateway.proc is not None:
        # The Java process ends with its input.
        gateway.proc.stdin.close()
        gateway.proc.wait()
    SparkContext._gateway = SparkContext._jvm = None


def _end_of(log: Any) -> str:
    log.seek(0)
    return str(log.read()[-20_000:].decode(errors="replace"))


def _plain(error: str, log: str) -> str:
    """Say in a line what Spark says in a hundred."""
    everything = error + log
    python = os.environ.get("PYSPARK_PYTHON", "")
    if "No module named 'expert'" in everything:
        return f"the workers' Python ({python}) has no charley; install it there, or name another in PYSPARK_PYTHON"
    if "Cannot run program" in everything:
        return f"the workers have no {python}; name a Python that has charley in PYSPARK_PYTHON"
    if "PYTHON_VERSION_MISMATCH" in everything:
        return f"the workers' Python is another version than {sys.version.split()[0]} here; name one in PYSPARK_PYTHON"
    lines = [line.strip(" :\t") for line in everything.splitlines()]
    telling = [line for line in lines if re.search(r"(Error|Exception)\b: ", line)]
    return f"Spark could not go on: {(telling or lines or ['no reason given'])[-1][:300]}; {_GO_ON}"
