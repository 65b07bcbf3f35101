"""The home holds credentials and says whom to send them to: it is its owner's alone."""

import os
import stat
import subprocess
import sys
import threading
import time

import pytest

from coldferry.errors import BadInput, Conflict
from coldferry.home import alone, folder, home, in_turn, locked, private
from coldferry.manifest import Copy, Manifest
from console.output import command
from console.prefect_server import start_server, stop_server

MAIN = "from console.main import main; main()"


@pytest.fixture
def place(tmp_path, monkeypatch):
    path = tmp_path / "home"
    monkeypatch.setenv("COLDFERRY_HOME", str(path))
    return path


@pytest.fixture
def careless():
    """A user whose files others may read and write."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.parametrize("mode", [0o720, 0o702, 0o777, 0o1777])
def test_a_home_that_others_may_write_is_refused(place, mode):
    place.mkdir()
    place.chmod(mode)
    with pytest.raises(BadInput, match="others may write into it") as caught:
        home()

    assert "chmod go-w" in caught.value.do


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_home_that_another_user_owns_is_refused(place):
    place.mkdir()
    os.chown(place, 12345, 12345)
    with pytest.raises(BadInput, match="another user owns it"):
        home()


def test_a_refused_home_is_bad_input_of_every_command_and_no_defect(place):
    place.mkdir()
    place.chmod(0o777)
    ran = subprocess.run(
        [sys.executable, "-c", MAIN, "status", "--json"],
        env={k: v for k, v in os.environ.items() if not k.startswith("PREFECT_")},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert ran.returncode == 2, ran
    assert "others may write" in ran.stdout
    assert list(place.iterdir()) == []


def test_a_lock_neither_empties_what_it_holds_nor_follows_a_link(place, tmp_path):
    precious = tmp_path / "precious"
    precious.write_text("all of it")
    (home() / "a.lock").symlink_to(precious)
    with pytest.raises(BadInput, match=r"a\.lock is a link"), locked(home() / "a.lock"):
        pytest.fail("it was followed")
    (home() / "b.lock").write_text("kept")
    with locked(home() / "b.lock"):
        pass

    assert precious.read_text() == "all of it"
    assert (home() / "b.lock").read_text() == "kept"


def test_a_migration_is_carried_out_by_one_run_at_a_time(place):
    with alone("web-01"), pytest.raises(Conflict), alone("web-01"):
        pytest.fail("both hold it")
    with alone("web-01"), alone("web-02"):
        pass


def test_who_comes_second_says_so_and_waits(place):
    told, inside = [], threading.Event()

    def second():
        with in_turn("look", waiting=lambda: told.append("waits")):
            told.append("second")

    with in_turn("look", waiting=inside.set):
        other = threading.Thread(target=second)
        other.start()
        while not told:
            time.sleep(0.01)
        told.append("first ends")
    other.join(10)

    assert told == ["waits", "first ends", "second"]
    assert not inside.is_set()


@pytest.mark.usefixtures("careless")
def test_what_an_earlier_release_left_readable_is_closed(place):
    (home() / "manifests").mkdir()
    (home() / "old.log").touch()
    folder("manifests")
    open(home() / "old.log", "a", opener=private).close()

    assert _readable_by_others(place) == []


@pytest.mark.usefixtures("careless")
def test_nothing_in_the_home_is_another_user_s_business(place):
    """A server, a lock, a manifest and a defect's report, by a user with a careless umask."""

    @command
    def broken(*, json):
        raise RuntimeError("as it happens")

    with alone("web-01"):
        path = folder("manifests") / "web-01" / "d.manifest"
        with Manifest(path, Copy(source="s", writer="w", size_bytes=1 << 20)):
            pass
    broken(json=True)
    try:
        start_server()
        there = sorted(path.name for path in place.rglob("*"))
        open_to_others = _readable_by_others(place)
    finally:
        stop_server()

    assert {"prefect.db", "server.json", "server.log", "d.manifest", "defects"} <= set(there)
    assert open_to_others == []


def _readable_by_others(place):
    return [
        f"{path.relative_to(place)} {stat.filemode(path.lstat().st_mode)}"
        for path in [place, *place.rglob("*")]
        if stat.S_IMODE(path.lstat().st_mode) & 0o077 and not path.is_symlink()
    ]


def test_a_folder_of_the_home_is_its_owner_s(place):
    assert stat.S_IMODE(folder("reports").stat().st_mode) == 0o700
