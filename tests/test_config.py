from __future__ import annotations

from pathlib import Path

import pytest

from torque_mesos.config import ConfigError, Settings, find_file, load
from torque_mesos.decide import Limit
from torque_mesos.model import Resources


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "torque-mesos.toml"
    path.write_text(text)
    return path


def complaints(path: Path | None, environ: dict[str, str]) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(path, environ)
    return str(caught.value).splitlines()


def test_no_file_gives_the_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = load(None, {})
    assert settings == Settings()
    assert settings.slot == Resources(1.0, 1024.0)
    assert settings.mesos.failover_timeout_s == 21 * 86400


def test_a_file_is_read(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        """
        min_compute_node = {cpus = 2, mem_mb = 2048}
        min_slots_held = 3
        queues = ["batch", "long*"]
        [safe_allocation]
        nodes = 4
        cpus = 64.5
        [mesos]
        master = "zk://a:2181,b:2181/mesos"
        [executor]
        environment = {TMPDIR = "/scratch"}
        """,
    )
    settings = load(path, {})
    assert settings.queues == ("batch", "long*")
    assert settings.executor.environment == {"TMPDIR": "/scratch"}
    policy = settings.policy("g1", "localhost")
    assert policy.slot == Resources(2.0, 2048.0)
    assert policy.floor_slots == 3
    assert policy.limit == Limit(nodes=4, cpus=64.5)
    assert (policy.generation, policy.capacity_record) == ("g1", "localhost")


def test_variables_win_over_the_file_and_the_command_line_over_both(tmp_path: Path) -> None:
    path = written(tmp_path, 'grace_s = 5\npark = true\n[mesos]\nmaster = "a:1"\nrole = "file"\n')
    settings = load(
        path,
        {
            "TORQUE_MESOS_GRACE_S": "7.5",
            "TORQUE_MESOS_PARK": "false",
            "TORQUE_MESOS_QUEUES": "batch, long",
            "TORQUE_MESOS_NODE_PROPERTIES": '["mesos", "fast"]',
            "TORQUE_MESOS_MESOS__MASTER": "b:2",
            "TORQUE_MESOS_MESOS__ROLE": "123",
            "TORQUE_MESOS_SAFE_ALLOCATION": "{nodes = 9, cpus = 9}",
            "TORQUE_MESOS_SAFE_ALLOCATION__CPUS": "8",
            "TORQUE_MESOS_EXECUTOR__ENVIRONMENT__TMPDIR": "/scratch",
            "TORQUE_MESOS_DEV_BUILD": "not a setting",
        },
        {"mesos.master": "c:3"},
    )
    assert settings.grace_s == 7.5
    assert settings.park is False
    assert settings.queues == ("batch", "long")
    assert settings.node_properties == ("mesos", "fast")
    assert (settings.mesos.master, settings.mesos.role) == ("c:3", "123")
    assert (settings.safe_allocation.nodes, settings.safe_allocation.cpus) == (9, 8.0)
    assert settings.executor.environment == {"TMPDIR": "/scratch"}


def test_all_problems_are_told_at_once_with_their_place(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        """
        queus = ["a"]
        grace_s = "60"
        park = 1
        node_properties = ["ppn"]
        [safe_allocation]
        cpu = 3
        [mesos]
        master = "ftp://x"
        secret_file = "secret"
        """,
    )
    told = complaints(
        path,
        {"TORQUE_MESOS_GRACE": "3", "TORQUE_MESOS_BATCH__MOM_SERVICE_PORT": "99999"},
    )
    for key, value, right in (
        ("queus", "['a']", "no such key; queues may be meant"),
        ("grace_s", "'60'", "should be a valid number"),
        ("park", "1", "should be a valid boolean"),
        ("node_properties.0", "'ppn'", "another name is right"),
        ("safe_allocation.cpu", "3", "safe_allocation.cpus may be meant"),
        ("mesos.master", "'ftp://x'", "HOST:PORT"),
        ("mesos.secret_file", "'secret'", "absolute path"),
    ):
        (line,) = (line for line in told if f": {key} = {value}: " in line)
        assert line.startswith(f"{path}: ")
        assert right in line
    assert any(
        line.startswith("TORQUE_MESOS_GRACE: grace = '3': ") and "grace_s may be meant" in line
        for line in told
    )
    assert any(
        line.startswith("TORQUE_MESOS_BATCH__MOM_SERVICE_PORT: batch.mom_service_port = 99999: ")
        for line in told
    )
    assert len(told) == 9


@pytest.mark.parametrize(
    "name",
    [
        "TORQUE_MESOS_GRACE_S__X",
        "TORQUE_MESOS_NOPE__A__B",
        "TORQUE_MESOS_BATCH__HOSTS__A__B",
        "TORQUE_MESOS_",
    ],
)
def test_a_variable_of_no_key_is_refused(tmp_path: Path, name: str) -> None:
    (told,) = complaints(written(tmp_path, "grace_s = 5\n"), {name: "3"})
    assert told.startswith(f"{name}: ")
    assert "there is no such key" in told


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("[executor]\ncpus = 1\n", "executor.cpus"),
        ("[executor]\nmem_mb = 2000\n", "executor.mem_mb"),
        ("min_slots_held = 5\nsafe_allocation = {cpus = 4}\n", "min_slots_held"),
        ("min_slots_held = 5\nsafe_allocation = {mem_mb = 4096}\n", "min_slots_held"),
        ("min_slots_held = 1\nsafe_allocation = {nodes = 0}\n", "min_slots_held"),
        ('[mesos]\nsecret_file = "/etc/secret"\n', "mesos.principal"),
        ('[mesos]\nprincipal = "p"\n', "mesos.secret_file"),
        ("[batch]\nmom_service_port = 15001\n", "batch.mom_service_port"),
        ('[batch]\nhosts = {a = "10.0.0.1"}\n', "batch.hosts"),
        ('[batch]\nkind = "builtin"\nhosts = {a = ".10"}\n', "batch.hosts.a"),
        ('[batch]\nkind = "builtin"\nhosts = {"a b" = "10.0.0.1"}\n', "batch.hosts.a b"),
        ('[executor]\ndelivery = "path"\n', "executor.path"),
        ('[executor]\npath = "/opt/x"\n', "executor.path"),
        ('[batch]\nkind = "builtin"\n[executor]\npbs_mom = "/x/pbs_mom"\n', "executor.pbs_mom"),
        ('[executor]\nenvironment = {"a b" = "x"}\n', "executor.environment"),
        ("grace_s = nan\n", "grace_s"),
        ("grace_s = -1\n", "grace_s"),
        ('state_dir = "state"\n', "state_dir"),
        ('[batch]\nkind = "slurm"\n', "batch.kind"),
        ('[http]\nhost = "a b"\n', "http.host"),
        ('[mesos]\nname = "a\\nb"\n', "mesos.name"),
    ],
)
def test_values_that_cannot_be_are_refused(tmp_path: Path, text: str, key: str) -> None:
    (told,) = complaints(written(tmp_path, text), {})
    assert key in told


@pytest.mark.parametrize("master", ["h", "h:5050", "http://h:5050/", "zk://a:1,b:2/mesos/x"])
def test_masters(master: str) -> None:
    assert load(None, {}, {"mesos.master": master}).mesos.master == master


@pytest.mark.parametrize("master", ["", "h:x", "zk://a:1", "https://h:1", "h:5050/api", "a b"])
def test_wrong_masters(master: str) -> None:
    with pytest.raises(ConfigError, match=r"mesos\.master"):
        load(None, {}, {"mesos.master": master})


@pytest.mark.parametrize("role", ["*", "batch", "a/b", "a/b-c/d.e", ".a", "a*", "\u00fc"])
def test_roles(role: str) -> None:
    assert load(None, {}, {"mesos.role": role}).mesos.role == role


@pytest.mark.parametrize(
    "role",
    [
        "",
        "/",
        "/a",
        "a/",
        "a//b",
        "*/*",
        "a/b c",
        "a\tb",
        "a\u00a0b",
        "a\x7f",
        "a\\b",
        "-a",
        "a/-b",
        ".",
        "a/..",
        "./a",
        "a/*",
    ],
)
def test_wrong_roles(role: str) -> None:
    with pytest.raises(ConfigError, match=r"mesos\.role = .*: should be a role"):
        load(None, {}, {"mesos.role": role})


def test_an_unreadable_file_is_an_error(tmp_path: Path) -> None:
    (told,) = complaints(tmp_path / "none.toml", {})
    assert "none.toml: cannot be read: No such file" in told
    (told,) = complaints(written(tmp_path, "a = \n"), {})
    assert "is not TOML" in told
    assert "line 1" in told


def test_where_the_file_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    environ = {"TORQUE_MESOS_CONFIG": "/from/variable.toml"}
    assert find_file(Path("/given.toml"), environ) == Path("/given.toml")
    assert find_file(None, environ) == Path("/from/variable.toml")
    written(tmp_path, "")
    assert find_file(None, {}) == Path("torque-mesos.toml")


def test_the_builtin_server_lives_in_the_state_folder() -> None:
    settings = load(
        None, {}, {"batch.kind": "builtin", "state_dir": "/x", "mesos.hostname": "h.test"}
    )
    assert settings.pbs_home == Path("/x/batch")
    assert settings.bin_dir == Path("/x/batch/bin")
    assert settings.server_host == settings.http_host == "h.test"


def test_agents_are_told_the_address_on_the_way_to_the_master() -> None:
    assert load(None, {}, {"mesos.master": "127.0.0.1:5050"}).http_host == "127.0.0.1"
