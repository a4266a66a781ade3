"""Write the lock: `requirements/NAME.txt`, versions and hashes for development and for each image.

uv resolves once for all members; its own lock file names download hosts, so it is thrown away and only the
exported requirements are kept. Run by `make lock`.
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
    exports = {"dev": ["--only-group", "dev"]}
    exports |= {name: ["--package", package, "--no-dev"] for name, package in IMAGES.items()}
    for name, arguments in exports.items():
        text = subprocess.run(
            [*base, *arguments], check=True, env=env, cwd=ROOT, capture_output=True, text=True
        ).stdout
        Path(ROOT / "requirements" / f"{name}.txt").write_text(text)
    (ROOT / "uv.lock").unlink()


if __name__ == "__main__":
    main()
