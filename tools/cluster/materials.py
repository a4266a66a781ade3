"""The bill of materials of an image, in CycloneDX: Debian packages and Python distributions, read from its layers.

What is listed is what is in the image, not what a lock said should be.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from email.message import Message
from email.parser import Parser
from pathlib import Path
from typing import Final

import archives
from cyclonedx.factory.license import LicenseFactory
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL

DEBIAN: Final = "var/lib/dpkg/status.d/"
PYTHON: Final = ".dist-info/METADATA"
# The same image has the same bill: its number comes from the image's digest, and it is of no time.
NUMBERS: Final = uuid.uuid5(uuid.NAMESPACE_DNS, "retort.dev")


def write(archive: Path, image: str, bill: Path) -> None:
    """`bill` is the file to write."""
    digest = archives.digest(archive)
    name, _, version = image.rpartition("/")[2].partition(":")
    about = Component(name=name, version=version, type=ComponentType.CONTAINER, bom_ref=f"{name}@{digest}")
    bom = Bom(
        components=components(archive), serial_number=uuid.uuid5(NUMBERS, digest),
        metadata=BomMetaData(component=about, timestamp=datetime.fromtimestamp(0, UTC)),
    )  # fmt: skip
    bom.register_dependency(about, bom.components)
    text = make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6).output_as_string(indent=1)
    bill.write_text(text)


def components(archive: Path) -> list[Component]:
    return [_component(kind, fields) for kind, fields in _records(archive)]


def _records(archive: Path) -> Iterator[tuple[str, Message]]:
    for name, data in archives.files(archive, lambda name: name.startswith(DEBIAN) or name.endswith(PYTHON)):
        yield (
            ("deb" if name.startswith(DEBIAN) else "pypi"),
            Parser().parsestr(data.decode(), headersonly=True),
        )


def _component(kind: str, fields: Message) -> Component:
    name, version = fields["Package"] or fields["Name"], fields["Version"]
    space, rest = ("debian", {"arch": fields["Architecture"]}) if kind == "deb" else (None, {})
    url = PackageURL(kind, space, name.lower(), version, rest)
    said = fields["License-Expression"]
    licences = [LicenseFactory().make_from_string(said)] if said else []
    return Component(name=name, version=version, purl=url, bom_ref=str(url), licenses=licences)
