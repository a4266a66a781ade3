"""Write the lock: `requirements/NAME.txt`, versions and hashes for development and for each image.

uv resolves once for all members; its own lock file names download hosts, so it is thrown away and only the
exported requirements are kept. `programs.txt` locks what the test cluster unpacks and nothing imports: the packages
that `programs.in` names, without what they depend on. Run by `make lock`.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from bootstrap import ROOT, bring_uv

IMAGES = {
    "api": "retort-api",
    "executor": "retort-executor",
    "operator": "retort-operator",
    "client": "retort-client",
}


def main() -> None:
    uv, env = bring_uv()
    subprocess.run([uv, "lock", "-q"], check=True, env=env, cwd=ROOT)
    base = [uv, "export", "-q", "--no-emit-workspace", "--no-header", "--no-annotate", "--frozen"]
    exports = {group: ["--only-group", group] for group in ("dev", "build")}
    exports |= {name: ["--package", package, "--no-dev"] for name, package in IMAGES.items()}
    for name, arguments in exports.items():
        text = subprocess.run(
            [*base, *arguments], check=True, env=env, cwd=ROOT, capture_output=True, text=True
        ).stdout
        Path(ROOT / "requirements" / f"{name}.txt").write_text(text)
    (ROOT / "uv.lock").unlink()
    flags = ["-q", "--no-deps", "--generate-hashes", "--no-header", "--no-annotate"]
    programs = [uv, "pip", "compile", *flags, "requirements/programs.in", "-o", "requirements/programs.txt"]
    subprocess.run(programs, check=True, env=env, cwd=ROOT, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
