"""Git as it is started: its arguments, its environment, its end."""

from __future__ import annotations

import _thread
import os
import threading
import time
from pathlib import Path

import pytest
from git_repos import fake_git

from hero_kernel import git
from hero_kernel.errors import GitError
from hero_kernel.git import command

ENVIRON = """#!{python}
import json, os, sys
print(json.dumps([sys.argv[1:], dict(os.environ), os.getpgrp() == os.getpid(), sys.stdin.read()]))
"""


def script(folder: Path, text: str) -> git.Git:
    """A program called git, and how to call it."""
    fake_git(folder)
    (folder / "git").write_text(text)
    return git.Git({"PATH": f"{folder}:{os.environ['PATH']}"})


def test_how_git_is_started(tmp_path: Path) -> None:
    import json  # noqa: PLC0415  # of this test only
    import sys  # noqa: PLC0415

    using = script(tmp_path / "bin", ENVIRON.format(python=sys.executable))
    environ = using.environ | {
        "HOME": "/home/me",
        "SSH_AUTH_SOCK": "/run/agent",
        "GIT_DIR": "/elsewhere",
        "GIT_WORK_TREE": "/elsewhere",
        "GIT_EXTERNAL_DIFF": "touch pwned",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "core.hooksPath",
        "GIT_SSH_COMMAND": "ssh -v",
        "GIT_ASKPASS": "ask",
        "GIT_AUTHOR_NAME": "Ann",
        "HERO_SECRET_DEFAULT": "hunter2",
        "LC_ALL": "de_DE.UTF-8",
    }
    said = git.run(["status", "--", "$(touch X); `touch X`"], tmp_path, using=git.Git(environ))
    argv, env, leads, asked = json.loads(said)
    assert argv[-3:] == ["status", "--", "$(touch X); `touch X`"]
    settings = {argv[n + 1] for n, one in enumerate(argv) if one == "-c"}
    assert {
        "core.hooksPath=/dev/null", "core.fsmonitor=false", "protocol.ext.allow=never",
    } <= settings  # fmt: skip
    assert env["GIT_ALLOW_PROTOCOL"] == "https:ssh"
    assert (env["GIT_TERMINAL_PROMPT"], env["GIT_ASKPASS"], env["LC_ALL"]) == ("0", "", "C")
    assert env["GIT_CEILING_DIRECTORIES"] == str(tmp_path.parent)
    assert (env["HOME"], env["SSH_AUTH_SOCK"]) == ("/home/me", "/run/agent")
    assert (env["GIT_SSH_COMMAND"], env["GIT_AUTHOR_NAME"]) == ("ssh -v", "Ann")
    assert not {"GIT_DIR", "GIT_WORK_TREE", "GIT_EXTERNAL_DIFF", "GIT_CONFIG_COUNT"} & set(env)
    assert "hunter2" not in said
    assert leads
    assert asked == ""
    assert not list(tmp_path.glob("**/X"))


def test_a_key_for_ssh(tmp_path: Path) -> None:
    using = script(tmp_path / "bin", "#!/bin/sh\necho $GIT_SSH_COMMAND\n")
    said = git.run(["x"], tmp_path, using=git.Git(using.environ, ssh_key="/home/me/.ssh/key"))
    assert said == "ssh -o IdentitiesOnly=yes -i /home/me/.ssh/key\n"
    for bad in ("/a b", "$(touch X)", "-oProxyCommand=x", "/a;b", ""):
        if bad:
            with pytest.raises(GitError, match="path of the key"):
                git.run(["x"], tmp_path, using=git.Git(using.environ, ssh_key=bad))


def test_git_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    with pytest.raises(GitError) as caught:
        git.run(["status"], tmp_path, using=git.Git({"PATH": str(tmp_path / "bin")}))
    assert str(caught.value) == "git is not installed; apt install git"


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(GitError, match="there is no folder"):
        git.run(["status"], tmp_path / "no", using=git.Git(os.environ))


def test_a_repository_above_is_not_found(tmp_path: Path) -> None:
    git.run(["init", "--quiet"], tmp_path, using=git.Git(os.environ))
    (tmp_path / "inner").mkdir()
    with pytest.raises(GitError, match="not a git repository"):
        git.run(["status"], tmp_path / "inner", using=git.Git(os.environ))


@pytest.mark.parametrize(
    ("said", "message", "hint"),
    [
        (
            "remote: Repository not found.\nfatal: repository 'https://u:hunter2@h/a/b' not found",
            "git fetch: repository 'https://…@h/a/b' not found",
            "check the address",
        ),
        (
            "Cloning into 'x'...\nfatal: could not read Username: terminal prompts disabled",
            "git fetch: could not read Username: terminal prompts disabled",
            "private",
        ),
        ("\x1b]0;t\x07 no route to host", "git fetch: ]0;t no route to host", ""),
        ("", "git fetch: it ended with status 3", ""),
    ],
)
def test_what_it_says_when_it_fails(tmp_path: Path, said: str, message: str, hint: str) -> None:
    (tmp_path / "said").write_text(said)
    using = script(tmp_path / "bin", f"#!/bin/sh\ncat {tmp_path}/said >&2\nexit 3\n")
    with pytest.raises(GitError) as caught:
        git.run(["fetch"], tmp_path, using=using)
    assert caught.value.message == message
    assert hint in caught.value.hint
    assert "hunter2" not in str(caught.value)


SLOW = """#!/bin/sh
sh -c 'echo $$ > {folder}/child; exec sleep 60' &
echo $$ > {folder}/parent
sleep 60
"""


def lives(record: Path) -> bool:
    """Whether the process whose number stands in a file lives."""
    try:
        os.kill(int(record.read_text()), 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{record.read_text().strip()}/stat")
    return not state.exists() or state.read_text().rpartition(")")[2].split()[0] != "Z"


def wait_for(record: Path) -> None:
    deadline = time.monotonic() + 10
    while not (record.exists() and record.read_text().strip()):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def gone(*records: Path) -> bool:
    deadline = time.monotonic() + 5
    while any(lives(record) for record in records) and time.monotonic() < deadline:
        time.sleep(0.01)
    return not any(lives(record) for record in records)


def test_too_slow_a_git_is_ended_with_its_children(tmp_path: Path) -> None:
    using = script(tmp_path / "bin", SLOW.format(folder=tmp_path))
    begun = time.monotonic()
    with pytest.raises(GitError, match=r"git fetch took longer than 0\.5 seconds"):
        git.run(["fetch"], tmp_path, using=git.Git(using.environ, timeout_s=0.5))
    assert time.monotonic() - begun < 4
    assert gone(tmp_path / "child", tmp_path / "parent")


def test_ctrl_c_ends_git_and_its_children(tmp_path: Path) -> None:
    using = script(tmp_path / "bin", SLOW.format(folder=tmp_path))

    def interrupt() -> None:
        wait_for(tmp_path / "child")
        wait_for(tmp_path / "parent")
        _thread.interrupt_main()

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        git.run(["fetch"], tmp_path, using=using)
    thread.join()
    assert gone(tmp_path / "child", tmp_path / "parent")


def test_a_helper_that_lives_on_is_not_waited_for(tmp_path: Path) -> None:
    text = f"#!/bin/sh\nsh -c 'echo $$ > {tmp_path}/child; exec sleep 60' &\necho done\n"
    using = script(tmp_path / "bin", text)
    begun = time.monotonic()
    assert git.run(["fetch"], tmp_path, using=using) == "done\n"
    assert time.monotonic() - begun < 5
    wait_for(tmp_path / "child")
    os.kill(int((tmp_path / "child").read_text()), 9)


def test_too_much_comes_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "MAX_FETCHED", 1 << 20)
    grown = tmp_path / "grown"
    grown.mkdir()
    (grown / "before").write_bytes(b"x" * (2 << 20))  # what was there does not count
    loop = "while true; do head -c 100000 /dev/zero >> grown/pack; done"
    using = script(tmp_path / "bin", f"#!/bin/sh\necho $$ > parent\n{loop}\n")
    with pytest.raises(GitError, match="more than 1 MiB come in"):
        git.run(["fetch"], tmp_path, using=using, growing=grown)
    assert gone(tmp_path / "parent")
    using = script(tmp_path / "quick", "#!/bin/sh\nhead -c 2000000 /dev/zero > grown/pack\n")
    (grown / "pack").unlink()
    with pytest.raises(GitError, match="more than 1 MiB come in"):
        git.run(["fetch"], tmp_path, using=using, growing=grown)


def test_more_is_said_than_can_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "_MAX_OUTPUT", 1 << 20)
    using = script(tmp_path / "bin", "#!/bin/sh\nexec cat /dev/zero\n")
    with pytest.raises(GitError, match="says more than can be read"):
        git.run(["log"], tmp_path, using=using)


def test_progress_is_told_as_it_comes(tmp_path: Path) -> None:
    said = (
        "Cloning into x...\\nremote: Counting objects: 50% (1/2)\\r"
        "remote: Counting objects: 100% (2/2), done.\\n"
        "Receiving objects:  50% (1/2), 1 MiB | 2 MiB/s\\rResolving deltas: 100% (9/9)\\n"
        "Updating files: 100% (3/3)"
    )
    using = script(tmp_path / "bin", f"#!/bin/sh\nprintf '{said.replace('%', '%%')}' >&2\n")
    heard: list[tuple[str, float | None]] = []
    told = git.Git(using.environ, on_progress=lambda *one: heard.append(one))
    git.run(["clone"], tmp_path, using=told)
    assert [message for message, _ in heard] == [
        "counting objects 1/2", "counting objects 2/2", "receiving objects 1/2",
        "resolving deltas 9/9", "updating files 3/3",
    ]  # fmt: skip
    fractions = [fraction for _, fraction in heard]
    assert fractions == sorted(f for f in fractions if f is not None)
    assert fractions[-1] == 1.0


@pytest.mark.parametrize(
    ("said", "offline"), [("", False), ("0", False), ("1", True), ("true", True)]
)
def test_offline_is_said_by_the_environment(said: str, offline: bool) -> None:
    assert git.calling({"OFFLINE": said}).offline is offline
    assert git.calling({}, offline=True).offline


def test_the_environment_is_not_shown() -> None:
    assert "hunter2" not in repr(git.Git({"TOKEN": "hunter2"}))
