"""`charley serve --workers 2` as its user starts it: what is shared, what a killed worker leaves, and how it ends."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import httpx2 as httpx
import pytest

from expert.consultation.sessions import Store
from expert.web.access.users import add_user
from expert.web.settings import Settings
from expert.web.workers import TakingTurns, listen, useful_workers
from tests.functional.charley import charley_process
from tests.web.serving import ROOT, Served, free_port, serving

PASSWORD = "correct horse battery"


@pytest.fixture
def together(tmp_path: Path) -> Iterator[Served]:
    with serving(tmp_path, "--workers", "2") as running:
        until(lambda: len(workers(running)) == 2)
        yield running


def until(is_so: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def children(pid: int) -> list[int]:
    told = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in told if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]


def workers(running: Served) -> list[int]:
    """Return the workers that accept connections: a listening socket is watched by an event loop."""
    return [child for child in children(running.pid) if "anon_inode:[eventpoll]" in held_open(child)]


def held_open(pid: int) -> list[str]:
    return [str(entry.readlink()) for entry in Path(f"/proc/{pid}/fd").iterdir() if entry.is_symlink()]


def ask(running: Served, cookie: str, method: str, path: str, **fields: str) -> httpx.Response:
    """Ask on a connection of its own, which any worker may take."""
    with httpx.Client(base_url=f"http://127.0.0.1:{running.port}", cookies={"charley": cookie}, timeout=30) as client:
        return client.request(method, path, data=fields or None)


def field(name: str, page: httpx.Response) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page.text)
    assert found, page.text[:300]
    return found[1]


def test_a_consultation_moves_between_workers_and_survives_every_one_of_them(together: Served) -> None:
    first_generation = workers(together)
    cookie = ask(together, "", "GET", together.link).cookies["charley"]
    token = field("csrf", ask(together, cookie, "GET", "/"))
    here = ask(together, cookie, "POST", "/consultations", csrf=token, name="bed 3").headers["location"]
    for number, killed in enumerate(first_generation):
        page = ask(together, cookie, "GET", here)
        answer = {"csrf": token, "after": field("after", page), "rest": "unknown", "current": "none", "stopped": "none"}
        assert ask(together, cookie, "POST", here, **answer).status_code == 303
        os.kill(killed, signal.SIGKILL)
        # Whoever is left goes on at once, with the same sign-in, the same form and the answer just given.
        assert field("after", ask(together, cookie, "GET", here)) != answer["after"]
        until(lambda before=killed: before not in children(together.pid) and len(workers(together)) == 2)  # type: ignore[misc]
        assert together.said.read_text().count("is replaced") == number + 1
    assert not set(workers(together)) & set(first_generation)
    page = ask(together, cookie, "GET", here)
    assert page.status_code == 200 and "bed 3<" in page.text and field("csrf", page) == token
    with closing(Store(together.store)) as store:
        (kept,) = store.owned("")
        assert len(store.load(kept.id).log) == int(field("after", page))


def test_tries_count_at_all_workers_and_a_changed_password_ends_a_sign_in_at_all(tmp_path: Path) -> None:
    users = tmp_path / "users"
    add_user(users, "weber", PASSWORD)
    with serving(tmp_path, "--workers", "2", "--users", str(users)) as running:
        until(lambda: len(workers(running)) == 2)
        one, other = workers(running)

        def at(worker: int, cookie: str, method: str, path: str, **fields: str) -> httpx.Response:
            """Ask one worker: the other one stands still, and takes no connection."""
            stopped = other if worker == one else one
            os.kill(stopped, signal.SIGSTOP)
            try:
                return ask(running, cookie, method, path, **fields)
            finally:
                os.kill(stopped, signal.SIGCONT)

        page = at(one, "", "GET", "/sign-in")
        stranger, form = page.cookies["charley"], {"csrf": field("csrf", page), "user": "weber"}
        entered = at(other, stranger, "POST", "/sign-in", password=PASSWORD, **form)
        cookie = entered.cookies["charley"]
        assert [at(worker, cookie, "GET", "/handbook").status_code for worker in (one, other)] == [200, 200]
        add_user(users, "weber", "another correct horse")
        assert [at(worker, cookie, "GET", "/handbook").status_code for worker in (one, other)] == [303, 303]
        # Ten tries a minute for an address, whoever answers them; by itself each would admit ten. A try comes back every six
        # seconds, so that a slow machine needs more of them.
        begun = time.monotonic()
        admitted, refusing = 0, set()
        while len(refusing) < 2 and time.monotonic() - begun < 120:
            for worker in (one, other):
                status = at(worker, stranger, "POST", "/sign-in", password="wrong", **form).status_code
                admitted += status == 403
                refusing |= {worker} if status == 429 else set()
        assert refusing == {one, other}
        assert 8 <= admitted <= 10 + (time.monotonic() - begun) / 6 + 1


def test_they_end_together_however_the_supervisor_ends(together: Served) -> None:
    both = workers(together)
    os.kill(together.pid, signal.SIGKILL)
    until(lambda: not any(Path(f"/proc/{pid}/cmdline").exists() for pid in both), 20)
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", together.port), 2)


def test_ctrl_c_ends_a_service_of_one_process_in_good_order(tmp_path: Path) -> None:
    options = [sys.executable, "-m", "expert", "serve", "--port", str(free_port()), "--store", str(tmp_path / "store")]
    process = subprocess.Popen(options, stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert process.stderr is not None
    assert "Open http" in process.stderr.readline() and "Ctrl-C" in process.stderr.readline()
    until(lambda: "anon_inode:[eventpoll]" in held_open(process.pid))
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0
    assert process.stderr.read() == ""
    process.stderr.close()


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_signal_ends_all_of_them_and_what_they_shared(tmp_path: Path, sent: signal.Signals) -> None:
    options = [sys.executable, "-m", "expert", "serve", "--workers", "2", "--port", str(free_port())]
    command = [*options, "--store", str(tmp_path / "consultations.sqlite")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)}
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
    assert process.stderr is not None
    assert "Open http" in process.stderr.readline()
    assert list(tmp_path.glob("charley-*/shared.sqlite"))
    until(lambda: len([pid for pid in children(process.pid) if "anon_inode:[eventpoll]" in held_open(pid)]) == 2)
    both = children(process.pid)
    process.send_signal(sent)
    is_killed = sent == signal.SIGKILL
    assert process.wait(30) == (-signal.SIGKILL if is_killed else 0)
    # Whoever is told to end waits for the workers; those of a supervisor that was killed see it themselves.
    until(lambda: not any(Path(f"/proc/{pid}/cmdline").exists() for pid in both), 20 if is_killed else 0.1)
    # What they shared is gone with them.
    assert not list(tmp_path.glob("charley-*"))
    rest = process.stderr.read()
    process.stderr.close()
    assert "Traceback" not in rest and "replaced" not in rest


def test_what_keeps_workers_from_starting_is_told_once(tmp_path: Path) -> None:
    serve = ("serve", "--workers", "2", "--port", free_port(), "--store", tmp_path / "store")
    outcome = charley_process(*serve, "--users", tmp_path / "nobody")
    assert outcome.status == 1 and outcome.err.count("cannot be read") == 1 and "Open" not in outcome.err
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        outcome = charley_process("serve", "--workers", "2", "--port", port, "--store", tmp_path / "store")
    assert outcome.status == 1 and "in use" in outcome.err


def test_one_worker_is_enough_for_one_person_and_more_are_for_several(tmp_path: Path) -> None:
    assert useful_workers(Settings(store=tmp_path / "store")) == 1
    for several in (
        Settings(tmp_path / "store", users=tmp_path / "users"),
        Settings(tmp_path / "store", trusted_header="X-User"),
    ):
        assert useful_workers(several) == min(4, len(os.sched_getaffinity(0)))


def test_no_answer_waits_for_an_acknowledgement(tmp_path: Path) -> None:
    with closing(listen(Settings(tmp_path / "store", port=free_port()))) as listener:
        caller = socket.create_connection(listener.getsockname())
        accepted = listener.accept()[0]
        with closing(caller), closing(accepted):
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0


def test_a_worker_takes_one_connection_a_turn() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    turns = TakingTurns(listener)
    turns.setblocking(False)
    with closing(turns):
        callers = [socket.create_connection(turns.getsockname()) for _ in range(2)]
        for _ in callers:
            turns.accept()[0].close()
            with pytest.raises(BlockingIOError):
                turns.accept()
        for caller in callers:
            caller.close()
