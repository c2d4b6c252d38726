"""Principal and secret, from a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from torque_mesos.mesos.credentials import Credentials, CredentialsError, read_credentials


def write(folder: Path, text: str, mode: int = 0o600) -> Path:
    path = folder / "credentials"
    path.write_text(text)
    path.chmod(mode)
    return path


@pytest.mark.parametrize(
    "text", ["torque s3cr3t\n", '{"principal": "torque", "secret": "s3cr3t"}\n']
)
def test_both_forms_of_mesos_are_read(text: str, tmp_path: Path) -> None:
    credentials = read_credentials(write(tmp_path, text))
    assert credentials == Credentials("torque", "s3cr3t")
    assert credentials.basic() == "Basic dG9ycXVlOnMzY3IzdA=="
    assert "s3cr3t" not in repr(credentials)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o644, 0o602])
def test_a_file_that_is_open_to_others_is_refused(mode: int, tmp_path: Path) -> None:
    path = write(tmp_path, "torque s3cr3t", mode)
    with pytest.raises(CredentialsError, match=f"mode {mode:04o}.*chmod 0600"):
        read_credentials(path)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "s3cr3t",
        "torque s3cr3t more",
        "tor:que s3cr3t",
        '{"principal": "torque"}',
        '{"principal": "torque", "secret": 3}',
        '{"s3cr3t"',
        "{}",
    ],
)
def test_what_is_unreadable_is_refused_without_being_quoted(text: str, tmp_path: Path) -> None:
    with pytest.raises(CredentialsError) as caught:
        read_credentials(write(tmp_path, text))
    assert "s3cr3t" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_what_is_no_plain_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CredentialsError, match="cannot read"):
        read_credentials(tmp_path / "nowhere")
    with pytest.raises(CredentialsError):
        read_credentials(tmp_path)
    with pytest.raises(CredentialsError, match="not a plain file"):
        read_credentials(Path("/dev/null"))
