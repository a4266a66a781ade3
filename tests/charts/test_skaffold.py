"""`skaffold.yaml` names what there is: Dockerfiles, charts, values, Services, and the cluster that its page makes.

skaffold itself is not run here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from .conftest import ROOT, Rendered
from .test_charts import images

TEMPLATE = re.compile(r"{{\.IMAGE_(REPO|TAG)_(\w+)}}")
PAGE = ROOT / "docs" / "how-to" / "test-cluster.md"


@pytest.fixture(scope="module")
def skaffold() -> Any:
    return yaml.safe_load((ROOT / "skaffold.yaml").read_text())


@pytest.fixture(scope="module")
def releases(skaffold: Any) -> dict[str, Any]:
    return {one["name"]: one for one in skaffold["deploy"]["helm"]["releases"]}


@pytest.fixture(scope="module")
def built(skaffold: Any) -> set[str]:
    return {one["image"] for one in skaffold["build"]["artifacts"]}


def test_every_dockerfile_of_the_product_is_built_from_a_context_with_all_it_copies(skaffold: Any) -> None:
    files = set()
    for one in skaffold["build"]["artifacts"]:
        context, file = ROOT / one["context"], one["docker"]["dockerfile"]
        files.add(file)
        copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (context / file).read_text(), re.MULTILINE)
        assert copied
        assert not [name for line in copied for name in line.split() if not (context / name).exists()]
    assert files == {str(path.relative_to(ROOT)) for path in ROOT.glob("*/Dockerfile")}


def test_the_images_have_the_names_that_the_chart_knows(built: set[str]) -> None:
    values = yaml.safe_load((ROOT / "charts" / "retort" / "values.yaml").read_text())
    assert built == {values[part]["image"]["repository"] for part in ("operator", "api", "executors")}


def test_the_charts_and_their_values_are_there_and_the_custom_resources_come_first(
    releases: dict[str, Any],
) -> None:
    assert list(releases) == ["retort-cluster", "retort"]
    for one in releases.values():
        assert (ROOT / one["chartPath"] / "Chart.yaml").is_file()
        assert all((ROOT / name).is_file() for name in one.get("valuesFiles", ()))
    assert releases["retort"]["valuesFiles"] == ["charts/retort/values-dev.yaml"]


def deployed(render: Callable[..., Rendered], release: Any, *more: str) -> Rendered:
    """As skaffold would have helm do it, with images called as they are and tagged by what they are made of."""
    values = []
    for key, template in release["setValueTemplates"].items():
        kind, image = TEMPLATE.fullmatch(template).groups()  # type: ignore[union-attr]
        values.append(f"{key}={image.replace('_', '-') if kind == 'REPO' else f'made-of-{image}'}")
    chart = release["chartPath"].removeprefix("charts/")
    return render(
        chart,
        *values,
        *more,
        namespace=release["namespace"],
        release=release["name"],
        files=release["valuesFiles"],
    )


def test_what_was_built_is_what_runs(
    render: Callable[..., Rendered], releases: dict[str, Any], built: set[str]
) -> None:
    """A value that the chart's schema does not know is refused, one that goes nowhere would leave the chart's own image."""
    found = deployed(render, releases["retort"])
    assert not found.error
    ours = {image for image in images(found) if not image.startswith("retort-dev-")}
    assert ours == {f"{image}:made-of-{image.replace('-', '_')}" for image in built}
    assert deployed(render, releases["retort"], "operator.image.nonsense=1").error


def test_the_forwarded_port_is_the_services(
    render: Callable[..., Rendered], releases: dict[str, Any], skaffold: Any
) -> None:
    (forward,) = skaffold["portForward"]
    assert forward["namespace"] == releases["retort"]["namespace"]
    service = deployed(render, releases["retort"]).one("Service", forward["resourceName"])
    assert forward["port"] in [port["port"] for port in service["spec"]["ports"]]


def test_only_the_cluster_that_the_page_makes_is_touched(skaffold: Any) -> None:
    for text in (PAGE.read_text(), (ROOT / "skaffold.yaml").read_text()):
        found = re.search(r"kind create cluster --name (\S+) --config (\S+)", text)
        assert found
        assert skaffold["deploy"]["kubeContext"] == f"kind-{found[1]}"
        assert found[2] == "tools/cluster/kind.yaml"
        assert (ROOT / found[2]).is_file()
