"""`hero-kernel doctor`: every fault is made for real, found, explained, and left as it is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from time import time

import jupyter_core.paths
import pytest
from redis_server import RedisServer, require_redis

import hero_kernel as hero
from hero_kernel.commands import doctor
from hero_kernel.commands.doctor import home, jupyter, packages, records
from hero_kernel.commands.doctor.finding import OK, PROBLEM, WARNING, Place
from hero_kernel.kernel.spec import RESOURCES
from hero_kernel.keyring.locks import LOCK


@pytest.fixture
def place(hk) -> Place:
    return Place(os.environ, hk.home)


def seen(check, where):
    """What a check finds, by state; all of it in one line each, with advice where it is needed."""
    found = list(check(where))
    for one in found:
        assert "\n" not in one.what + one.todo
        assert one.todo or one.state == OK, one
    return {state: [one for one in found if one.state == state] for state in (OK, WARNING, PROBLEM)}


def only(found, state, *words):
    """The one finding of a state that is no order; its words."""
    others = [one for key, ones in found.items() if key not in (OK, state) for one in ones]
    assert others == []
    (one,) = found[state]
    for word in words:
        assert str(word) in f"{one.what} | {one.todo}"
    return one


def test_all_in_order(hk):
    answer = hk("doctor")
    assert "0 problems" in answer.out
    document = hk("doctor", "--json").json
    assert document["ok"]
    assert {one["state"] for one in document["findings"]} <= {"ok", "warning"}
    assert set(document["findings"][0]) == {"state", "what", "todo"}


def test_a_problem_is_status_1_and_nothing_is_changed(hk):
    (hk.home / "hero.db").write_bytes(b"no database" * 100)
    before = {path: path.read_bytes() for path in hk.home.rglob("*") if path.is_file()}
    answer = hk("doctor", "--json", status=1)
    assert not answer.json["ok"]
    assert "problem" in hk("doctor", status=1).out
    assert {path: path.read_bytes() for path in hk.home.rglob("*") if path.is_file()} == before


def test_a_home_that_is_not_there_is_not_made(bare):
    bare("doctor")
    assert not bare.home.exists()
    found = seen(home.folder, Place({}, bare.home))
    assert "not there yet" in found[OK][0].what


def test_a_check_that_breaks_off_is_a_finding(place, monkeypatch):
    def broken(_):
        raise RuntimeError("two\nlines")

    monkeypatch.setattr(doctor, "CHECKS", (broken, home.folder))
    first, second = doctor.findings(place)
    assert first.state == PROBLEM
    assert "broke off: RuntimeError: two lines" in first.what
    assert second.state == OK


class TestKernelspecs:
    @pytest.fixture
    def data(self, hk, monkeypatch):
        """The user's, which a Jupyter outside of virtual environments asks first."""
        monkeypatch.setenv("JUPYTER_PREFER_ENV_PATH", "0")
        return hk.folder / "data" / "kernels"

    def spec(self, folder, *argv, name="hero", text=None):
        own = json.loads((RESOURCES / "kernel.json").read_text())
        own["argv"] = [*argv, *own["argv"][1:]]
        (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / name / "kernel.json").write_text(json.dumps(own) if text is None else text)

    def test_a_python_that_is_gone(self, place, data):
        self.spec(data, "/no/such/python")
        found = seen(jupyter.kernelspecs, place)
        gone = found[PROBLEM][0]
        assert "/no/such/python, which is not there" in gone.what
        assert gone.todo == "hero-kernel install --name hero"

    def test_one_that_only_jupyters_elsewhere_see(self, place, data, monkeypatch):
        monkeypatch.delenv("JUPYTER_PREFER_ENV_PATH")
        self.spec(data, "/no/such/python")
        only(seen(jupyter.kernelspecs, place), WARNING, "/no/such/python", "hero-kernel install")
        self.spec(data, sys.executable)
        assert len(seen(jupyter.kernelspecs, place)[OK]) == 2

    def test_one_that_hides_another(self, place, data, hk, monkeypatch):
        other = hk.folder / "other"
        monkeypatch.setenv("JUPYTER_PATH", str(other))
        self.spec(other / "kernels", "/no/such/python")
        self.spec(data, sys.executable)
        found = seen(jupyter.kernelspecs, place)
        hidden = [one.what for one in found[WARNING]]
        assert any(f"{data / 'hero'} is hidden by the one in {other}" in one for one in hidden)

    def test_a_python_without_us(self, place, data, hk, monkeypatch):
        venv.create(hk.folder / "bare", symlinks=True)
        python = hk.folder / "bare" / "bin" / "python"
        self.spec(data, str(python), name="hero-old")
        monkeypatch.setenv("PYTHONPATH", "")
        found = seen(jupyter.kernelspecs, place)
        assert "cannot load it: ModuleNotFoundError" in found[PROBLEM][0].what
        assert found[PROBLEM][0].todo.startswith(f"{python} -m pip install")

    def test_a_spec_of_the_user_for_whatever_python(self, place, data):
        self.spec(data, "python3")
        found = seen(jupyter.kernelspecs, place)
        assert "whatever Python the Jupyter server has" in found[WARNING][0].what

    @pytest.mark.parametrize("text", ["", "{}", "[]", '{"argv": []}', '{"argv": [1]}', "\udc80"])
    def test_a_spec_that_cannot_be_read(self, place, data, text):
        self.spec(data, text="{}")
        (data / "hero" / "kernel.json").write_bytes(text.encode("utf-8", "surrogateescape"))
        found = seen(jupyter.kernelspecs, place)
        assert f"{data / 'hero'} cannot be read" in found[PROBLEM][0].what

    def test_another_kernel_of_our_name(self, place, data):
        self.spec(data, text=json.dumps({"argv": ["bash", "-m", "x"], "display_name": "x"}))
        assert "is not ours: it starts bash" in seen(jupyter.kernelspecs, place)[WARNING][0].what

    def test_none(self, place, monkeypatch):
        monkeypatch.setattr(jupyter_core.paths, "jupyter_path", lambda *_: [])
        only(seen(jupyter.kernelspecs, place), PROBLEM, "does not know", "hero-kernel install")


class TestTheExtension:
    def test_it_does_not_load(self, place, hk, monkeypatch):
        broken = hk.folder / "path"
        (broken / "ipykernel").mkdir(parents=True)
        (broken / "ipykernel" / "__init__.py").write_text("raise ImportError('no zmq here')")
        monkeypatch.setenv("PYTHONPATH", f"{broken}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
        only(seen(jupyter.extension, place), PROBLEM, "no zmq here", "pip install")

    def test_another_package_of_its_name(self, place, hk, monkeypatch):
        other = hk.folder / "path" / "magics"
        other.mkdir(parents=True)
        (other / "__init__.py").touch()
        (other / "extension.py").touch()
        path = f"{other.parent}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
        monkeypatch.setenv("PYTHONPATH", path)
        only(seen(jupyter.extension, place), PROBLEM, other, "uninstall")

    def test_a_file_beside_the_notebook_in_its_place(self, place, hk):
        assert seen(jupyter.shadows, place) == {OK: [], WARNING: [], PROBLEM: []}
        (hk.folder / "magics.py").touch()
        only(seen(jupyter.shadows, place), WARNING, hk.folder / "magics.py", "rename")


class TestFolders:
    def test_of_jupyter(self, place, hk, monkeypatch):
        monkeypatch.setenv("JUPYTER_PATH", "/no/such/folder")
        only(seen(jupyter.folders, place), WARNING, "/no/such/folder")

    def test_a_runtime_folder_nobody_may_write(self, place, hk, monkeypatch, unprivileged):
        locked = hk.folder / "locked"
        locked.mkdir(mode=0o500)
        monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(locked / "runtime"))
        with unprivileged(locked):
            only(seen(jupyter.folders, place), PROBLEM, "no kernel can be started", locked)

    def test_a_home_nobody_may_write(self, place, hk, unprivileged):
        hk.home.chmod(0o500)
        with unprivileged(hk.home):
            only(seen(home.folder, place), PROBLEM, "may not be written", "HERO_HOME")
            none = replace(place, home=hk.home / "below")
            only(seen(home.folder, none), PROBLEM, "is not there, and", "HERO_HOME")
        hk.home.chmod(0o700)

    def test_a_home_that_is_a_file(self, place, hk):
        (hk.folder / "file").touch()
        only(seen(home.folder, replace(place, home=hk.folder / "file")), PROBLEM, "not a folder")

    def test_a_relative_home(self, place, hk):
        found = seen(home.folder, replace(place, environ={"HERO_HOME": "hero"}))
        only(found, WARNING, "HERO_HOME=hero", hk.home)

    def test_what_others_may_read_or_change(self, place, hk):
        assert "nobody else may read" in seen(home.contents, place)[OK][0].what
        (hk.home / "hero.db").chmod(0o644)
        only(seen(home.contents, place), WARNING, "may read 1 file", f"chmod -R go-rwx {hk.home}")
        hk.home.chmod(0o777)
        only(seen(home.contents, place), PROBLEM, "may change 1 file", hk.home)

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
    def test_somebody_elses_file(self, place, hk):
        os.chown(hk.home / "hero.db", 12345, -1)
        only(seen(home.contents, place), PROBLEM, "belong to another user", "chown -R 0")

    def test_what_killed_programs_left(self, place, hk):
        draft = hk.home / ".x.abc.tmp"
        draft.touch(mode=0o600)
        assert seen(home.contents, place)[WARNING] == []  # it is being written
        os.utime(draft, (time() - 7200,) * 2)
        only(seen(home.contents, place), WARNING, draft, "-delete")

    def test_a_write_that_was_cut_short(self, place, hk):
        """By a writer that is killed within its transaction, as SQLite leaves it."""
        code = (
            "import os, sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
            "c.execute('PRAGMA cache_size=1'); c.execute('PRAGMA synchronous=FULL')\n"
            "c.execute('BEGIN IMMEDIATE')\n"
            "for i in range(2000):\n"
            "    c.execute('INSERT INTO record VALUES (9, ?, ?)', (str(i), 'x' * 500))\n"
            "os._exit(9)"
        )
        subprocess.run([sys.executable, "-c", code, hk.home / "hero.db"], check=False)
        journal = hk.home / "hero.db-journal"
        assert seen(home.contents, place)[WARNING] == []  # it may be at work yet
        os.utime(journal, (time() - 60,) * 2)
        only(seen(home.contents, place), WARNING, "cut short", journal)
        hk("env", "set", "A=1")  # which undoes it
        assert seen(home.contents, place)[WARNING] == []

    def test_a_disk_without_room(self, place):
        assert seen(home.disk, place)[PROBLEM] == []
        only(seen(home.disk, replace(place, room=2**60)), PROBLEM, "MiB free", "make room")

    @pytest.mark.parametrize(
        ("line", "kind"),
        [
            ("server:/home {home} nfs4 rw,relatime 0 0", "nfs4"),
            ("//server/share {home} cifs rw 0 0", "cifs"),
            ("ann@host: {home} fuse.sshfs rw 0 0", "fuse.sshfs"),
            ("//ann@server/share on {home} (smbfs, nodev, nosuid)", "smbfs"),
            ("server:/x on {home} (nfs, asynchronous)", "nfs"),
        ],
    )
    def test_a_disk_of_another_machine(self, place, hk, line, kind):
        table = f"/dev/sda / ext4 rw 0 0\n{line.format(home=hk.home)}\n"
        only(seen(home.disk, replace(place, mounts=table)), PROBLEM, kind, "HERO_REDIS_URL")
        shared = replace(place, mounts=table, redis_url="redis://x")
        only(seen(home.disk, shared), WARNING, kind)
        near = table.replace(str(hk.home), f"{hk.home}2")
        assert "on ext4" in seen(home.disk, replace(place, mounts=near))[OK][0].what

    def test_a_disk_that_is_read_only(self, place, hk):
        table = f"/dev/sdb {hk.home.as_posix()} ext4 ro,relatime 0 0"
        only(seen(home.disk, replace(place, mounts=table)), PROBLEM, "read-only")

    def test_a_mount_with_blanks_and_the_real_table(self):
        found = home.mounted(Path("/a b/c"), "x / ext4 rw 0 0\ny /a\\040b xfs rw 0 0")
        assert (found.point, found.kind) == ("/a b", "xfs")
        assert home.mounted(Path("/"), doctor.place().mounts) is not None


class TestRecords:
    def test_they_can_be_read(self, place):
        assert seen(records.store, place)[OK]
        assert "2 contexts and sessions read" in seen(records.records, place)[OK][0].what

    def test_a_store_that_is_none(self, place, hk):
        (hk.home / "hero.db").write_bytes(b"no database" * 100)
        only(seen(records.store, place), PROBLEM, "hero.db")
        assert seen(records.records, place)[PROBLEM] == []  # told once

    def test_a_record_that_cannot_be_read(self, place, hk):
        hk.workspace.store.put(0, "sessions:config:bad", "{")
        found = only(seen(records.records, place), PROBLEM, "sessions:config:bad")
        assert "database 0" in found.what

    def test_a_renaming_that_was_cut_short(self, place, hk):
        def mark(text):
            return json.dumps(json.loads(text) | {"renamed_to": "other"})

        hk.workspace.store.update(0, "sessions:config:intro", mark)
        only(seen(records.records, place), WARNING, "renaming was cut short", "intro")
        hk.workspace.session_get("intro")
        assert seen(records.records, place)[WARNING] == []

    def test_a_keyring_that_is_damaged_or_held(self, place, hk):
        file = hk.folder / "secret"
        file.write_text("a long secret")
        file.chmod(0o600)
        hk("secret", "new", "--file", str(file))
        assert "in order" in seen(records.keyrings, place)[OK][0].what
        path = hk.home / "db" / "0" / LOCK
        code = (
            "import fcntl, sys, time; f = open(sys.argv[1]); fcntl.flock(f, fcntl.LOCK_EX);"
            "print('held', flush=True); time.sleep(60)"
        )
        with subprocess.Popen(
            [sys.executable, "-c", code, path], stdout=subprocess.PIPE, text=True
        ) as holder:
            assert holder.stdout.readline() == "held\n"
            only(seen(records.keyrings, place), WARNING, f"held by process {holder.pid}")
            holder.kill()
        keyring = hk.home / "db" / "0" / "keyring.json"
        keyring.write_text(keyring.read_text().replace("a", "b"))
        only(seen(records.keyrings, place), PROBLEM, "keyring")

    def test_secrets_in_the_environment(self, place, hk):
        given = replace(place, environ={"HERO_SECRET": "canary-1234"})
        found = only(seen(records.handed, given), WARNING, "HERO_SECRET", "HERO_SECRET_FILE")
        assert "canary" not in found.what + found.todo
        file = hk.folder / "secret"
        file.write_text("x" * 20)
        file.chmod(0o644)
        given = replace(place, environ={"HERO_SECRET_FILE": str(file)})
        only(seen(records.handed, given), PROBLEM, "0644", "chmod 600")
        file.chmod(0o600)
        assert seen(records.handed, given)[OK]
        gone = replace(place, environ={"HERO_SECRET_FILE": "/none"})
        only(seen(records.handed, gone), PROBLEM, "/none")


class TestRedis:
    @pytest.fixture
    def server(self):
        require_redis()
        servers = []

        def start(*options):
            servers.append(RedisServer(*options))
            return servers[-1]

        yield start
        for one in servers:
            one.stop()

    def test_in_order(self, place, server):
        one = server("--appendonly", "yes")
        found = seen(records.store, replace(place, redis_url=one.url))
        assert "answers, and has 16 databases" in found[OK][0].what
        assert found[WARNING] == found[PROBLEM] == []

    def test_not_there(self, place):
        gone = replace(place, redis_url="redis://127.0.0.1:1")
        only(seen(records.store, gone), PROBLEM, "127.0.0.1:1 does not answer", "start it")
        assert not any(seen(records.records, gone).values())
        assert not any(seen(records.keyrings, gone).values())

    def test_a_wrong_password_and_an_address_that_is_none(self, place, server):
        one = server("--requirepass", "right-one")
        wrong = one.url.replace("unix://", "unix://:wrong-one@")
        found = only(seen(records.store, replace(place, redis_url=wrong)), PROBLEM, "password")
        assert "wrong-one" not in found.what + found.todo
        only(seen(records.store, replace(place, redis_url="http://x")), PROBLEM, "no address")

    def test_what_may_be_lost(self, place, server):
        one = server("--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru")
        found = seen(records.store, replace(place, redis_url=one.url))
        assert "appendonly yes" in found[WARNING][0].todo
        assert "allkeys-lru" in found[PROBLEM][0].what

    def test_few_databases(self, place, server):
        one = server("--databases", "2", "--appendonly", "yes")
        hero.open_workspace(place.home, one.url, default=False).context_new("shop")
        only(seen(records.store, replace(place, redis_url=one.url)), WARNING, "nearly all")

    def test_clocks_apart(self, place, server, monkeypatch):
        one = server("--appendonly", "yes")
        monkeypatch.setattr(records, "time", lambda: time() + 90)
        only(seen(records.store, replace(place, redis_url=one.url)), WARNING, "90 s apart", "NTP")

    def test_through_the_command(self, hk):
        said = hk("doctor", "--json", status=1, HERO_REDIS_URL="redis://127.0.0.1:1").json
        assert [one for one in said["findings"] if "does not answer" in one["what"]]


class TestPackages:
    def distribution(self, folder, name, version, *lines):
        info = folder / f"{name}-{version}.dist-info"
        info.mkdir(parents=True)
        head = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        (info / "METADATA").write_text(head + "".join(f"{line}\n" for line in lines))

    @pytest.fixture
    def older(self, hk, monkeypatch):
        """Where an installation is found before the real ones."""
        folder = hk.folder / "path"
        folder.mkdir()
        monkeypatch.syspath_prepend(folder)
        return folder

    def test_too_old(self, place, older):
        self.distribution(older, "redis", "4.1")
        only(seen(packages.packages, place), PROBLEM, "redis is 4.1", "pip install 'redis>=5.2'")

    def test_not_there(self, place, older):
        more = ["Requires-Dist: no-such-thing>=2", "Requires-Dist: no-extra; extra == 'run'"]
        self.distribution(older, "hero_kernel", "9.0", *more)
        found = seen(packages.packages, place)
        assert [one.todo for one in found[PROBLEM]] == ["pip install 'no-such-thing>=2'"]
        assert "no-extra is not installed" in found[WARNING][0].what
        assert "hero-kernel[run]" in found[WARNING][0].todo

    def test_git_is_gone_or_broken_or_old(self, place, hk, monkeypatch):
        assert seen(packages.git, place)[OK]
        folder = hk.folder / "bin"
        folder.mkdir()
        monkeypatch.setenv("PATH", str(folder))
        only(seen(packages.git, place), WARNING, "not installed")
        program = folder / "git"
        program.write_text("#!/bin/sh\necho git version 2.11.0\n")
        program.chmod(0o755)
        only(seen(packages.git, place), WARNING, "2.11.0", "2.23")
        program.write_text("#!/bin/sh\nexit 3\n")
        only(seen(packages.git, place), WARNING, "does not work")


@pytest.fixture
def unprivileged():
    """A block in which root is nobody: modes mean something there, and the folder is nobody's."""

    @contextmanager
    def block(folder):
        if os.geteuid() != 0:
            yield
            return
        above = [path for path in folder.parents if path.stat().st_mode & 0o005 != 0o005]
        modes = {path: path.stat().st_mode for path in above if path.stat().st_uid == 0}
        for path, mode in modes.items():
            path.chmod(mode | 0o055)
        os.chown(folder, 65534, -1)
        access = os.access
        try:
            os.seteuid(65534)
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(
                    os, "access", lambda path, mode: access(path, mode, effective_ids=True)
                )
                yield
        finally:
            os.seteuid(0)
            for path, mode in modes.items():
                path.chmod(mode)

    return block
