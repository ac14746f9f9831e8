"""What herolib calls `gittools`: repositories below the code root."""

from hero_kernel.functions import git_path as path

__all__ = ["path"]
