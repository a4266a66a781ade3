"""Prepare `.venv` from the lock with nothing but Python (>= 3.11) and a package index.

Brings its own `uv` when none is on PATH, carries pip's index, mirror, certificate and wheel-folder settings
over to it, installs `requirements/dev.txt` (versions and hashes) and the workspace members in editable form.
Does nothing when the lock and the members have not changed since the last run.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
TOOLS = ROOT / ".tools"
LOCK = ROOT / "requirements" / "dev.txt"
MEMBERS = ["core", "plans", "tables", "planner", "executor-image", "operator", "api", "client"]
# pip's setting -> uv's environment variable. uv reads no pip configuration of its own.
PIP_TO_UV = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "cert": "SSL_CERT_FILE",
}


def pip_settings(pip: list[str]) -> dict[str, str]:
    """What pip is configured with here, by files and PIP_* variables: `{setting: value}`."""
    listed = subprocess.run([*pip, "config", "list"], capture_output=True, text=True, check=False).stdout
    settings: dict[str, str] = {}
    for line in listed.splitlines():
        key, sep, value = line.partition("=")
        name = key.rpartition(".")[2]
        # Files come first in the listing and variables last, so that variables win, as they do in pip.
        if sep and name in PIP_TO_UV:
            settings[name] = value.strip().strip("'\"").replace("\\n", " ").strip()
    return settings


def uv_environment(pip: list[str]) -> dict[str, str]:
    env = {**os.environ, "UV_PYTHON_PREFERENCE": "only-system", "UV_LINK_MODE": "copy"}
    for setting, configured in pip_settings(pip).items():
        variable, value = PIP_TO_UV[setting], configured
        if setting == "find-links":
            value = ",".join(p for p in configured.split() if "://" in p or Path(p).is_dir())
        if value:
            env.setdefault(variable, value)
    return env


def find_pip() -> list[str] | None:
    module = [sys.executable, "-m", "pip"]
    if subprocess.run([*module, "--version"], capture_output=True, check=False).returncode == 0:
        return module
    return None


def bring_uv() -> tuple[str, dict[str, str]]:
    """Path of a `uv` program and the environment to run it in."""
    pip = find_pip()
    if pip is None:
        private = TOOLS / "venv"
        made = subprocess.run([sys.executable, "-m", "venv", str(private)], check=False)
        if made.returncode != 0:
            sys.exit(
                "This Python has neither pip nor venv. Install one (Debian: python3-venv), or put `uv` on PATH."
            )
        pip = [str(private / "bin" / "python"), "-m", "pip"]
    env = uv_environment(pip)
    found = shutil.which("uv")
    if found:
        return found, env
    target = TOOLS / "uv"
    program = target / "bin" / "uv"
    if not program.exists():
        subprocess.run(
            [*pip, "install", "-q", "--no-warn-script-location", "--target", str(target), "uv"], check=True
        )
    return str(program), env


def fingerprint() -> str:
    digest = hashlib.sha256(sys.version.encode())
    for path in [LOCK, *(ROOT / member / "pyproject.toml" for member in MEMBERS)]:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def main() -> None:
    if sys.version_info < (3, 11):  # noqa: UP036 - any Python may start this file
        sys.exit(
            f"Retort needs Python 3.11 or newer; this is {sys.version.split()[0]}. Try: make PYTHON=python3.12 …"
        )
    stamp = VENV / "lock-installed"
    wanted = fingerprint()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    uv, env = bring_uv()
    if not (VENV / "bin" / "python").exists():
        subprocess.run([uv, "venv", "-q", "--python", sys.executable, str(VENV)], check=True, env=env)
    env["VIRTUAL_ENV"] = str(VENV)
    print("Installing the locked requirements …", flush=True)
    subprocess.run([uv, "pip", "sync", "-q", "--require-hashes", str(LOCK)], check=True, env=env, cwd=ROOT)
    editable = [argument for member in MEMBERS for argument in ("-e", f"./{member}")]
    subprocess.run(
        [uv, "pip", "install", "-q", "--no-deps", "--no-build-isolation", *editable],
        check=True,
        env=env,
        cwd=ROOT,
    )
    stamp.write_text(wanted)


if __name__ == "__main__":
    main()
