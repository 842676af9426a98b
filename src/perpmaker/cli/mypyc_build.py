"""Builds modules with mypyc: a program of its own, since mypyc, setuptools and the C compiler print and exit at will.

Run: ``python -P mypyc_build.py GROUP OUT MODULE.py...`` in a folder that holds the sources as packages. The result lies
in ``OUT``: an extension module per source, and one that holds the code of all of them, named after the group.
Imports nothing of this project.
"""

import sys
from typing import Final

from mypyc.build import mypycify
from setuptools import Distribution

_MYPY: Final = ("--strict", "--config-file=", "--cache-dir=mypy-cache")


def build(group: str, out: str, files: list[str]) -> None:
    """Type-check, translate to C, compile. Ends the process with a message where one of these fails."""
    extensions = mypycify([*_MYPY, *files], group_name=group, target_dir="c", opt_level="3", debug_level="0")
    distribution = Distribution({"name": group, "ext_modules": extensions})
    command = distribution.get_command_obj("build_ext")
    command.build_lib, command.build_temp = out, "objects"
    distribution.run_command("build_ext")


if __name__ == "__main__":
    build(sys.argv[1], sys.argv[2], sys.argv[3:])
