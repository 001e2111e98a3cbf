"""`charley serve`, `charley users` and `charley audit` as they are typed; the service over its socket, with TLS and without."""

import random
import re
import socket
import ssl
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import httpx2 as httpx
import pexpect
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from expert.web.access.users import add_user
from tests.functional.charley import charley, charley_process
from tests.web.serving import Served, free_port, serving

PASSWORD = "correct horse battery"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--address", "0.0.0.0"], "--certificate"),
        (["--address", "192.168.1.7"], "--users"),
        (["--address", "clinic.example"], "not an IP address"),
        (["--certificate", "chain.pem"], "give both"),
        (["--trusted-header", "X-User"], "--trusted-proxy"),
    ],
)
def test_what_is_unsafe_is_refused_with_what_to_do(options: list[str], says: str, tmp_path: Path) -> None:
    outcome = charley_process("serve", *options, "--store", tmp_path / "store")
    assert outcome.status == 2 and says in outcome.err and outcome.out == ""
    assert not (tmp_path / "store").exists()


def test_a_file_of_users_or_a_certificate_that_is_not_there_is_told(tmp_path: Path) -> None:
    outcome = charley_process("serve", "--users", tmp_path / "nobody", "--store", tmp_path / "store")
    assert outcome.status == 1 and "cannot be read" in outcome.err
    options = ["--certificate", tmp_path / "no", "--key", tmp_path / "no", "--port", free_port()]
    outcome = charley_process("serve", *options, "--store", tmp_path / "store")
    assert outcome.status == 1 and "No such file" in outcome.err


def test_users_are_added_listed_and_removed(tmp_path: Path) -> None:
    file = str(tmp_path / "clinic" / "users")
    command = ["-m", "expert", "users", "add", "dr.weber", "--users", file]
    for typed, says in (("short", "12 or more"), (PASSWORD, "may sign in")):
        adding = pexpect.spawn(sys.executable, command, encoding="utf-8", timeout=30)
        for _ in range(2):
            adding.expect(":")
            adding.sendline(typed)
        adding.expect(says)
        adding.expect(pexpect.EOF)
        # What is typed is not shown.
        assert typed not in str(adding.before)
        adding.close()
    assert charley("users", "list", "--users", file).out == "dr.weber\n"
    assert charley("users", "remove", "nobody", "--users", file).status == 2
    assert charley("users", "remove", "dr.weber", "--users", file).status == 0
    assert charley("users", "list", "--users", file).out == ""
    assert charley("users", "list", "--users", tmp_path / "none").status == 1


def test_it_listens_on_this_machine_alone_and_says_nothing_of_itself(served: Served) -> None:
    assert served.link.startswith(f"http://127.0.0.1:{served.port}/enter/")
    response = httpx.get(f"http://127.0.0.1:{served.port}/sign-in")
    assert response.status_code == 200 and "server" not in response.headers
    others = {entry[4][0] for entry in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)} - {"127.0.0.1"}
    for address in others:
        if not ip_address(str(address)).is_loopback:
            with pytest.raises(OSError, match=r"refused|unreachable|timed out"):
                socket.create_connection((str(address), served.port), 2)


def test_the_trail_can_be_read(served: Served) -> None:
    with httpx.Client(follow_redirects=True) as client:
        assert client.get(served.link).status_code == 200
    outcome = charley("audit", "--store", served.store)
    assert outcome.status == 0 and re.search(r"^\d{4}-\S+  -  signed in  -$", outcome.out, re.MULTILINE)


def test_no_trail_is_no_error(tmp_path: Path) -> None:
    assert charley("audit", "--store", tmp_path / "new.sqlite").out == ""


def test_garbage_on_the_socket_is_refused_and_the_service_goes_on(served: Served) -> None:
    made = random.Random(3)
    pieces = [b"GET / HTTP/1.1\r\n", b"POST /consultations HTTP/1.1\r\n", b"Host: 127.0.0.1\r\n", b"Host: evil.example\r\n"]
    pieces += [b"Content-Length: -5\r\n", b"Content-Length: 5\r\nContent-Length: 6\r\n", b"Transfer-Encoding: chunked\r\n"]
    pieces += [
        b"\r\n",
        b"zz\r\n",
        b"\x00\xff\xfe",
        b"GET /\xff HTTP/9.9\r\n",
        b"A" * 40_000,
        b": x\r\n",
        b"5\r\nhello\r\n0\r\n\r\n",
    ]
    answers = []
    for _ in range(100):
        with closing(socket.create_connection(("127.0.0.1", served.port), 5)) as line:
            line.settimeout(0.05)
            try:
                line.sendall(b"".join(made.choices(pieces, k=made.randrange(1, 6))))
                answers.append(line.recv(65_536))
            except OSError:
                continue
    assert any(answers)
    assert not any(b" 500 " in answer or b"Traceback" in answer for answer in answers)
    assert httpx.get(f"http://127.0.0.1:{served.port}/sign-in").status_code == 200


def certified(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    certificate = made.add_extension(names, critical=False).sign(key, hashes.SHA256())
    chain, private = folder / "chain.pem", folder / "key.pem"
    chain.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    private.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
    return chain, private


def test_others_reach_it_through_tls_and_with_a_password(tmp_path: Path) -> None:
    chain, key = certified(tmp_path)
    users = tmp_path / "users"
    add_user(users, "weber", PASSWORD)
    options = ["--address", "0.0.0.0", "--host-name", "localhost", "--certificate", str(chain), "--key", str(key)]
    with serving(tmp_path, *options, "--users", str(users)) as running:
        base = f"https://localhost:{running.port}"
        assert running.link == f"{base}/"
        with httpx.Client(verify=ssl.create_default_context(cafile=str(chain)), follow_redirects=True) as client:
            page = client.get(base)
            assert page.url.path == "/sign-in" and "max-age" in page.headers["strict-transport-security"]
            token = re.findall(r'name="csrf" value="([^"]+)"', page.text)[0]
            page = client.post(f"{base}/sign-in", data={"csrf": token, "user": "weber", "password": PASSWORD})
            assert page.status_code == 200 and "Sign out weber" in page.text
        with pytest.raises(httpx.HTTPError):
            httpx.get(f"http://localhost:{running.port}/")
    outcome = charley("audit", "--store", running.store)
    assert "weber  signed in" in outcome.out


def test_help_has_examples() -> None:
    for command in ("serve", "users", "audit"):
        outcome = charley(command, "--help")
        assert outcome.status == 0 and "charley" in outcome.out
    assert "--trusted-header X-Remote-User" in charley_process("serve", "--help").out
