"""10,000 offers in one event, from the socket to our values.

About 20 MB come as Mesos sends them (one RecordIO record in a chunked answer) through a
socket, pymesos' connection with its HTTP parser, and our conversion. Beside it,
`json.loads` of the same bytes, in turn with it, median of several.
"""

from __future__ import annotations

import gc
import json
import queue
import socket
import statistics
import time
from collections.abc import Iterable
from typing import Any

from benchmarks.result import Result
from torque_mesos.mesos.base import Event, Offers
from torque_mesos.mesos.link import PymesosLink
from torque_mesos.mesos.settings import LinkSettings
from torque_mesos.model import Offer

NEEDS_TORQUE = False

OFFERS = 10_000
ROUNDS = 7
PATIENCE_S = 60.0
HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
    b"Transfer-Encoding: chunked\r\nMesos-Stream-Id: 1\r\n\r\n"
)
SUBSCRIBED = {"type": "SUBSCRIBED", "subscribed": {"framework_id": {"value": "benchmark"}}}


def offer(number: int) -> dict[str, Any]:
    """One offer as a master writes it: some 2 kB, of which we want six values."""
    master = "8472d75a-9ad4-4779-8822-b96e4ec0d2da"
    host = f"n{number}.cluster.example.org"
    scalars = {"cpus": 31.9, "mem": 256_000.0, "disk": 4_000_000.0, "gpus": 2.0}
    allocated = {"allocation_info": {"role": "batch"}, "role": "*"}
    attributes = {
        "rack": f"r{number % 40}", "zone": f"zone-{number % 3}", "cpu": "EPYC 7763",
        "network": "hdr100", "owner": "physics", "purchase": "2024-A-117", "os": "debian-12",
        "image": "2026-11-04.3", "pdu": f"pdu-{number % 160}", "filesystem": "/scratch,/home",
        "serial": f"CZ{number:08d}", "bios": "2.14.1", "cooling": "liquid", "cores": "64",
        "numa": "8", "room": "basement-2",
    }  # fmt: skip
    return {
        "id": {"value": f"{master}-O{number}"},
        "framework_id": {"value": f"{master}-0000"},
        "agent_id": {"value": f"{master}-S{number}"},
        "hostname": host,
        "url": {
            "scheme": "http",
            "address": {"hostname": host, "ip": "10.20.30.40", "port": 5051},
            "path": "/slave(1)",
        },
        "resources": [
            {
                "name": "ports",
                "type": "RANGES",
                "ranges": {
                    "range": [{"begin": 31000, "end": 31999}, {"begin": 33000, "end": 34000}]
                },
                **allocated,
            },
            *(
                {"name": name, "type": "SCALAR", "scalar": {"value": value}, **allocated}
                for name, value in scalars.items()
            ),
        ],
        "attributes": [
            {"name": name, "type": "TEXT", "text": {"value": value}}
            for name, value in attributes.items()
        ],
        "allocation_info": {"role": "batch"},
        "executor_ids": [{"value": f"torque-mom.{host}.g1"}],
    }


def event(count: int) -> bytes:
    """An OFFERS event with `count` offers, as bytes."""
    body = {"type": "OFFERS", "offers": {"offers": [offer(number) for number in range(count)]}}
    return json.dumps(body, separators=(",", ":")).encode()


def chunk(record: bytes) -> bytes:
    """A record in one chunk, as Mesos sends it."""
    framed = b"%d\n%s" % (len(record), record)
    return b"%x\r\n%s\r\n" % (len(framed), framed)


def _read(wire: bytes) -> tuple[float, tuple[Offer, ...]]:
    """Seconds from the first byte sent to our values, and the values."""
    events: queue.SimpleQueue[tuple[float, Event]] = queue.SimpleQueue()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        host, port = listener.getsockname()
        settings = LinkSettings(f"{host}:{port}", name="benchmark", user="nobody", roles=("batch",))
        link = PymesosLink(settings, lambda event: events.put((time.perf_counter(), event)))
        link.start()
        connection, _ = listener.accept()
        with connection:
            connection.recv(1 << 16)
            connection.sendall(HEAD + chunk(json.dumps(SUBSCRIBED).encode()))
            events.get(timeout=PATIENCE_S)
            gc.collect()
            begin = time.perf_counter()
            connection.sendall(wire)
            end, event = events.get(timeout=PATIENCE_S)
            link.stop()
    assert isinstance(event, Offers)
    return end - begin, event.offers


def _loads(record: bytes) -> float:
    gc.collect()
    begin = time.perf_counter()
    json.loads(record)
    return time.perf_counter() - begin


def run() -> Iterable[Result]:
    """Measure both in turn."""
    record = event(OFFERS)
    wire = chunk(record)
    ours, reference = [], []
    for _ in range(ROUNDS):
        reference.append(_loads(record))
        seconds, offers = _read(wire)
        assert len(offers) == OFFERS
        assert offers[-1].resources.cpus == 31.9
        ours.append(seconds)
    value, beside = statistics.median(ours), statistics.median(reference)
    yield Result(
        name="offer_stream",
        value=value,
        unit="s",
        reference="json.loads of the same bytes",
        ratio=value / beside,
        size=f"{OFFERS} offers, {len(record) / 1e6:.1f} MB",
    )
