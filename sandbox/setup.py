"""What ``pyproject.toml`` beside it cannot say: which modules of ``sandbox`` belong to another distribution."""

from __future__ import annotations

from setuptools import setup
from setuptools.command.build_py import build_py

NOT_INCLUDED = ("demo", "demo_processes", "setup")
"""The demo starts the bot of the repository, which this distribution does not have."""


class Modules(build_py):
    """Builds every module but those."""

    def find_package_modules(self, package: str, package_dir: str) -> list[tuple[str, str, str]]:
        """The modules of a package as (package, module, file)."""
        found: list[tuple[str, str, str]] = super().find_package_modules(package, package_dir)
        return [one for one in found if (one[0], one[1]) not in {("sandbox", name) for name in NOT_INCLUDED}]


setup(cmdclass={"build_py": Modules})
