"""Addresses of repositories, as people copy them from a browser or a terminal.

The forms are herolib's (`gitlocation.v`): `https://`, `ssh://`, `git@host:account/name`, or no
scheme at all; behind the repository `tree/`, `blob/`, `src/branch/`, `src/tag/`, `refs/heads/`
with a branch and a path, and an anchor. Nothing here starts git, and only `file://` looks at
the disk.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NoReturn
from urllib.parse import quote, unquote

from hero_kernel.errors import GitAddressError

MAX_LENGTH = 2048
"""Characters of an address; browsers make no longer ones."""

Kind = Literal["https", "ssh", "file"]
RefKind = Literal["any", "branch", "tag", "commit"]

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(.*)", re.DOTALL)
_HELPER = re.compile(r"[A-Za-z0-9+.-]+::")
_SCP = re.compile(r"(?:([^@/:]+)@)?([^@/:]+):(?!/)(.*)", re.DOTALL)
_HOST = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*")
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}")
_PART = re.compile(r"[A-Za-z0-9_.~+][A-Za-z0-9_.~+-]{0,99}")
_REF = re.compile(r"(?!-)[^\x00-\x20\x7f~^:?*\[\\]+")
_USER_INFO = re.compile(r"(?<=://)\S*@|[^/@:\s]+:(?!//)[^@\s]*@")
_TOKEN = re.compile(r"(?i)((?:token|password|secret|key)=)[^&\s'\"]+")
_QUERY = re.compile(r"(?:(?:plain|tab|ref_type)=[A-Za-z0-9_-]*&?)*")
_LOCAL = ("/", "./", "../", "~", ".\\", "..\\", "\\")

_REF_FORMS: tuple[tuple[tuple[str, ...], RefKind], ...] = (
    (("src", "branch"), "branch"),
    (("src", "tag"), "tag"),
    (("src", "commit"), "commit"),
    (("tree", "refs", "heads"), "branch"),
    (("tree", "refs", "tags"), "tag"),
    (("blob", "refs", "heads"), "branch"),
    (("blob", "refs", "tags"), "tag"),
    (("refs", "heads"), "branch"),
    (("refs", "tags"), "tag"),
    (("tree",), "any"),
    (("blob",), "any"),
    (("raw",), "any"),
    (("commit",), "commit"),
)
"""What stands between a repository and a branch: Gitea's forms, then GitHub's and GitLab's."""


@dataclass(frozen=True, slots=True)
class Address:
    """A repository, and what in it is meant.

    Attributes:
        kind: How it is reached.
        host: In lower case; empty for a local one.
        account: Who has it; `group/subgroup` where a host has those.
        name: Without `.git`.
        port: None for the kind's own.
        user: Who logs in over ssh.
        local: The folder of a local one; else empty.
        tail: What stands behind the repository: a path, or with a `ref_kind` a branch, tag or
            commit and a path. Only the repository knows where the one ends and the other begins.
        ref_kind: What the tail begins with; None when it is a path.
        anchor: What stands behind `#`.
        dot_git: Whether `.git` was written; some servers insist on it.
    """

    kind: Kind
    host: str
    account: str
    name: str
    port: int | None = None
    user: str = "git"
    local: str = ""
    tail: str = ""
    ref_kind: RefKind | None = None
    anchor: str = ""
    dot_git: bool = field(default=False, compare=False)

    @property
    def provider(self) -> str:
        """The host, `github` for github.com; with a port behind it when it has one."""
        if self.kind == "file":
            return "localhost"
        host = "github" if self.host == "github.com" else self.host
        return host if self.port is None else f"{host}:{self.port}"

    @property
    def branch(self) -> str:
        """The branch, tag or commit, taken to have no `/` in it; empty for the default."""
        return "" if self.ref_kind is None else self.tail.partition("/")[0]

    @property
    def path(self) -> str:
        """The path in the repository, by the same token; see `tail`."""
        return self.tail if self.ref_kind is None else self.tail.partition("/")[2]

    @property
    def folder(self) -> str:
        """Where its clone lies below the code root."""
        return f"{self.provider.replace(':', '_')}/{self.account}/{self.name}"

    @property
    def origin(self) -> str:
        """The repository in one spelling: what permissions and messages call it."""
        spelt = self._spelt(self.kind)
        return spelt if self.kind == "file" else spelt.removesuffix(".git")

    def url(self, kind: Kind | None = None) -> str:
        """What git is given: `https://…` or `ssh://…`, as written or as asked for."""
        return self._spelt(kind or self.kind)

    def _spelt(self, kind: Kind) -> str:
        if self.kind == "file":
            return "file://" + quote(self.local, safe="/~+@,=")
        login = f"{self.user}@" if kind == "ssh" else ""
        port = f":{self.port}" if self.port is not None and kind == self.kind else ""
        suffix = ".git" if self.dot_git else ""
        return f"{kind}://{login}{self.host}{port}/{self.account}/{self.name}{suffix}"

    def is_same_repository(self, other: Address) -> bool:
        """Whether both mean one repository, over https or ssh."""
        same_port = self.kind != other.kind or self.port == other.port
        mine = (self.host, self.account, self.name, self.local)
        return same_port and mine == (other.host, other.account, other.name, other.local)

    def __str__(self) -> str:
        return self.origin


def address(text: str, *, local: bool = False) -> Address:
    """Read an address.

    `http://` without a port is taken for `https://`; a user's name is taken over ssh only.

    Args:
        text: As copied, with or without a scheme.
        local: Whether `file://` is accepted: what the user wrote may name a repository of the
            disk, what came from elsewhere may not.

    Raises:
        GitAddressError: It is none, or one that is not fetched from: another protocol, an
            option of git, a password in it, a path that leads out of the repository.
    """
    text = text.strip(" ")
    _check_characters(text)
    scheme = _SCHEME.fullmatch(text)
    if scheme is not None:
        return _with_scheme(text, scheme[1].lower(), scheme[2], local=local)
    if text.startswith("-") or _HELPER.match(text):
        _refuse(text, "is not fetched from", "write https://host/account/name")
    if text.startswith(_LOCAL):
        _refuse(text, "is a path", "write file:///… for a repository of this disk")
    scp = _SCP.fullmatch(text)
    if scp is not None:
        return _scp(text, scp[1] or "", scp[2], scp[3])
    if text.partition("/")[0].count("@") == 1:  # git@host/account/name
        return _remote(text, "ssh", text)
    if "." not in text.partition("/")[0]:
        _refuse(text, "names no host", "write https://host/account/name")
    return _remote(text, "https", text)


def _with_scheme(text: str, scheme: str, rest: str, *, local: bool) -> Address:
    if scheme == "file":
        if not local:
            _refuse(text, "is a repository of this disk", "only the user's own cell may name one")
        return _file(text, rest)
    if scheme == "http":
        if ":" in rest.partition("/")[0].rpartition("@")[2]:
            _refuse(text, "is not encrypted", "use https:// or ssh://")
        scheme = "https"
    if scheme == "git":
        _refuse(text, "is not encrypted", "use https:// or ssh://")
    if scheme not in ("https", "ssh"):
        _refuse(text, "is not fetched from", "use https:// or ssh://")
    return _remote(text, "https" if scheme == "https" else "ssh", rest)


def _scp(text: str, user: str, host: str, rest: str) -> Address:
    if not user and "." not in host:
        _refuse(text, "names no host", "write https://host/account/name")
    first = rest.partition("/")[0]
    if first.isdecimal() and not user:  # host:3000/account/name, a browser's without its scheme
        return _remote(text, "https", f"{host}:{rest}")
    if first.isdecimal() and rest.count("/") > 1:
        _refuse(text, "may mean a port or an account", f"write ssh://{user}@{host}:{rest}")
    return _remote(text, "ssh", f"{user or 'git'}@{host}/{rest}")


def _remote(text: str, kind: Kind, rest: str) -> Address:
    """Read `[user@]host[:port]/account/name…`."""
    rest, _, anchor = rest.partition("#")
    rest, _, query = rest.partition("?")
    if _QUERY.fullmatch(query) is None:
        _refuse(text, "has a query", "leave out what stands behind the ?")
    authority, _, tail = rest.partition("/")
    user, at, host = authority.rpartition("@")
    if at and (kind == "https" or not _USER.fullmatch(user)):
        _refuse(text, "has a user or a password in it", "let git's credential helper know them")
    host, colon, digits = host.partition(":")
    host = host.lower()
    if _HOST.fullmatch(host) is None or len(host) > 253:  # noqa: PLR2004  # of the domain system
        _refuse(text, "names no host", "write https://host/account/name")
    port = _port(text, digits) if colon else None
    if port == {"https": 443, "ssh": 22}[kind]:
        port = None
    account, name, dot_git, behind = _repository(text, host, tail)
    tail, ref_kind = _tail(text, host, behind)
    return Address(
        kind, host, account, name, port, user or "git", "", tail, ref_kind, anchor, dot_git
    )


def _port(text: str, digits: str) -> int:
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= 5):  # noqa: PLR2004
        _refuse(text, "has a port that is no number", "write host:3000")
    number = int(digits)
    if not 0 < number < 65536:  # noqa: PLR2004  # a port's range
        _refuse(text, "has a port beyond 65535", "write host:3000")
    return number


def _repository(text: str, host: str, tail: str) -> tuple[str, str, bool, list[str]]:
    """Account, name, whether `.git` was written, and the parts behind."""
    parts = [part for part in tail.split("/") if part]
    end = 2
    for number, part in enumerate(parts):
        if number and (part == "-" or part.endswith(".git")):  # GitLab's mark of the end, or git's
            end = number if part == "-" else number + 1
            break
    if len(parts) < 2 or end < 2:  # noqa: PLR2004  # account and name
        _refuse(text, "names no repository", f"write https://{host}/account/name")
    own, behind = parts[:end], parts[end:]
    if behind[:1] == ["-"]:
        behind = behind[1:]
    dot_git = own[-1].endswith(".git")
    own[-1] = own[-1].removesuffix(".git")
    for part in own:
        if part in ("", ".", "..") or part.lower() == ".git" or not _PART.fullmatch(part):
            _refuse(text, f"has {part!r} for an account or a name", "write letters and digits")
    return "/".join(own[:-1]), own[-1], dot_git, behind


def _tail(text: str, host: str, parts: list[str]) -> tuple[str, RefKind | None]:
    """What is meant in the repository: a path, or a ref with a path."""
    ref_kind: RefKind | None = None
    for form, kind in _REF_FORMS:
        if tuple(parts[: len(form)]) == form:
            parts, ref_kind = parts[len(form) :], kind
            break
    else:
        if host == "bitbucket.org" and parts[:1] == ["src"]:
            parts, ref_kind = parts[1:], "any"
    if ref_kind is not None and not parts:
        _refuse(text, "names no branch", "write the branch behind it")
    parts = [part for part in "/".join(unquote(part) for part in parts).split("/") if part]
    for part in parts:
        _check_characters(part)
        if part in (".", "..") or part.lower() == ".git":
            _refuse(text, "leads out of the repository", "write the path without .. and .git")
    if ref_kind is not None:
        check_ref(parts[0])
    return "/".join(parts), ref_kind


def _file(text: str, rest: str) -> Address:
    """Read the address of a repository of this disk; it ends where one is, or at `.git`."""
    rest, _, anchor = rest.partition("#")
    host, _, path = rest.partition("/")
    if host not in ("", "localhost"):
        _refuse(text, "names another computer", "write file:///path")
    path = unquote(path)
    _check_characters(path)
    parts = [part for part in path.split("/") if part]
    if any(part in (".", "..") for part in parts):
        _refuse(text, "has . or .. in it", "write the path in full")
    end = _local_end(parts)
    if end < 2:  # noqa: PLR2004  # account and name
        _refuse(text, "names no repository", "write file:///folder/account/name.git")
    name = parts[end - 1].removesuffix(".git")
    if not name or name.startswith("-"):
        _refuse(text, "names no repository", "write file:///folder/account/name.git")
    account, name = (re.sub(r"[^A-Za-z0-9_.~+-]", "_", part) for part in (parts[end - 2], name))
    tail, ref_kind = _tail(text, "", parts[end:])
    return Address(
        "file",
        "",
        account,
        name,
        local="/" + "/".join(parts[:end]),
        tail=tail,
        ref_kind=ref_kind,
        anchor=anchor,
    )


def _local_end(parts: list[str]) -> int:
    """How many of the parts lead to the repository."""
    for end in range(len(parts), 0, -1):
        if is_repository(Path("/", *parts[:end])):
            return end
    ends = (number for number, part in enumerate(parts, 1) if part.endswith(".git"))
    return next(ends, len(parts))


def is_repository(path: Path) -> bool:
    """Whether a working tree or a bare repository is at the path."""
    try:
        if (path / ".git").exists():
            return True
        return (path / "HEAD").is_file() and (path / "objects").is_dir()
    except OSError:
        return False


def check_ref(name: str) -> str:
    """The name of a branch, a tag or a commit, as git spells them; it cannot be an option.

    Raises:
        GitAddressError: It is none; the rules are those of `git check-ref-format`.
    """
    bad = (
        _REF.fullmatch(name) is None
        or ".." in name
        or "//" in name
        or "@{" in name
        or name.startswith(("/", "."))
        or name.endswith(("/", ".", ".lock"))
        or "/." in name
        or name in ("@", "HEAD")
    )
    if bad:
        raise GitAddressError(
            f"{_shown(name)} cannot name a branch or a tag", hint="letters, digits, / . _ and -"
        )
    return name


def without_credentials(text: str) -> str:
    """The text with user and password cut out of each address in it; `git@` may stay."""
    text = _USER_INFO.sub(lambda match: match[0] if match[0] == "git@" else "…@", text)
    return _TOKEN.sub(r"\1…", text)


def _check_characters(text: str) -> None:
    if not text:
        raise GitAddressError("the address is empty", hint="write https://host/account/name")
    if len(text) > MAX_LENGTH:
        raise GitAddressError(
            f"the address has {len(text)} characters", hint=f"at most {MAX_LENGTH} are allowed"
        )
    if not text.isprintable() or "\\" in text:
        _refuse(text, "holds a control character or a \\", "copy the address again")


def _refuse(text: str, message: str, hint: str) -> NoReturn:
    raise GitAddressError(f"{_shown(text)} {message}", hint=without_credentials(hint))


def _shown(text: str) -> str:
    """As much of an address as a message has room for, without what may be secret in it."""
    shown = without_credentials(text).partition("?")[0]
    return repr(shown if len(shown) <= _SHOWN else shown[:_SHOWN] + "…")


_SHOWN = 100
