"""A standalone Spark cluster on loopback: a master and workers, processes of their own, as Spark's scripts start them."""

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

needs_java = pytest.mark.skipif(
    shutil.which("java") is None and "JAVA_HOME" not in os.environ,
    reason="Spark needs Java 17 or later, and there is none here (Debian: openjdk-17-jre-headless)",
)
# What lives for seconds is not worth compiling to the last.
LOOPBACK = {"SPARK_LOCAL_IP": "127.0.0.1", "JAVA_TOOL_OPTIONS": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"}


class Cluster:
    """A master and its workers; each worker has one core and one gibibyte."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"spark://127.0.0.1:{self.port}"
        self.workers: list[subprocess.Popen[bytes]] = []
        self.names: list[str] = []
        self.master = self._start("master", "master.Master", "--port", str(self.port))
        self._wait_for("I have been elected leader", 1)

    def start_worker(self) -> None:
        name = f"worker-{len(self.names)}"
        self.names.append(name)
        work = str(self.folder / name)
        self.workers.append(self._start(name, "worker.Worker", "--cores", "1", "--memory", "1g", "--work-dir", work, self.url))
        self._wait_for("Registering worker", len(self.names))

    @property
    def last_worker(self) -> str:
        return self.names[-1]

    def applications(self) -> set[tuple[str, str]]:
        """Return each run that each worker has had an executor for."""
        return {(path.parts[-4], path.parts[-3]) for path in self.folder.glob("worker-*/app-*/*/stdout")}

    def kill_a_worker(self) -> None:
        """Kill the last worker and its executor, as a power cut does: nobody is told and nothing is put in order."""
        worker = self.workers.pop()
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()

    def stop(self) -> None:
        for process in (*self.workers, self.master):
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(timeout=30)

    def _start(self, name: str, main: str, *words: str) -> "subprocess.Popen[bytes]":
        import pyspark

        home = Path(pyspark.__file__).parent
        command = [str(home / "bin" / "spark-class"), f"org.apache.spark.deploy.{main}", "--host", "127.0.0.1"]
        # What measures the coverage of the tests is not for the workers, who are killed.
        plain = {key: value for key, value in os.environ.items() if not key.startswith("COV")}
        settings = {**plain, **LOOPBACK, "SPARK_HOME": str(home), "SPARK_DAEMON_MEMORY": "256m"}
        with (self.folder / f"{name}.log").open("wb") as log:
            return subprocess.Popen(
                [*command, "--webui-port", "0", *words], stdout=log, stderr=log, env=settings, start_new_session=True
            )

    def _wait_for(self, line: str, times: int) -> None:
        log = self.folder / "master.log"
        deadline = time.monotonic() + 90
        while log.read_text(errors="replace").count(line) < times:
            assert time.monotonic() < deadline, log.read_text(errors="replace")[-3000:]
            time.sleep(0.1)
