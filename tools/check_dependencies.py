"""Each member imports only what it declares (deptry), and the lock satisfies every declaration.

All members share one environment, so only these two checks notice an undeclared or outdated requirement.
"""

from __future__ import annotations

import subprocess
import sys
import tomllib

from bootstrap import MEMBERS, ROOT
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

# Package name -> module name, where they differ and deptry cannot tell.
MODULES = "fastexcel=fastexcel,charset-normalizer=charset_normalizer,pydantic-settings=pydantic_settings"
# Used without an import in the code: loaded by URL or by the framework.
INDIRECT = {"api": "aiosqlite,uvicorn"}


def undeclared(member: str) -> int:
    ignored = INDIRECT.get(member, "")
    arguments = [
        "--package-module-name-map",
        MODULES,
        *(["--per-rule-ignores", "DEP002=" + ignored.replace(",", "|")] if ignored else []),
    ]
    command = [sys.executable, "-m", "deptry", "src", "--no-ansi", *arguments]
    return subprocess.run(command, cwd=ROOT / member, check=False).returncode


def pins(name: str) -> dict[str, str]:
    lines = (ROOT / "requirements" / f"{name}.txt").read_text().splitlines()
    pairs = (
        line.split(";")[0].strip(" \\").split("==")
        for line in lines
        if "==" in line and not line.startswith(" ")
    )
    return {canonicalize_name(name.split("[")[0]): version.strip() for name, version in pairs}


def outdated(member: str, locked: dict[str, str]) -> list[str]:
    declared = tomllib.loads((ROOT / member / "pyproject.toml").read_text())["project"]["dependencies"]
    problems = []
    for requirement in map(Requirement, declared):
        if requirement.name.startswith("retort-"):
            continue
        version = locked.get(canonicalize_name(requirement.name))
        if version is None or not requirement.specifier.contains(version):
            problems.append(f"{member}: {requirement} is not met by the lock ({version}); run `make lock`")
    return problems


def main() -> None:
    failed = bool([member for member in MEMBERS if undeclared(member)])
    locked = pins("dev")
    problems = [problem for member in MEMBERS for problem in outdated(member, locked)]
    print("\n".join(problems))
    sys.exit(1 if failed or problems else 0)


if __name__ == "__main__":
    main()
