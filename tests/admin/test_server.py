from __future__ import annotations

import socket
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.admin.published import POLICY, published
from torque_mesos.admin import client
from torque_mesos.admin.board import StatusBoard
from torque_mesos.admin.server import AdminServer, Bundle

CONTENT = bytes(range(256)) * 4096


class Running:
    def __init__(self, folder: Path) -> None:
        self.clock_s = 100.0
        self.board = StatusBoard(POLICY, clock=lambda: self.clock_s)
        self.socket = folder / "status.sock"
        path = folder / "bundle.tar.gz"
        path.write_bytes(CONTENT)
        self.bundle = Bundle(path, "ab12")
        self.server = AdminServer(self.board, self.socket, host="127.0.0.1", bundle=self.bundle)
        self.url = f"http://127.0.0.1:{self.server.start()}"


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    running = Running(tmp_path)
    yield running
    running.server.stop()


def test_the_socket_gives_status_and_jobs(running: Running) -> None:
    with pytest.raises(client.BadAnswer, match="no turn"):
        client.read_status(running.socket)
    running.board.publish(published())
    assert client.read_status(running.socket) == running.board.read()
    code, answer = client.get(running.socket, "/v1/jobs/3%5B%5D")
    assert code == 200
    assert [job["job_id"] for job in answer["jobs"]] == ["3[1].head", "3[2].head"]
    assert client.get(running.socket, "/v1/jobs/77") == (404, {"error": "unknown job 77"})


def test_the_socket_is_closed_to_others(running: Running) -> None:
    mode = running.socket.stat().st_mode
    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o660


def test_health_on_both(running: Running) -> None:
    assert httpx.get(f"{running.url}/health").status_code == 503
    running.board.publish(published())
    answer = httpx.get(f"{running.url}/health")
    assert (answer.status_code, answer.json()) == (200, {"healthy": True, "reasons": []})
    assert client.get(running.socket, "/v1/health")[0] == 200
    running.clock_s += 1000
    code, told = client.get(running.socket, "/v1/health")
    assert code == 503
    assert told["reasons"] == ["the last turn was 1000 s ago"]


def test_agents_fetch_the_bundle_and_nothing_else(running: Running) -> None:
    running.board.publish(published())
    url = running.url + running.bundle.url_path
    answer = httpx.get(url)
    assert answer.content == CONTENT
    assert answer.headers["etag"] == '"ab12"'
    head = httpx.head(url)
    assert head.headers["content-length"] == str(len(CONTENT))
    assert httpx.get(url, headers={"If-None-Match": '"ab12"'}).status_code == 304
    for path in ("/v1/status", "/executor-0.tar.gz", "/", "/bundle.tar.gz"):
        assert httpx.get(running.url + path).status_code == 404
    assert httpx.post(url).status_code == 405


def test_stop_ends_all_and_a_stale_socket_is_replaced(tmp_path: Path) -> None:
    first = Running(tmp_path)
    before = threading.active_count()
    first.server.stop()
    assert threading.active_count() < before
    assert not first.socket.exists()
    with pytest.raises(client.NotRunning):
        client.read_status(first.socket)
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{first.url}/health")
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(str(first.socket))
    stale.close()
    with pytest.raises(client.NotRunning):
        client.read_status(first.socket)
    second = Running(tmp_path)
    second.board.publish(published())
    assert client.read_status(second.socket).framework_id == "f-1"
    second.server.stop()


def test_a_long_path_is_no_hindrance(tmp_path: Path) -> None:
    folder = tmp_path / ("x" * 120)
    folder.mkdir()
    running = Running(folder)
    running.board.publish(published())
    assert client.read_status(running.socket).connected
    running.server.stop()


def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        server = AdminServer(
            StatusBoard(POLICY), tmp_path / "status.sock", host="127.0.0.1", port=port
        )
        with pytest.raises(OSError, match="in use"):
            server.start()


def test_an_answer_of_something_else_is_told(tmp_path: Path) -> None:
    path = tmp_path / "s"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()

    def answer() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(b"220 mail.test ESMTP\r\n")

    thread = threading.Thread(target=answer)
    thread.start()
    with pytest.raises(client.BadAnswer):
        client.read_status(path)
    thread.join()
    listener.close()
