"""The exit record: what was written is read, and nothing else, whenever the process was killed."""

from __future__ import annotations

import errno
import fcntl
import os
import random
import resource
import stat
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from exit_records import GROUP, Child, identity, in_a_process_of_its_own, keep_record, mounted

from autogen_vitals.crashes import record as record_module
from autogen_vitals.crashes.layout import SIZE, SLOT_COUNT, read
from autogen_vitals.crashes.record import ExitRecord
from autogen_vitals.crashes.reports import Flight, LastWords

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="exit records need Linux")
NOW = 1_800_000_000_000_000_000


@pytest.fixture
def record(tmp_path: Path) -> Iterator[ExitRecord]:
    """Of this process."""
    one = ExitRecord.create(tmp_path, GROUP, identity())
    yield one
    one.remove()


def words(record: ExitRecord) -> LastWords:
    """What it says, as another process would read it."""
    found = read(record.path.read_bytes())
    assert found is not None
    return found


# --- what it says ---------------------------------------------------------------------------------------------------


def test_a_new_record_says_who_it_is_of(tmp_path: Path) -> None:
    """Starting, without flights, and its name has group, pid and the beginning of the uid."""
    mine, before = identity(), time.time_ns()
    record = ExitRecord.create(tmp_path, GROUP, mine)
    said = words(record)
    assert said == LastWords(identity=mine, state="starting", heartbeat_ns=said.heartbeat_ns)
    assert before <= said.heartbeat_ns <= time.time_ns()
    assert record.words() == said
    assert os.listdir(tmp_path) == [f"{GROUP}-{os.getpid()}-{mine.uid[:8]}.exit"] == [record.path.name]
    record.remove()


def test_what_is_going_on_is_read_back(record: ExitRecord) -> None:
    """All of it, what began first first."""
    late = record.begin("init Straße".encode(), "startup", 2**128 - 1, 2**64 - 1, NOW + 5)
    record.begin(b"import app", "import", 0, 0, NOW)
    record.change(late, b"chat gpt-4o", "request", 3, 4, NOW + 9)
    assert words(record).flights == (
        Flight("import app", "import", 0, 0, NOW),
        Flight("chat gpt-4o", "request", 3, 4, NOW + 5),
    )
    assert words(record).heartbeat_ns == NOW + 9


def test_what_has_ended_is_not_going_on(record: ExitRecord) -> None:
    """Ended twice, it ends nothing else."""
    first = record.begin(b"first", "request", 1, 1, NOW)
    record.end(first)
    record.end(first)
    record.begin(b"second", "request", 2, 2, NOW)
    record.begin(b"third", "request", 3, 3, NOW + 1)
    assert [flight.operation for flight in words(record).flights] == ["second", "third"]


def test_what_comes_late_does_not_touch_who_has_the_slot_now(record: ExitRecord) -> None:
    """A background task of a request may outlive it."""
    gone = record.begin(b"gone", "request", 1, 1, NOW)
    record.end(gone)
    record.begin(b"here", "request", 2, 2, NOW)
    record.change(gone, b"late", "request", 1, 1, NOW)
    record.interrupt(gone)
    record.end(gone)
    assert words(record).flights == (Flight("here", "request", 2, 2, NOW),)


def test_what_was_interrupted_stays(record: ExitRecord) -> None:
    """Neither its end nor what comes on the way out changes it."""
    slot = record.begin(b"chat gpt-4o", "request", 7, 8, NOW)
    record.interrupt(slot)
    record.change(slot, b"POST /chat", "request", 7, 9, NOW + 1)
    record.end(slot)
    assert words(record).flights == (Flight("chat gpt-4o", "request", 7, 8, NOW, interrupted=True),)


def test_slots_run_out(record: ExitRecord) -> None:
    """There is room for 48 and more; what finds none is not recorded, and what was is untouched."""
    slots = [record.begin(b"%d" % number, "request", number, number, number) for number in range(SLOT_COUNT)]
    assert SLOT_COUNT >= 48
    assert len(set(slots)) == SLOT_COUNT
    for _ in range(3):
        none = record.begin(b"one more", "request", 1, 1, NOW)
        assert none == -1
        record.change(none, b"one more", "request", 1, 1, NOW)
        record.interrupt(none)
        record.end(none)
    assert [flight.operation for flight in words(record).flights] == [str(number) for number in range(SLOT_COUNT)]
    record.end(slots[5])
    assert record.begin(b"again", "request", 1, 1, NOW) >= 0
    assert record.begin(b"again", "request", 1, 1, NOW) == -1


def test_an_interrupted_slot_is_never_free(record: ExitRecord) -> None:
    """However many follow."""
    record.interrupt(record.begin(b"kept", "request", 1, 1, 1))
    for number in range(3 * SLOT_COUNT):
        record.end(record.begin(b"%d" % number, "request", 1, 1, NOW))
    assert [flight.operation for flight in words(record).flights] == ["kept"]


@pytest.mark.parametrize("prefix", ["", "a"])
def test_a_long_operation_is_cut_between_characters(record: ExitRecord, prefix: str) -> None:
    """At 80 bytes or just before."""
    record.begin((prefix + 60 * "é").encode(), "request", 1, 1, NOW)
    assert words(record).flights[0].operation == prefix + (40 - len(prefix)) * "é"


def test_its_life_is_read_back(record: ExitRecord) -> None:
    """What is not said again stays as it was."""
    record.note("ready", uses_autogen=True, heartbeat_ns=NOW)
    record.note(supervises=True, heartbeat_ns=NOW + 1)
    record.error("ValidationError", "invalid_config", True)
    record.note("draining", heartbeat_ns=NOW + 3)
    said = words(record)
    assert (said.state, said.uses_autogen, said.supervises, said.heartbeat_ns) == ("draining", True, True, NOW + 3)
    assert said.served
    assert (said.error_type, said.category, said.fatal) == ("ValidationError", "invalid_config", True)
    record.error("É" * 200, None, False)
    said = words(record)
    assert (said.error_type, said.category, said.fatal, said.state) == ("É" * 48, None, False, "draining")


def test_each_update_is_a_sign_of_life(record: ExitRecord) -> None:
    """Those that are told no time look at the clock."""
    slots = [record.begin(b"x", "request", 1, 1, 1) for _ in range(2)]
    updates: list[Callable[[], object]] = [
        lambda: record.end(slots[0]),
        lambda: record.interrupt(slots[1]),
        lambda: record.error("E", "other", False),
        lambda: record.identify(identity()),
    ]
    for update in updates:
        before = time.time_ns()
        update()
        assert words(record).heartbeat_ns >= before


def test_who_it_is_may_be_known_late(record: ExitRecord) -> None:
    """The service's name comes with the SDK."""
    for number in range(4):
        known = identity(service={"service.name": f"number {number}"})
        record.identify(known)
        assert words(record).identity == known


def test_an_identity_that_has_no_room_says_less(record: ExitRecord) -> None:
    """Without versions at first, then without its service."""
    many = {f"package-{number}": "1.0" for number in range(500)}
    record.identify(identity(versions=many))
    assert (words(record).identity.versions, len(words(record).identity.service)) == ({}, 2)
    record.identify(identity(service={"service.name": 5000 * "é"}))
    assert (words(record).identity.service, words(record).identity.pid) == ({}, os.getpid())


def test_nothing_but_what_was_given_is_in_the_file(record: ExitRecord, monkeypatch: pytest.MonkeyPatch) -> None:
    """No environment, folder or program of the process; and what a slot said before is gone."""
    monkeypatch.setenv("CANARY_API_KEY", "canary-1f0c")
    slot = record.begin(b"former-operation", "request", 1, 1, NOW)
    record.change(slot, b"short", "request", 1, 1, NOW)
    record.error("FormerError", "other", True)
    for _ in range(2):
        record.error("E", None, False)
    content = record.path.read_bytes()
    for unwanted in (b"canary", b"former-operation", b"FormerError", Path.cwd().name.encode(), b"python"):
        assert unwanted not in content


# --- what is no record ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "garble",
    [
        lambda content: b"",
        lambda content: content[:-1],
        lambda content: content + b"\0",
        lambda content: bytes(len(content)),
        lambda content: random.Random(1).randbytes(len(content)),
        lambda content: content[:8] + b"\1" + content[9:],
        lambda content: content[:256] + bytes(SIZE - 256),
    ],
    ids=["empty", "too short", "too long", "zeros", "noise", "another format", "nothing but a header"],
)
def test_what_is_no_record_reads_as_none(record: ExitRecord, garble: Callable[[bytes], bytes]) -> None:
    """Also what another version of this package has written."""
    assert read(garble(record.path.read_bytes())) is None


def test_a_damaged_area_reads_as_absent(record: ExitRecord) -> None:
    """Wherever a byte is wrong, the rest is what was written, and who it is of is known."""
    former = words(record).identity
    record.identify(identity())
    record.note("ready", heartbeat_ns=NOW)
    for number in range(5):
        record.begin(b"%d" % number, "request", number, number, number)
    content, whole = record.path.read_bytes(), words(record)
    for place in range(100, SIZE, 3):
        damaged = bytearray(content)
        damaged[place] ^= 0x55
        said = read(bytes(damaged))
        assert said is not None
        assert said.identity in (whole.identity, former)
        assert said.state in ("starting", "ready")
        assert set(said.flights) <= set(whole.flights)
        assert len(said.flights) >= 4


# --- killed in the middle -------------------------------------------------------------------------------------------


def update_for_ever(record: ExitRecord) -> None:
    """All that one update writes has one number, so that a mixture of two shows."""
    number = 0
    outer = record.begin(b"0", "request", 0, 0, NOW)
    while True:
        number += 1
        text = str(number)
        slot = record.begin(text.encode(), "request", number, number, NOW + number)
        record.change(outer, text.encode(), "request", number, number, NOW + number)
        record.end(slot)
        record.error(text, "other" if number % 2 else None, bool(number % 2))
        if number % 4 == 0:
            record.identify(identity(service={"first": text, "last": text}, versions={"only": text}))


def check_unmixed(said: LastWords) -> None:
    """Each part is of one update."""
    for flight in said.flights:
        assert str(flight.trace_id) == str(flight.span_id) == flight.operation
        assert flight.began_ns in (NOW, NOW + flight.trace_id)
    if said.error_type:
        odd = int(said.error_type) % 2
        assert (said.category, said.fatal) == ("other" if odd else None, bool(odd))
    if "first" in said.identity.service:
        assert said.identity.service["first"] == said.identity.service["last"] == said.identity.versions["only"]


def test_a_process_killed_in_the_middle_of_an_update_leaves_a_readable_record(tmp_path: Path) -> None:
    """At whatever moment: whole, or without the one part that it was at."""
    moments, updated = random.Random(7), 0

    def body(send: Callable[[str], None]) -> None:
        record = ExitRecord.create(tmp_path, GROUP, identity())
        send("ready")
        update_for_ever(record)

    for _ in range(100):
        with Child(body) as child:
            assert child.line() == "ready"
            time.sleep(moments.uniform(0, 0.003))
        (path,) = tmp_path.iterdir()
        said = read(path.read_bytes())
        assert said is not None
        check_unmixed(said)
        updated += said.error_type != ""
        path.unlink()
    assert updated > 0


def test_threads_do_not_mix_what_they_write(record: ExitRecord) -> None:
    """Each has its own slot; there is no lock."""
    stop = threading.Event()

    def update(first: int) -> None:
        number = first
        while not stop.is_set():
            number += 10
            slot = record.begin(b"%d" % number, "request", number, number, NOW + number)
            number += 10
            record.change(slot, b"%d" % number, "request", number, number, NOW + number)
            record.end(slot)

    threads = [threading.Thread(target=update, args=(first,)) for first in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(300):
        for flight in words(record).flights:
            assert str(flight.trace_id) == str(flight.span_id) == flight.operation
    stop.set()
    for thread in threads:
        thread.join()
    assert words(record).flights == ()


# --- its file -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o277, 0o777], ids=oct)
def test_only_its_user_may_read_it(tmp_path: Path, umask: int) -> None:
    """0600 whatever the umask, and at most 16 KiB."""
    before = os.umask(umask)
    try:
        record = ExitRecord.create(tmp_path, GROUP, identity())
    finally:
        os.umask(before)
    status = record.path.stat()
    assert stat.S_IMODE(status.st_mode) == 0o600
    assert status.st_size == SIZE <= 16 * 1024
    record.remove()


def test_removed_it_is_gone(tmp_path: Path) -> None:
    """What is still said to it is not written anywhere."""
    record = ExitRecord.create(tmp_path, GROUP, identity())
    slot = record.begin(b"x", "request", 1, 1, NOW)
    assert not record.ended
    record.remove()
    assert record.ended
    assert not os.listdir(tmp_path)
    assert record.words() is None
    assert record.begin(b"x", "request", 1, 1, NOW) == -1
    record.change(slot, b"y", "request", 1, 1, NOW)
    record.interrupt(slot)
    record.end(slot)
    record.note("ready", heartbeat_ns=NOW)
    record.error("E", None, True)
    record.identify(identity())
    record.abandon()
    record.remove()


def test_what_cannot_be_removed_says_that_it_has_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that has given up its rights may not."""

    def refuse(path: object) -> None:
        raise PermissionError

    record = ExitRecord.create(tmp_path, GROUP, identity())
    with monkeypatch.context() as patch:
        patch.setattr(os, "unlink", refuse)
        record.remove()
    assert words(record).state == "ended"


def refuse_with(number: int) -> Callable[..., Any]:
    def refuse(*_: object, **__: object) -> Any:
        raise OSError(number, os.strerror(number))

    return refuse


@pytest.mark.parametrize("call", ["os.write", "os.rename", "os.fchmod", "fcntl.flock", "mmap.mmap"])
def test_what_cannot_be_made_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    """Neither a file nor an open descriptor."""
    before = os.listdir("/proc/self/fd")
    monkeypatch.setattr(call, refuse_with(errno.ENOSPC))
    with pytest.raises(OSError, match="No space"):
        ExitRecord.create(tmp_path, GROUP, identity())
    monkeypatch.undo()
    assert not os.listdir(tmp_path)
    assert len(os.listdir("/proc/self/fd")) == len(before)


def test_a_limit_on_file_sizes_leaves_nothing_behind(tmp_path: Path, in_fork: Callable[..., Any]) -> None:
    """Half of the file fits."""

    def create() -> object:
        resource.setrlimit(resource.RLIMIT_FSIZE, (SIZE // 2, SIZE // 2))
        with pytest.raises(OSError) as refused:
            ExitRecord.create(tmp_path, GROUP, identity())
        return refused.value.errno == errno.EFBIG

    assert in_fork(create) is True
    assert not os.listdir(tmp_path)


def test_a_full_file_system_is_an_error_at_once(tmp_path: Path) -> None:
    """And not a signal when the record is written to: it has all its blocks from the beginning."""
    with mounted(tmp_path, "size=24k"):
        first = ExitRecord.create(tmp_path, GROUP, identity())
        with pytest.raises(OSError) as refused:
            ExitRecord.create(tmp_path, GROUP, identity())
        assert refused.value.errno == errno.ENOSPC
        assert os.listdir(tmp_path) == [first.path.name]
        (tmp_path / "filler").write_bytes(bytes(8 * 1024))
        for _ in range(SLOT_COUNT):
            first.begin(b"x", "request", 1, 1, NOW)
        assert len(words(first).flights) == SLOT_COUNT
        first.remove()


def test_a_read_only_file_system_is_an_error(tmp_path: Path) -> None:
    """As the system says it."""
    with mounted(tmp_path, "ro"), pytest.raises(OSError) as refused:
        ExitRecord.create(tmp_path, GROUP, identity())
    assert refused.value.errno == errno.EROFS


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    """It is not made anew: whoever removed it knows why."""
    with pytest.raises(FileNotFoundError):
        ExitRecord.create(tmp_path / "gone", GROUP, identity())
    assert not os.listdir(tmp_path)


def test_a_folder_that_has_too_many_files_gets_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A crash loop that nobody reports fills no disk."""
    monkeypatch.setattr(record_module, "ENTRY_LIMIT", 3)
    records = [ExitRecord.create(tmp_path, GROUP, identity()) for _ in range(4)]
    with pytest.raises(OSError, match="more than 3 files"):
        ExitRecord.create(tmp_path, GROUP, identity())
    records.pop().remove()
    ExitRecord.create(tmp_path, GROUP, identity()).remove()
    for record in records:
        record.remove()


def test_a_symlink_in_its_way_is_not_followed(tmp_path: Path) -> None:
    """Neither at the name it is made under, nor at its own."""
    target, folder = tmp_path / "target", tmp_path / "records"
    target.write_text("the app's")
    folder.mkdir()
    mine = identity()
    stem = f"{GROUP}-{mine.pid}-{mine.uid[:8]}"
    (folder / f".{stem}.new").symlink_to(target)
    with pytest.raises(FileExistsError):
        ExitRecord.create(folder, GROUP, mine)
    (folder / f".{stem}.new").unlink()
    (folder / f"{stem}.exit").symlink_to(target)
    record = ExitRecord.create(folder, GROUP, mine)
    record.begin(b"x", "request", 1, 1, NOW)
    assert not record.path.is_symlink()
    assert words(record).identity == mine
    record.remove()
    assert target.read_text() == "the app's"


# --- its lock and its process ---------------------------------------------------------------------------------------


def is_locked(path: Path) -> bool:
    """As another process sees it."""
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def test_it_is_locked_while_its_process_lives(tmp_path: Path) -> None:
    """And free once that has been waited for."""
    with keep_record(tmp_path) as child:
        path = tmp_path / child.line()
        assert is_locked(path)
    assert not is_locked(path)


def test_a_forked_child_that_lets_go_leaves_it_alone(tmp_path: Path) -> None:
    """It is there, locked and written to as long as the parent lives; and free once that is dead, child or no child."""

    def parent(send: Callable[[str], None]) -> None:
        record = ExitRecord.create(tmp_path, GROUP, identity())
        record.begin(b"parent's", "request", 1, 1, NOW)
        if os.fork() == 0:
            record.abandon()
            assert record.begin(b"child's", "request", 1, 1, NOW) == -1
            record.remove()
            send(record.path.name)
            send(str(os.getpid()))
        else:
            record.begin(b"more", "request", 1, 1, NOW + 1)
        threading.Event().wait()

    with Child(parent) as one:
        path, grandchild = tmp_path / one.line(), int(one.line())
        assert is_locked(path)
        one.kill()
        try:
            assert not is_locked(path)
            os.kill(grandchild, 0)
        finally:
            os.kill(grandchild, 9)
    said = read(path.read_bytes())
    assert said is not None
    assert said.flights[0].operation == "parent's"
    assert "child's" not in [flight.operation for flight in said.flights]


APP_FILES = 100
"""More than a test process has open: one of them has whatever number a descriptor of ours had."""


def close_all() -> None:
    """As a daemon does."""
    os.closerange(3, APP_FILES)


def close_all_and_reuse(folder: Path) -> list[int]:
    """Whatever number a descriptor of ours had is the app's now."""
    close_all()
    mine = [os.open(folder / f"app-{number}", os.O_RDWR | os.O_CREAT) for number in range(APP_FILES)]
    for descriptor in mine:
        os.write(descriptor, b"the app's")
        fcntl.lockf(descriptor, fcntl.LOCK_EX)
    return mine


def untouched(folder: Path, descriptors: list[int]) -> bool:
    """They are open, as is what they were opened for, and nothing was written there."""
    return all(os.path.samestat(os.fstat(one), os.stat(folder / f"app-{n}")) for n, one in enumerate(descriptors)) and {
        path.read_text() for path in folder.glob("app-*")
    } == {"the app's"}


def refused_locks(descriptors: list[int]) -> int:
    """How many of them another process has locked, as a forked child sees it."""
    child = os.fork()
    if child == 0:
        count = 0
        for descriptor in descriptors:
            try:
                fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                count += 1
        os._exit(count)
    return os.WEXITSTATUS(os.waitpid(child, 0)[1])


def test_an_app_that_closes_all_descriptors_loses_nothing(tmp_path: Path) -> None:
    """The record goes on and stays locked, and what has its numbers now gets no byte, no close, and keeps its locks."""
    in_a_process_of_its_own(an_app_closes_all_descriptors, tmp_path)


def an_app_closes_all_descriptors(tmp_path: Path) -> None:
    records, app, answer = tmp_path / "records", tmp_path / "app", tmp_path / "answer"
    records.mkdir()
    app.mkdir()

    def body(_: object) -> None:
        record = ExitRecord.create(records, GROUP, identity())
        mine = close_all_and_reuse(app)
        slot = record.begin(b"before", "request", 1, 1, NOW)
        child = os.fork()
        if child == 0:
            record.abandon()
            os._exit(0 if untouched(app, mine) else 1)
        _, status = os.waitpid(child, 0)
        record.change(slot, b"after", "request", 1, 1, NOW)
        locked, operations = is_locked(record.path), [flight.operation for flight in words(record).flights]
        record.remove()
        # Before the files are read: any close of one drops its locks.
        still_locked = refused_locks(mine)
        found = (status, locked, operations, untouched(app, mine), still_locked, os.listdir(records))
        answer.write_text(repr(found))

    with Child(body) as child:
        child.join()
    assert answer.read_text() == repr((0, True, ["after"], True, APP_FILES, []))


def test_a_child_of_an_app_that_closed_all_descriptors_lets_go(tmp_path: Path) -> None:
    """The parent's death is seen while the child lives, whatever is open at the number that it had."""
    in_a_process_of_its_own(a_child_of_one_that_closed_them_lets_go, tmp_path)


def a_child_of_one_that_closed_them_lets_go(tmp_path: Path) -> None:
    notes, ready = tmp_path / "notes", tmp_path / "ready"

    def parent(_: object) -> None:
        record = ExitRecord.create(tmp_path, GROUP, identity())
        close_all()
        taken = [os.open("/dev/null", os.O_RDONLY) for _ in range(APP_FILES)]
        if os.fork() == 0:
            record.abandon()
            notes.write_text(f"{record.path.name} {os.getpid()} {len([os.fstat(one) for one in taken])}")
            notes.rename(ready)
        threading.Event().wait()

    with Child(parent) as one:
        while not ready.exists():
            time.sleep(0.005)
        name, grandchild, open_ones = ready.read_text().split()
        try:
            assert is_locked(tmp_path / name)
            one.kill()
            assert not is_locked(tmp_path / name)
        finally:
            os.kill(int(grandchild), 9)
    assert open_ones == str(APP_FILES)
