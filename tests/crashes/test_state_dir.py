"""The folder of the exit records: private, ours, and one that will do."""

from __future__ import annotations

import errno
import os
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from exit_records import mounted

from autogen_vitals.crashes import state_dir
from autogen_vitals.crashes.state_dir import open_state_dir

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="exit records need Linux")
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives a folder to another user")
OWN = f"autogen-vitals-{os.geteuid()}"


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand-ins for the three folders of the system: run, shm, tmp."""
    for name in ("run", "shm", "tmp"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    monkeypatch.setattr(state_dir, "SHARED_MEMORY", str(tmp_path / "shm"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    return tmp_path


@pytest.fixture(params=[0o000, 0o022, 0o277, 0o777], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    """Whatever the app has set."""
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


# --- one that was given -------------------------------------------------------------------------------------------


def test_a_given_folder_is_made_private_with_its_parents(tmp_path: Path, umask: int) -> None:
    """0700 whatever the umask, and nothing is left in it."""
    given = tmp_path / "a" / "b"
    assert open_state_dir(str(given)) == given
    assert (mode(given), mode(given.parent)) == (0o700, 0o700)
    assert not os.listdir(given)


def test_a_relative_folder_is_where_it_was_when_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A daemon changes its folder later."""
    monkeypatch.chdir(tmp_path)
    assert open_state_dir("records") == tmp_path / "records"


@pytest.mark.parametrize("shared", [0o755, 0o770, 0o1777], ids=oct)
def test_a_given_folder_keeps_its_mode(tmp_path: Path, shared: int) -> None:
    """A volume that several processes share is not ours to close."""
    tmp_path.chmod(shared)
    assert open_state_dir(str(tmp_path)) == tmp_path
    assert mode(tmp_path) == shared


@as_root
def test_a_given_folder_may_be_another_users(tmp_path: Path) -> None:
    """A volume belongs to whoever mounted it."""
    os.chown(tmp_path, 12345, 12345)
    assert open_state_dir(str(tmp_path)) == tmp_path


def test_a_folder_where_everybody_may_remove_everything_is_refused(tmp_path: Path) -> None:
    """And a folder inside it is not."""
    tmp_path.chmod(0o777)
    with pytest.raises(PermissionError, match="give a folder inside it"):
        open_state_dir(str(tmp_path))
    assert open_state_dir(str(tmp_path / "inside"))


def test_a_given_symlink_is_not_followed(tmp_path: Path) -> None:
    """Refused, and what it leads to is as it was."""
    target = tmp_path / "target"
    target.mkdir(mode=0o755)
    (tmp_path / "link").symlink_to(target)
    with pytest.raises(NotADirectoryError):
        open_state_dir(str(tmp_path / "link"))
    assert (mode(target), os.listdir(target)) == (0o755, [])


def test_a_given_symlink_to_nowhere_is_not_followed(tmp_path: Path) -> None:
    """Nothing is made at its other end."""
    (tmp_path / "link").symlink_to(tmp_path / "target")
    with pytest.raises(OSError):
        open_state_dir(str(tmp_path / "link"))
    assert os.listdir(tmp_path) == ["link"]


def test_a_given_file_is_refused(tmp_path: Path) -> None:
    """It is no folder."""
    (tmp_path / "file").write_text("the app's")
    with pytest.raises(NotADirectoryError):
        open_state_dir(str(tmp_path / "file"))


def test_a_given_folder_on_a_read_only_file_system_is_refused(tmp_path: Path) -> None:
    """With the reason that the system gives."""
    with mounted(tmp_path, "ro"), pytest.raises(OSError) as refused:
        open_state_dir(str(tmp_path))
    assert refused.value.errno == errno.EROFS


def test_a_given_folder_on_a_full_file_system_is_refused(tmp_path: Path) -> None:
    """And nothing is left in it."""
    with mounted(tmp_path, "size=8k"):
        with pytest.raises(OSError) as refused:
            open_state_dir(str(tmp_path))
        assert not os.listdir(tmp_path)
    assert refused.value.errno == errno.ENOSPC


# --- one of the system's ------------------------------------------------------------------------------------------


def test_the_first_that_will_do_is_used(places: Path) -> None:
    """The run-time folder, then shared memory, then the one for temporary files."""
    assert open_state_dir("") == places / "run" / "autogen-vitals"
    (places / "run" / "autogen-vitals").rmdir()
    (places / "run" / "autogen-vitals").write_text("in the way")
    assert open_state_dir("") == places / "shm" / OWN
    (places / "shm" / OWN).rmdir()
    (places / "shm").rmdir()
    assert open_state_dir("") == places / "tmp" / OWN


def test_a_default_folder_is_private(places: Path, umask: int) -> None:
    """0700 whatever the umask, and nothing is left in it."""
    found = open_state_dir("")
    assert (mode(found), os.listdir(found)) == (0o700, [])


def test_a_default_folder_that_is_open_to_others_is_closed(places: Path) -> None:
    """It is ours: whoever made it was us."""
    folder = places / "run" / "autogen-vitals"
    folder.mkdir()
    folder.chmod(0o777)
    assert open_state_dir("") == folder
    assert mode(folder) == 0o700


def test_a_symlink_in_place_of_a_default_folder_is_passed_over(places: Path) -> None:
    """What it leads to keeps its mode and gets nothing."""
    target = places / "target"
    target.mkdir(mode=0o755)
    (places / "run" / "autogen-vitals").symlink_to(target)
    assert open_state_dir("") == places / "shm" / OWN
    assert (mode(target), os.listdir(target)) == (0o755, [])


@as_root
def test_another_users_folder_is_passed_over(places: Path) -> None:
    """Who owns a folder may replace what is in it."""
    (places / "run" / "autogen-vitals").mkdir(mode=0o777)
    os.chown(places / "run" / "autogen-vitals", 12345, 12345)
    assert open_state_dir("") == places / "shm" / OWN


def test_a_run_time_folder_that_is_not_absolute_is_ignored(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor is one that is not set."""
    monkeypatch.chdir(places)
    for unusable in ("run", ""):
        monkeypatch.setenv("XDG_RUNTIME_DIR", unusable)
        assert open_state_dir("") == places / "shm" / OWN


def test_a_full_default_folder_is_passed_over(places: Path) -> None:
    """Shared memory of a container is small."""
    with mounted(places / "run", "size=8k"):
        assert open_state_dir("") == places / "shm" / OWN


def test_where_none_will_do_each_is_named(places: Path) -> None:
    """With its reason."""
    for name in ("run", "shm", "tmp"):
        (places / name).rmdir()
    with pytest.raises(OSError) as refused:
        open_state_dir("")
    assert all(str(places / name) in str(refused.value) for name in ("run", "shm", "tmp"))


def test_other_systems_have_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is made there."""
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(OSError, match="need Linux"):
        open_state_dir(str(tmp_path / "records"))
    assert not os.listdir(tmp_path)
