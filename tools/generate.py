"""Everything that is made from a source: `make generate` writes it, `--check` fails when a file is stale.

file                              source
api/openapi.json                  the routes of retort_api
docs/reference/operations.md      the operations of retort_plans
docs/reference/errors.md          the error tree of retort_core
docs/reference/settings.md        the settings of retort_api
docs/reference/service-metrics.md  its metrics
docs/reference/{cli,kubectl}.md   the commands of retort_client
charts/*/{values.schema.json,README.md}   the charts' values.yaml
crds/*.yaml, and copies in charts/retort-cluster/files/crds   the custom resources of retort_core
docs/reference/crds.md            the same, for people
docs/reference/operator-*.md      settings and metrics of retort_operator
docs/reference/attack-matrix.md   attacks of tools/attacks.py, and what came of them on a real node
docs/reference/conditions.md      conditions and reasons of the custom resources
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from bootstrap import ROOT

# Target -> "module:function" that renders it.
TARGETS = {
    "api/openapi.json": "retort_api.openapi:render",
    "docs/reference/operations.md": "retort_plans.reference_page:render",
    "docs/reference/errors.md": "errors_page:render",
    "docs/reference/settings.md": "retort_api.settings_page:render",
    "docs/reference/service-metrics.md": "retort_api.kit.watching.metrics:render",
    "docs/reference/cli.md": "retort_client.cli.reference_page:render",
    "docs/reference/kubectl.md": "retort_client.cli.reference_page:render_plugin",
    "charts/retort/values.schema.json": "chart_pages:retort_schema",
    "charts/retort/README.md": "chart_pages:retort_readme",
    "charts/retort-cluster/values.schema.json": "chart_pages:cluster_schema",
    "charts/retort-cluster/README.md": "chart_pages:cluster_readme",
    "crds/agenttasks.yaml": "crd_files:agenttasks",
    "crds/datacommits.yaml": "crd_files:datacommits",
    "crds/executorprofiles.yaml": "crd_files:executorprofiles",
    **{
        f"charts/retort-cluster/files/crds/{name}.yaml": f"crd_files:{name}"
        for name in ("agenttasks", "datacommits", "executorprofiles")
    },
    "docs/reference/crds.md": "retort_core.resources.reference_page:render",
    "docs/reference/operator-settings.md": "retort_operator.settings:render",
    "docs/reference/operator-metrics.md": "retort_operator.metrics:render",
    "docs/reference/attack-matrix.md": "attack_page:render",
    "docs/reference/conditions.md": "retort_core.resources.conditions:render",
}


def renderer(spec: str) -> Callable[[], str]:
    module, _, function = spec.partition(":")
    found: Callable[[], str] = getattr(import_module(module), function)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    stale = []
    for target, spec in TARGETS.items():
        path, text = Path(ROOT / target), renderer(spec)()
        if path.exists() and path.read_text() == text:
            continue
        stale.append(target)
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    verb = "is stale; run `make generate`" if check else "written"
    print("\n".join(f"{target} {verb}" for target in stale) or "generated files are fresh")
    sys.exit(1 if check and stale else 0)


if __name__ == "__main__":
    main()
