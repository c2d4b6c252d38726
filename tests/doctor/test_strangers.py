from __future__ import annotations

import time
from pathlib import Path

from torque_mesos.doctor.strangers import strangers

NOW_S = time.mktime(time.strptime("11/21/2026 00:30:00", "%m/%d/%Y %H:%M:%S"))
LINE = (
    "11/21/2026 {at};0001;PBS_Server.12;Svr;PBS_Server;LOG_ERROR::svr_is_request, Node {record} is"
    " reporting on node {host}, which pbs_server doesn't know about\n"
)


def test_moms_by_another_name_of_late(tmp_path: Path) -> None:
    (tmp_path / "20261120").write_text(LINE.format(at="00:29:00", record="old", host="x"))
    (tmp_path / "20261121").write_text(
        LINE.format(at="00:01:00", record="mended", host="n9")
        + "11/21/2026 00:20:01;0100;PBS_Server;Job;1.head;something else\n"
        + 2 * LINE.format(at="00:20:00", record="alias40", host="n40")
    )
    assert strangers(tmp_path, NOW_S) == (("alias40", "n40"),)


def test_no_logs(tmp_path: Path) -> None:
    assert strangers(tmp_path, NOW_S) == ()
    assert strangers(tmp_path / "none", NOW_S) == ()
