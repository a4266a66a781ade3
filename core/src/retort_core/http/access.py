"""People, credentials, members, quotas and audit heads as the API shows and takes them.

Secrets come in as `SecretStr`, so that no log and no error message repeats them; they go out once, when they are made.
"""

from __future__ import annotations

import unicodedata
from datetime import datetime
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import AfterValidator, Field, SecretStr, StringConstraints

from retort_core.models import Model

Role: TypeAlias = Literal["member", "analyst", "admin"]
Scope: TypeAlias = Literal["read", "run", "manage", "admin"]
SHORTEST_PASSWORD: Final = 10  # NIST SP 800-63B asks for 8 at least; length is what counts
LONGEST_PASSWORD: Final = 200  # hashing is paid by the byte


def one_spelling(name: str) -> str:
    """Anna, anna and their look-alikes by compatibility (ａｎｎａ) are one account."""
    return unicodedata.normalize("NFKC", name).casefold()


# No colon and no slash: `oidc:…`, `system:…` and paths can never be the name of a local account.
AccountName = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=100),
    AfterValidator(one_spelling),
    StringConstraints(pattern=r"^[^\W_][\w.@+-]{0,99}$"),
]
Password = Annotated[SecretStr, Field(min_length=SHORTEST_PASSWORD, max_length=LONGEST_PASSWORD)]
Given = Annotated[SecretStr, Field(min_length=1, max_length=4096)]
# A person, or `group:NAME` of an identity provider.
Subject = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$"),
]


class Login(Model):
    name: Annotated[str, Field(min_length=1, max_length=100)]
    password: Given


class Refresh(Model):
    refresh_token: Given


class Tokens(Model):
    """`access_token` goes into `Authorization: Bearer`; `refresh_token` is good for exactly one REFRESH."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - how it is used, no secret
    expires_in: int
    refresh_token: str
    name: str


class Membership(Model):
    project: str
    role: Role


class Me(Model):
    """Who the service takes the caller for, and where that leads. `admin`: of the whole system."""

    name: str
    kind: Literal["local", "account", "key", "oidc", "kubernetes"]
    admin: bool = False
    groups: tuple[str, ...] = ()
    projects: tuple[Membership, ...] = ()


class PasswordChange(Model):
    old: Given
    new: Password


class AccountCreate(Model):
    """`invitation` may be left out where the service lets people register themselves."""

    name: AccountName
    password: Password
    invitation: SecretStr = SecretStr("")


class AccountChange(Model):
    """Of a system administrator. What is left out stays; a disabled account's sessions and keys end at once."""

    disabled: bool | None = None
    admin: bool | None = None


class Account(Model):
    id: str
    name: str
    admin: bool = False
    disabled: bool = False
    created_at: datetime


class InvitationCreate(Model):
    """`role`: in the project of the path. `admin`: of the whole system, only without a project."""

    role: Role = "member"
    admin: bool = False
    hours: int = Field(default=72, ge=1, le=24 * 30)


class NewInvitation(Model):
    """`token` is shown this once."""

    id: str
    token: str
    expires_at: datetime


class KeyCreate(Model):
    """`scopes`: what of its owner's rights the key has; `project`: the only one it opens, "" = all of its owner's."""

    title: str = Field(min_length=1, max_length=100)
    scopes: tuple[Scope, ...] = Field(min_length=1, max_length=4)
    project: str = Field(default="", max_length=100)
    days: int = Field(default=90, ge=1, le=366)


class Key(Model):
    id: str
    title: str
    scopes: tuple[Scope, ...]
    project: str = ""
    created_at: datetime
    expires_at: datetime


class NewKey(Key):
    """`key` is shown this once; the service keeps its hash."""

    key: str


class Member(Model):
    subject: Subject
    role: Role


class QuotaChange(Model):
    """0 = no limit of its own."""

    storage_bytes: int = Field(default=0, ge=0)
    running_tasks: int = Field(default=0, ge=0)
    pending_tasks: int = Field(default=0, ge=0)


class Quota(Model):
    """Allowed and used. `running`: tasks at work; `pending`: tasks that wait to start or for a person."""

    storage_bytes: int
    storage_used: int
    running_tasks: int
    running_used: int
    pending_tasks: int
    pending_used: int


class AuditHead(Model):
    """The last line of one lane. `sealed`: whether the service's own secret confirms it."""

    lane: int
    seq: int
    hash: str
    sealed: bool


class AuditHeads(Model):
    """`chain`: the project's id; "" = of the system."""

    chain: str
    heads: tuple[AuditHead, ...]
