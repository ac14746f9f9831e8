"""Config files of a context in a test's own folder, with keys to seal with."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from hero_kernel import crypto
from hero_kernel.config_files import ConfigFiles
from hero_kernel.errors import SecretChangedError

USER = Path("/home/hero")


@dataclass
class Keys:
    """A cipher: real envelopes under keys that lie open."""

    deks: dict[bytes, crypto.Key] = field(default_factory=dict)
    kid: bytes = b""

    def __post_init__(self) -> None:
        self.rotate()

    def rotate(self) -> None:
        self.kid = crypto.new_kid()
        self.deks[self.kid] = crypto.new_key()

    def knows(self, kid: bytes) -> bool:
        return kid in self.deks

    def seal(self, db: str, key: str, plain: bytes, kid: bytes) -> bytes:
        return crypto.Subkey(self.deks[kid], kid, "ring", db).seal(key, plain)

    def open(self, db: str, key: str, envelope: bytes) -> bytes:
        kid = crypto.kid_of(db, key, envelope)
        if kid not in self.deks:
            raise SecretChangedError("the secret was changed", hint="unlock again")
        return crypto.Subkey(self.deks[kid], kid, "ring", db).open(key, envelope)


def config_files(root: Path, **options: object) -> ConfigFiles:
    return replace(ConfigFiles(root, root / "context" / "my", USER), **options)


@dataclass
class Here:
    """Config files, and what was said to be secret."""

    configs: ConfigFiles
    keys: Keys
    heard: list[str]

    @property
    def folder(self) -> Path:
        return self.configs.folder

    def plant(self, raw: bytes, category: str = "a", name: str = "b") -> Path:
        """Put a file there as another program would."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{category}__{name}.yaml"
        path.write_bytes(raw)
        return path
