"""Records of the dead: each is claimed once, none of the living, and nothing else is touched."""

from __future__ import annotations

import os
import signal
import sys
import time
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from exit_records import GROUP, Child, identity, keep_record, start_ticks

from autogen_vitals.crashes import claims
from autogen_vitals.crashes.claims import Claim, dead, supervised
from autogen_vitals.crashes.files import is_alive
from autogen_vitals.crashes.record import ExitRecord

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="exit records need Linux")
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives a file to another user")

OTHER_GROUP = "ba9876543210"
DAY_S = 24 * 3600


def leave_record(directory: Path, **changes: Any) -> Path:
    """That of a process that was killed."""
    with keep_record(directory, **changes) as child:
        return directory / child.line()


def names_of_dead(directory: Path, *, done: bool = False, **which: Any) -> list[str]:
    """What can be claimed now; each is let go at once."""
    found: list[str] = []
    for claim in dead(directory, GROUP, **which):
        found.append(claim.path.name)
        if done:
            claim.done()
        claim.release()
    return found


def age(path: Path, seconds: float) -> None:
    """Make it look that old."""
    then = time.time() - seconds
    os.utime(path, (then, then), follow_symlinks=False)


# --- who is alive ---------------------------------------------------------------------------------------------------


def test_a_process_is_alive_until_it_ends() -> None:
    """A zombie is not, though its pid and its start can still be read."""
    assert is_alive(os.getpid(), start_ticks(os.getpid()))
    with Child(lambda _: signal.pause()) as child:
        ticks = start_ticks(child.pid)
        assert is_alive(child.pid, ticks)
        os.kill(child.pid, signal.SIGKILL)
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert start_ticks(child.pid) == ticks
        assert not is_alive(child.pid, ticks)
        pid = child.pid
        child.join()
    assert not is_alive(pid, ticks)


def test_another_process_of_the_same_number_is_not_it() -> None:
    """Unless it is not known when it was made."""
    assert not is_alive(os.getpid(), start_ticks(os.getpid()) + 1)
    assert is_alive(os.getpid(), 0)


# --- claiming -------------------------------------------------------------------------------------------------------


def test_the_record_of_a_killed_process_is_claimed(tmp_path: Path) -> None:
    """Before its parent has waited for it, too; done, it is gone with its stack file."""
    with keep_record(tmp_path) as child:
        name = child.line()
        assert names_of_dead(tmp_path) == []
        (tmp_path / name).with_suffix(".stack").write_text("Current thread 0x0001 (most recent call first):\n")
        os.kill(child.pid, signal.SIGKILL)
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        (claim,) = dead(tmp_path, GROUP)
    assert (claim.path.name, claim.words.identity.server, claim.words.state) == (name, "gunicorn", "starting")
    assert claim.words.stop_seen
    claim.done()
    claim.done()
    claim.release()
    assert not os.listdir(tmp_path)


def test_what_is_released_can_be_claimed_again(tmp_path: Path) -> None:
    """Not while it is claimed; as a context manager it is released, whatever happens."""
    path = leave_record(tmp_path)
    (claim,) = dead(tmp_path, GROUP)
    assert names_of_dead(tmp_path) == []
    with pytest.raises(ValueError), claim:
        raise ValueError
    assert names_of_dead(tmp_path) == [path.name]


def test_only_what_was_asked_for_is_claimed(tmp_path: Path) -> None:
    """This service's, and of one process where that is named."""
    first, second = leave_record(tmp_path), leave_record(tmp_path)
    assert sorted(names_of_dead(tmp_path)) == sorted([first.name, second.name])
    assert names_of_dead(tmp_path, pid=int(first.name.split("-")[1])) == [first.name]
    assert names_of_dead(tmp_path, pid=1) == []
    assert list(dead(tmp_path, OTHER_GROUP)) == []


def test_a_record_of_ones_own_is_not_claimed(tmp_path: Path) -> None:
    """Its process lives."""
    record = ExitRecord.create(tmp_path, GROUP, identity())
    assert names_of_dead(tmp_path) == []
    record.remove()


def test_a_number_that_another_process_has_by_now_is_dead(tmp_path: Path) -> None:
    """With the same number and the same start it would be alive, though nobody holds the lock."""
    mine = {"pid": os.getpid(), "start_ticks": start_ticks(os.getpid())}
    leave_record(tmp_path, **mine)
    assert names_of_dead(tmp_path) == []
    reused = leave_record(tmp_path, **{**mine, "start_ticks": mine["start_ticks"] - 1})
    assert names_of_dead(tmp_path) == [reused.name]


def test_of_another_pid_namespace_the_lock_alone_decides(tmp_path: Path) -> None:
    """Its numbers mean nothing here."""
    elsewhere = {"pid": os.getpid(), "start_ticks": start_ticks(os.getpid()), "pid_namespace": "pid:[1]"}
    path = leave_record(tmp_path, **elsewhere)
    assert names_of_dead(tmp_path) == [path.name]
    with keep_record(tmp_path, pid=2**22 + 1, pid_namespace="pid:[1]") as child:
        assert child.line()
        assert names_of_dead(tmp_path) == [path.name]


def test_many_that_claim_at_once_get_each_record_once(tmp_path: Path) -> None:
    """20 processes, and 100 that were killed."""
    with ExitStack() as victims:
        names = {victims.enter_context(keep_record(tmp_path)).line() for _ in range(100)}
    assert len(names) == 100
    read_end, write_end = os.pipe()

    def body(send: Callable[[str], None]) -> None:
        os.close(write_end)
        os.read(read_end, 1)  # answers when the last one closes the other end
        for claim in dead(tmp_path, GROUP):
            with claim:
                send(claim.path.name)
                claim.done()

    with ExitStack() as stack:
        claimers = [stack.enter_context(Child(body)) for _ in range(20)]
        os.close(read_end)
        os.close(write_end)
        claimed = [line for claimer in claimers for line in claimer.lines()]
    # A lock that another one held for a moment leaves a record to the next look.
    claimed += names_of_dead(tmp_path, done=True)
    assert sorted(claimed) == sorted(names)
    assert not os.listdir(tmp_path)


def claim_and_wait(directory: Path) -> Child:
    """A reporter that has sent what it claimed, and is not done with it."""

    def body(send: Callable[[str], None]) -> None:
        (claim,) = dead(directory, GROUP)
        send(claim.path.name)
        signal.pause()

    return Child(body)


def test_a_reporter_that_is_killed_leaves_the_record_to_the_next(tmp_path: Path) -> None:
    """And that one to another."""
    path = leave_record(tmp_path)
    for _ in range(2):
        with claim_and_wait(tmp_path) as reporter:
            assert reporter.line() == path.name
            assert names_of_dead(tmp_path) == []
    assert names_of_dead(tmp_path, done=True) == [path.name]


def test_a_child_that_a_reporter_forks_holds_no_claim(tmp_path: Path) -> None:
    """A supervisor starts the next worker while it reports the last one."""
    path = leave_record(tmp_path)
    (claim,) = dead(tmp_path, GROUP)

    def body(send: Callable[[str], None]) -> None:
        claim.done()
        claim.release()
        send("ready")
        signal.pause()

    with Child(body) as worker:
        assert worker.line() == "ready"
        assert names_of_dead(tmp_path) == []
        claim.release()
        assert names_of_dead(tmp_path) == [path.name]


def test_an_app_that_closes_all_descriptors_keeps_its_own(tmp_path: Path, in_fork: Callable[..., Any]) -> None:
    """Whatever has the number of a claim since is neither closed nor emptied."""
    records, app = tmp_path / "records", tmp_path / "app"
    records.mkdir()
    app.write_text("the app's")
    leave_record(records)

    def claim_and_close(how: str) -> bool:
        (claim,) = dead(records, GROUP)
        numbers = [int(number) for number in os.listdir("/proc/self/fd")]
        of_claim = next(number for number in numbers if same_file(number, claim.path))
        os.close(of_claim)
        taken = os.open(app, os.O_RDWR)
        if taken != of_claim:
            os.dup2(taken, of_claim)
        getattr(claim, how)()
        return same_file(of_claim, app)

    for how in ("done", "release"):
        assert in_fork(lambda how=how: claim_and_close(how)) is True
    assert app.read_text() == "the app's"
    assert len(names_of_dead(records)) == 1


def same_file(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except OSError:
        return False


def test_what_a_child_inherits_while_it_is_looked_at_is_not_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A supervisor forks in one thread while another one claims: before it has the lock, or before it has noted it."""
    path = leave_record(tmp_path)
    opened, children = os.open, list[Child]()

    def open_and_fork(name: Any, flags: int, **rest: Any) -> int:
        descriptor = opened(name, flags, **rest)
        if name == path:
            children.append(Child(lambda _: signal.pause()))
        return descriptor

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", open_and_fork)
        (claim,) = dead(tmp_path, GROUP)
    with children[0]:
        claim.release()
        assert names_of_dead(tmp_path) == [path.name]


def test_what_was_removed_meanwhile_is_not_claimed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another one was done with it between our look at the folder and our lock; also when its name is taken again."""
    path, spare = leave_record(tmp_path), leave_record(tmp_path)
    flock = claims.fcntl.flock

    def late(descriptor: int, operation: int) -> None:
        if operation == claims.fcntl.LOCK_UN:
            pass
        elif replaced:
            os.replace(spare, path)
        else:
            path.unlink()
        flock(descriptor, operation)

    monkeypatch.setattr(claims.fcntl, "flock", late)
    for replacing in (True, False):
        replaced = replacing
        assert names_of_dead(tmp_path, pid=int(path.name.split("-")[1])) == []


def test_a_call_looks_at_a_thousand_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each has its turn in some call, though those before it stay."""
    for number in range(1100):
        (tmp_path / f"{GROUP}-{number}-00000000.exit").touch()
    looked: list[Path] = []
    monkeypatch.setattr(claims, "_lock", looked.append)
    assert names_of_dead(tmp_path) == []
    assert len(looked) == len(set(looked)) == 1000
    for _ in range(100):
        names_of_dead(tmp_path)
    assert len(set(looked)) == 1100


def test_what_cannot_be_removed_is_not_reported_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder has become read-only."""
    leave_record(tmp_path)

    def refuse(_: object) -> None:
        raise PermissionError

    with monkeypatch.context() as patch:
        patch.setattr(os, "unlink", refuse)
        assert len(names_of_dead(tmp_path, done=True)) == 1
        assert names_of_dead(tmp_path) == []


# --- what is no record of ours --------------------------------------------------------------------------------------


def name(group: str = GROUP, suffix: str = ".exit") -> str:
    """Of a file that might be a record."""
    return f"{group}-12345-{uuid.uuid4().hex[:8]}{suffix}"


def test_a_symlink_is_not_followed(tmp_path: Path) -> None:
    """Whatever it is named like, what it leads to is neither read nor locked nor removed, however old."""
    folder, target = tmp_path / "records", leave_record(tmp_path)
    content = target.read_bytes()
    folder.mkdir()
    for link in (name(), name(OTHER_GROUP), name(suffix=".stack"), ".0123456789abcdef.new"):
        (folder / link).symlink_to(target)
        age(folder / link, 30 * DAY_S)
    age(target, 30 * DAY_S)
    assert names_of_dead(folder) == []
    assert target.read_bytes() == content
    assert len(os.listdir(folder)) == 4


def test_a_stack_file_that_is_a_symlink_is_not_followed(tmp_path: Path) -> None:
    """It is removed with the record, and what it leads to stays."""
    target = tmp_path / "target"
    target.write_text("Fatal Python error: Aborted\n\nthe app's")
    folder = tmp_path / "records"
    folder.mkdir()
    leave_record(folder).with_suffix(".stack").symlink_to(target)
    (claim,) = dead(folder, GROUP)
    assert (claim.words.stack, claim.words.stop_seen) == ("", False)
    claim.done()
    assert target.exists()
    assert not os.listdir(folder)


@pytest.mark.parametrize("content", [b"", b"noise", bytes(16_384), bytes(1_000_000)], ids=len)
def test_garbage_is_passed_over_and_after_a_week_removed(tmp_path: Path, content: bytes) -> None:
    """It may be the record of another version of this package."""
    garbage = tmp_path / name()
    garbage.write_bytes(content)
    age(garbage, 6 * DAY_S)
    assert names_of_dead(tmp_path) == []
    assert garbage.exists()
    age(garbage, 8 * DAY_S)
    assert names_of_dead(tmp_path) == []
    assert not garbage.exists()


def test_what_is_no_file_is_passed_over(tmp_path: Path) -> None:
    """Nobody waits for the other end of a pipe."""
    os.mkfifo(tmp_path / name())
    (tmp_path / name()).mkdir()
    for path in tmp_path.iterdir():
        age(path, 30 * DAY_S)
    assert names_of_dead(tmp_path) == []
    assert len(os.listdir(tmp_path)) == 2


@as_root
def test_what_is_another_users_is_passed_over(tmp_path: Path) -> None:
    """Anybody can write that somebody has died."""
    record, garbage = leave_record(tmp_path), tmp_path / name()
    garbage.touch()
    age(garbage, 30 * DAY_S)
    for path in (record, garbage):
        os.chown(path, 12345, 12345)
    assert names_of_dead(tmp_path) == []
    assert len(os.listdir(tmp_path)) == 2


def test_other_files_are_never_touched(tmp_path: Path) -> None:
    """However old: the folder may be one for many things."""
    names = ["app.exit", "app.stack", ".app.new", "core.12345", f"{GROUP}.exit", f"{GROUP}-1-0123456g.exit"]
    for other in names:
        (tmp_path / other).touch()
        age(tmp_path / other, 300 * DAY_S)
    assert names_of_dead(tmp_path) == []
    assert sorted(os.listdir(tmp_path)) == sorted(names)


def test_what_was_never_finished_is_removed_after_an_hour(tmp_path: Path) -> None:
    """Unless somebody is at it still. The process was killed while it began its record."""

    def body(send: Callable[[str], None]) -> None:
        os.rename = lambda *_: signal.pause()  # type: ignore[assignment]
        os.listdir = lambda *_: []  # type: ignore[assignment]
        send("ready")
        ExitRecord.create(tmp_path, GROUP, identity())

    with Child(body) as child:
        assert child.line() == "ready"
        while not (found := list(tmp_path.iterdir())) or found[0].stat().st_size == 0:
            time.sleep(0.005)
        (unfinished,) = found
        age(unfinished, 2 * 3600)
        names_of_dead(tmp_path)
        assert unfinished.exists()
    age(unfinished, 1800)
    names_of_dead(tmp_path)
    assert unfinished.exists()
    age(unfinished, 2 * 3600)
    names_of_dead(tmp_path)
    assert not unfinished.exists()


def test_what_another_service_left_is_removed_after_a_week(tmp_path: Path) -> None:
    """Since its last heartbeat, not since its file was made: the service itself may be about to report it."""

    def body(send: Callable[[str], None]) -> None:
        for began_ns in (time.time_ns(), 1):
            record = ExitRecord.create(tmp_path, OTHER_GROUP, identity())
            record.begin(b"x", "request", 1, 1, began_ns)
            send(record.path.name)
        signal.pause()

    with Child(body) as child:
        paths = [tmp_path / child.line() for _ in range(2)]
        for path in paths:
            age(path, 8 * DAY_S)
        names_of_dead(tmp_path)
        assert all(path.exists() for path in paths)
    names_of_dead(tmp_path)
    assert all(path.exists() for path in paths)


def test_what_another_service_left_long_ago_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With its stack file: services come and go, and the folder has a limit."""
    with monkeypatch.context() as patch:
        patch.setattr(time, "time_ns", lambda: int((time.time() - 8 * DAY_S) * 1e9))
        path = leave_record(tmp_path)
    foreign = path.rename(tmp_path / path.name.replace(GROUP, OTHER_GROUP))
    foreign.with_suffix(".stack").touch()
    names_of_dead(tmp_path)
    assert foreign.exists()
    age(foreign, 8 * DAY_S)
    names_of_dead(tmp_path)
    assert not os.listdir(tmp_path)


def test_a_stack_file_without_a_record_is_removed_after_a_week(tmp_path: Path) -> None:
    """One that has a record stays as long as that."""
    record = leave_record(tmp_path)
    stack, orphan = record.with_suffix(".stack"), tmp_path / name(suffix=".stack")
    for path in (stack, orphan):
        path.touch()
        age(path, 8 * DAY_S)
    names_of_dead(tmp_path)
    assert stack.exists()
    assert not orphan.exists()


# --- supervisors ----------------------------------------------------------------------------------------------------


def test_a_process_is_supervised_while_its_supervisor_lives(tmp_path: Path) -> None:
    """And says that it waits for children."""
    with keep_record(tmp_path, supervises=True) as supervisor, keep_record(tmp_path) as parent:
        assert supervisor.line()
        assert parent.line()
        child_of = lambda pid, **changes: identity(  # noqa: E731
            **{"parent_pid": pid, "parent_start_ticks": start_ticks(pid), **changes}
        )
        victim = child_of(supervisor.pid)
        assert supervised(tmp_path, GROUP, victim)
        assert not supervised(tmp_path, OTHER_GROUP, victim)
        assert not supervised(tmp_path, GROUP, child_of(parent.pid))
        assert not supervised(tmp_path, GROUP, child_of(os.getpid()))
        ticks = start_ticks(supervisor.pid)
        assert not supervised(tmp_path, GROUP, child_of(supervisor.pid, parent_start_ticks=ticks - 1))
        for elsewhere in ("pid:[1]", ""):
            assert not supervised(tmp_path, GROUP, child_of(supervisor.pid, pid_namespace=elsewhere))
        os.kill(supervisor.pid, signal.SIGKILL)
        os.waitid(os.P_PID, supervisor.pid, os.WEXITED | os.WNOWAIT)
        assert not supervised(tmp_path, GROUP, victim)


def test_a_supervisor_s_record_is_read_again_while_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both halves were in the middle of that, one after the other."""
    read, torn = claims._read, iter([None, None])
    monkeypatch.setattr(claims, "_read", lambda descriptor: next(torn, read(descriptor)))
    with keep_record(tmp_path, supervises=True) as supervisor:
        assert supervisor.line()
        child = identity(parent_pid=supervisor.pid, parent_start_ticks=start_ticks(supervisor.pid))
        assert supervised(tmp_path, GROUP, child)


def test_a_claim_says_what_it_is_of(tmp_path: Path) -> None:
    """Its words are those of the record."""
    leave_record(tmp_path, server="celery")
    (claim,) = dead(tmp_path, GROUP)
    assert isinstance(claim, Claim)
    assert claim.words.identity.server == "celery"
    claim.done()
