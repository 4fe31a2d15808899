"""What the server refuses, tried over real sockets."""

from __future__ import annotations

import json
import socket
from contextlib import ExitStack
from typing import Any

import pytest

from .conftest import Studio, wire

httpx = pytest.importorskip("httpx", reason="httpx is not installed")
exceptions = pytest.importorskip("websockets.exceptions")


def answers(connection: Any, kind: str) -> dict[str, Any]:
    """Return the next message of a kind."""
    for _ in range(200):
        message = connection.recv(timeout=60)
        if isinstance(message, bytes):
            size = int.from_bytes(message[:4], "little")
            found = json.loads(message[4 : 4 + size])
        else:
            found = json.loads(message)
        if found["type"] == kind:
            return found
    raise AssertionError(f"no {kind}")


@pytest.mark.parametrize("token", ["", "?token=", "?token=wrong", "?token=%00"])
def test_a_page_needs_the_token(studio, token):
    assert httpx.get(f"{studio.origin}/{token}").status_code == 403
    assert httpx.get(studio.link).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "0.0.0.0", "[::1]"])
def test_another_host_is_refused(studio, host):
    assert httpx.get(studio.link, headers={"Host": host}).status_code == 400


def test_sockets_need_the_token_and_the_origin_of_the_page(studio):
    for wrong in ({"token": "wrong"}, {"origin": "http://evil.example"}, {"origin": ""}, {"origin": f"http://localhost:{studio.port}"}):
        with pytest.raises(exceptions.InvalidStatus) as refused:
            wire(studio, **wrong)
        assert refused.value.response.status_code == 403
    with wire(studio) as connection:
        connection.send('{"type": "open", "lesson": "parallel"}')
        assert answers(connection, "scene")["lesson"] == "parallel"


@pytest.mark.parametrize(
    "path",
    ["/static/../app.py", "/static/%2e%2e/app.py", "/static/..%2f..%2f..%2fetc/passwd", "/static//etc/passwd", "/app.py", "/static/"],
)
def test_no_path_leads_out_of_the_static_folder(studio, path):
    with socket.create_connection(("127.0.0.1", studio.port)) as raw:  # a client would tidy the path
        raw.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{studio.port}\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: raw.recv(65536), b""))
    assert answer.split()[1] in (b"404", b"405"), answer[:200]
    assert b"root:" not in answer
    assert b"import" not in answer


def test_every_answer_has_a_strict_policy(studio):
    for address in (studio.link, f"{studio.origin}/static/main.js", f"{studio.origin}/nowhere"):
        headers = httpx.get(address).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"


def test_only_this_computer_is_listened_to(studio):
    psutil = pytest.importorskip("psutil")
    listening = [c.laddr for c in psutil.Process(studio.process.pid).net_connections() if c.status == psutil.CONN_LISTEN]
    assert [(a.ip, a.port) for a in listening] == [("127.0.0.1", studio.port)]


def test_long_messages_close_the_socket_and_wrong_ones_are_answered(studio):
    with wire(studio) as connection:
        for wrong in ("{", "[]", '{"type": "open"}', '{"type": "open", "lesson": "../etc"}', '{"type": "exec", "code": "1"}',
                      '{"type": "open", "lesson": "tune", "settings": {"A": {"for_you_share": 7}}}',
                      '{"type": "open", "lesson": "tune", "settings": {"A": {"nothing": 1}}}',
                      '{"type": "open", "lesson": "tune", "base": "0"}',
                      '{"type": "open", "lesson": "tune", "setup": {"seed": -1}}', '{"type": "step"}'):  # fmt: skip
            connection.send(wrong)
            assert answers(connection, "error")["message"]
        connection.send("x" * 70_000)
        with pytest.raises(exceptions.ConnectionClosed) as closed:
            connection.recv(timeout=10)
        assert closed.value.rcvd.code == 1009


def test_a_wrong_request_does_not_end_worlds_that_play(studio):
    with wire(studio) as connection:
        connection.send('{"type": "open", "lesson": "trust"}')
        answers(connection, "frame")
        connection.send('{"type": "play", "speed": 0.5}')
        answers(connection, "frame")
        connection.send('{"type": "drawn"}')
        connection.send('{"type": "knob", "world": "Z", "settings": {"ads": 0.1}, "version": 1}')
        assert "no world `Z`" in answers(connection, "error")["message"]
        connection.send('{"type": "pause"}')
        assert answers(connection, "frame")["playing"] is False


def test_worlds_that_play_as_fast_as_they_can_still_listen(studio):
    with wire(studio) as connection:
        connection.send('{"type": "open", "lesson": "trust"}')
        answers(connection, "frame")
        connection.send('{"type": "play", "speed": 60}')
        for _ in range(5):
            answers(connection, "frame")
            connection.send('{"type": "drawn"}')
        connection.send('{"type": "pause"}')
        frames = []
        while not frames or frames[-1]["playing"]:
            frames.append(answers(connection, "frame"))
            connection.send('{"type": "drawn"}')
        assert len(frames) <= 4
        assert not frames[-1]["over"]


def test_sessions_are_apart(studio):
    with wire(studio) as one, wire(studio) as two:
        for connection in (one, two):
            connection.send('{"type": "open", "lesson": "trust"}')
            answers(connection, "frame")
        one.send('{"type": "knob", "world": "A", "settings": {"ads": 0.9}, "version": 1}')
        one.send('{"type": "step"}')
        two.send('{"type": "step"}')
        answers(one, "frame")
        assert answers(one, "frame")["worlds"][0]["settings"]["ads"] == 0.9
        assert answers(two, "frame")["worlds"][0]["settings"]["ads"] == 0.05


def test_there_is_an_end_to_sessions(studio):
    with ExitStack() as stack:
        for _ in range(8):
            stack.enter_context(wire(studio))
        ninth = stack.enter_context(wire(studio))
        with pytest.raises(exceptions.ConnectionClosed) as closed:
            ninth.recv(timeout=10)
        assert closed.value.rcvd.code == 4008


def upload(studio: Studio, text: str | bytes, **headers: str) -> Any:
    """Send a scenario file."""
    return httpx.post(f"{studio.origin}/scenario?token={studio.token}", content=text, headers={"Origin": studio.origin, **headers})


def test_uploads_are_checked(studio):
    assert upload(studio, "a: 1", Origin="http://evil.example").status_code == 403
    assert httpx.post(f"{studio.origin}/scenario", content="a: 1", headers={"Origin": studio.origin}).status_code == 403
    assert upload(studio, b"x" * 300_000).status_code == 413
    for text, word in (
        ("market: /etc/passwd\nstrategies: [none]", "another file"),
        ("extends: ../x.yaml\nstrategies: [none]", "another file"),
        ("market: {extends: x.yaml}\nstrategies: [none]", "another file"),
        ("graph_file: /etc/passwd\nstrategies: [none]", "another file"),
        ("world: /etc\nstrategies: [none]", "another file"),
        ("name: a\nname: b\nextends: ../x.yaml\nstrategies: [none]", "name"),
        ("strategies: [none]\nmarket: {people: {agents: 6000, population: 6000}}", "5,000"),
        ("strategies: [none]\nmarket: {peeple: {}}", "did you mean `people`"),
        ("!!python/object/apply:os.system [ls]", "error"),
        ("\x00", "error"),
        ("- 1", "mapping"),
    ):
        answer = upload(studio, text)
        assert answer.status_code == 422, text
        said = " ".join(answer.json()["problems"])
        assert word in said, said
        assert "x.yaml:" not in said, said
    assert set(upload(studio, "strategies: [none]").json()) == {"base", "name"}
