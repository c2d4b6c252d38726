"""The HTTP servers of a running framework, both on one thread of their own.

On a UNIX socket: GET /v1/status, /v1/jobs/{id}, /v1/turn, /v1/health. On TCP, where agents can
reach it: the executor's bundle, and /health. Nothing can be changed through either.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from torque_mesos.admin.board import StatusBoard
from torque_mesos.admin.sockets import listen_tcp, listen_unix

_START_WAIT_S = 10.0
_STOP_WAIT_S = 5.0


@dataclass(frozen=True, slots=True)
class Bundle:
    """The archive that agents fetch: its file and the digest that names it."""

    path: Path
    sha256: str

    @property
    def url_path(self) -> str:
        """Where it is served."""
        return f"/executor-{self.sha256}.tar.gz"


class AdminServer:
    """Both servers. `start` and `stop` are called once each, from one thread.

    `host` and `port` are what TCP listens on; `stale_after_s` is for the health check.
    """

    def __init__(
        self,
        board: StatusBoard,
        socket_path: Path,
        *,
        host: str,
        port: int = 0,
        bundle: Bundle | None = None,
        stale_after_s: float = 90.0,
        socket_mode: int = 0o660,
    ) -> None:
        self._board = board
        self._socket_path = socket_path
        self._host, self._port = host, port
        self._bundle = bundle
        self._stale_after_s = stale_after_s
        self._socket_mode = socket_mode
        self._servers: list[uvicorn.Server] = []
        self._thread: threading.Thread | None = None

    def start(self) -> int:
        """Listen; the TCP port is returned. Raises OSError if that cannot be done."""
        tcp = listen_tcp(self._host, self._port)
        try:
            unix = listen_unix(self._socket_path, self._socket_mode)
        except OSError:
            tcp.close()
            raise
        port = int(tcp.getsockname()[1])
        # Its messages are of no use to an administrator; errors are.
        logging.getLogger("uvicorn").setLevel(logging.WARNING)
        self._servers = [_server(self._unix_app()), _server(self._tcp_app())]
        sockets = (unix, tcp)

        started = threading.Event()

        async def serve() -> None:
            pairs = zip(self._servers, sockets, strict=True)
            serving = asyncio.gather(*(server.serve([listener]) for server, listener in pairs))
            while not serving.done() and not all(server.started for server in self._servers):
                await asyncio.sleep(0.005)
            started.set()
            await serving

        def run() -> None:
            try:
                asyncio.run(serve())
            finally:
                started.set()
                for listener in sockets:
                    listener.close()

        self._thread = threading.Thread(target=run, name="admin server", daemon=True)
        self._thread.start()
        started.wait(_START_WAIT_S)
        if not all(server.started for server in self._servers):
            self.stop()
            raise OSError("the admin server did not start")
        return port

    def stop(self) -> None:
        """Answer what is being asked, then end; the socket's file is removed."""
        for server in self._servers:
            server.should_exit = True
        if self._thread is not None:
            self._thread.join(_STOP_WAIT_S)
            self._thread = None
        self._socket_path.unlink(missing_ok=True)

    # --- what is served ---------------------------------------------------------

    def _unix_app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/v1/status", self._status),
                Route("/v1/jobs/{job_id}", self._job),
                Route("/v1/turn", self._turn),
                Route("/v1/health", self._health),
            ]
        )

    def _tcp_app(self) -> Starlette:
        routes = [Route("/health", self._health)]
        if self._bundle is not None:
            routes.append(Route(self._bundle.url_path, self._bundle_file))
        return Starlette(routes=routes)

    def _status(self, _request: Request) -> Response:
        status = self._board.read()
        if status is None:
            return JSONResponse({"error": "no turn has been made yet"}, 503)
        return Response(status.to_text(), media_type="application/json")

    def _job(self, request: Request) -> Response:
        job_id = request.path_params["job_id"]
        status = self._board.read()
        if status is None:
            return JSONResponse({"error": "no turn has been made yet"}, 503)
        found = {job.job_id for job in status.find(job_id)}
        if not found:
            return JSONResponse({"error": f"unknown job {job_id}"}, 404)
        jobs = [job for job in status.to_json()["jobs"] if job["job_id"] in found]
        return JSONResponse({"jobs": jobs})

    def _turn(self, _request: Request) -> Response:
        line = self._board.last_turn()
        if line is None:
            return JSONResponse({"error": "no turn has been made yet"}, 503)
        return JSONResponse(line)

    def _health(self, _request: Request) -> Response:
        reasons = self._board.ailments(self._stale_after_s)
        return JSONResponse(
            {"healthy": not reasons, "reasons": list(reasons)}, 503 if reasons else 200
        )

    def _bundle_file(self, request: Request) -> Response:
        assert self._bundle is not None
        tag = f'"{self._bundle.sha256}"'
        if tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers={"ETag": tag})
        return FileResponse(self._bundle.path, media_type="application/gzip", headers={"ETag": tag})


def _server(app: Starlette) -> uvicorn.Server:
    return uvicorn.Server(
        uvicorn.Config(
            app,
            access_log=False,
            lifespan="off",
            log_config=None,
            loop="asyncio",
            timeout_graceful_shutdown=2,
            ws="none",
        )
    )
