"""Who comes in and what they may, put together from settings: for every main whose service has accounts.

    async with accounts(settings, secrets, database) as access:
        services = Services(..., access=access, quotas=quotas(settings, database), recorder=recorder(...), ...)

Everything that waits for the outside (an identity provider, the cluster) is closed when the block is left.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import httpx2 as httpx

from retort_api.access.access import Access, People
from retort_api.access.api_keys import ApiKeys
from retort_api.access.authoriser import OURS, Authoriser
from retort_api.access.cluster import Cluster, in_pod
from retort_api.access.grants import Grants
from retort_api.access.identities import Identities
from retort_api.access.keysets import KeySet
from retort_api.access.oidc import Oidc, Provider
from retort_api.access.passwords import Passwords
from retort_api.access.rates import Rate
from retort_api.access.registration import Registration
from retort_api.access.reviews import ClusterTokens, Reviews
from retort_api.access.sessions import Lives, Sessions
from retort_api.access.settings import AccessSettings
from retort_api.access.signing import KeyRing, secret_of
from retort_api.audit.recorder import Recorder
from retort_api.kit.database import Database
from retort_api.projects import repository as projects
from retort_api.projects.quotas import Quotas
from retort_core.errors import BadInput
from retort_core.http.access import QuotaChange
from retort_core.http.datasets import Project

SIGNING: Final = "signing.json"
AUDIT: Final = "audit.key"
FIRST_ADMIN: Final = "first-admin"


def now() -> datetime:
    return datetime.now(UTC)


def recorder(secrets: Path, database: Database, model: str = "") -> Recorder:
    """`model`: the language model that plans here, as its endpoint calls it."""
    return Recorder(database, secret_of(secrets / AUDIT), model)


def quotas(settings: AccessSettings, database: Database) -> Quotas:
    defaults = QuotaChange(
        storage_bytes=settings.quota_storage_bytes,
        running_tasks=settings.quota_running_tasks,
        pending_tasks=settings.quota_pending_tasks,
    )
    return Quotas(database, defaults)


@asynccontextmanager
async def accounts(settings: AccessSettings, secrets: Path, database: Database) -> AsyncIterator[Access]:
    async with AsyncExitStack() as stack:
        cluster = await _cluster(settings, stack)
        oidc = await _oidc(settings, database, stack)
        passwords = Passwords()
        lives = Lives(access_seconds=settings.access_seconds, session=timedelta(days=settings.session_days))
        ours = OURS if cluster is not None else ""
        sessions = Sessions(database, KeyRing(secrets / SIGNING), passwords, lives, now, ours)
        keys = ApiKeys(database, now, ours)
        yield Access(
            authenticator=Identities(
                sessions=sessions,
                keys=keys,
                oidc=oidc,
                oidc_issuer=settings.oidc_issuer,
                cluster=ClusterTokens(cluster, settings.cluster_audience)
                if cluster and settings.cluster
                else None,
            ),
            authoriser=_authoriser(settings, database, cluster),
            callers=Rate(settings.caller_per_minute),
            strangers=Rate(settings.login_per_minute),
            accounts=People(
                sessions=sessions,
                keys=keys,
                registration=Registration(database, passwords, now, ours, anyone=settings.self_registration),
                foreign=oidc,
            ),
        )


async def first_admin(settings: AccessSettings, secrets: Path, access: Access) -> Path | None:
    """The file with the token that opens the first account, while there is none."""
    return await access.people.registration.open_first(settings.first_admin, secrets / FIRST_ADMIN)


def _authoriser(settings: AccessSettings, database: Database, cluster: Cluster | None) -> Authoriser:
    if cluster is None or settings.authorisation == "grants":
        return Grants(database, creators=settings.project_creators == "everyone")

    async def every() -> list[Project]:
        async with database.read() as connection:
            return await projects.page(connection, "", 100_000)

    return Reviews(cluster, every)


async def _cluster(settings: AccessSettings, stack: AsyncExitStack) -> Cluster | None:
    if not settings.cluster and settings.authorisation != "cluster":
        return None
    cluster = Cluster(settings.cluster_url or in_pod(), settings.cluster_folder)
    stack.push_async_callback(cluster.close)
    return cluster


async def _oidc(settings: AccessSettings, database: Database, stack: AsyncExitStack) -> Oidc | None:
    if not settings.oidc_issuer:
        return None
    if not settings.oidc_audience:
        raise BadInput(
            "RETORT_OIDC_ISSUER needs RETORT_OIDC_AUDIENCE: tokens made for others must not open this service."
        )
    if ":" not in settings.oidc_prefix and not settings.cluster and settings.authorisation != "cluster":
        raise BadInput(
            "RETORT_OIDC_PREFIX needs a colon: without one the provider's names could be those of accounts here."
        )
    trusted = ssl.create_default_context(cafile=settings.oidc_ca or None)
    client = await stack.enter_async_context(httpx.AsyncClient(verify=trusted, trust_env=False))
    provider = Provider(
        issuer=settings.oidc_issuer,
        audience=settings.oidc_audience,
        name_claim=settings.oidc_name_claim,
        groups_claim=settings.oidc_groups_claim,
        prefix=settings.oidc_prefix,
        admin_group=settings.oidc_admin_group,
    )
    return Oidc(provider, KeySet(settings.oidc_issuer, client), database)


def secrets_of(home: Path, known: AccessSettings | None) -> Path:
    given = known.secrets if known is not None else ""
    return Path(given) if given else home / "secrets"
