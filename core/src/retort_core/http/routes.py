"""Paths of `/api/v1`. Templates for `str.format`; every name in braces must be percent-encoded by the caller.

A commit is addressed by `{ref}`: a unique prefix of its id (4 or more characters), a branch, a tag, or one of
these followed by `~n` for the n-th first parent.

Versions, their tables, profiles and files, differences and results have a weak ETag: `If-None-Match` -> 304 while it holds.
`Accept` chooses among the forms of a table; what takes none of the forms there are -> 406 with `details.available`.

verb   path                                      body -> reply
GET    ABOUT                                     -> About
GET    PROJECTS                                  -> Page[Project];       POST ProjectCreate -> Project
GET    PROJECT                                   -> Project
GET    DATASETS                                  -> Page[Dataset];       POST DatasetCreate -> Dataset
GET    DATASET                                   -> Dataset
POST   UPLOADS ?mode&branch&sheet&header_rows&delimiter&encoding&key&lang   raw bytes, header `Filename` (percent-encoded UTF-8)
                                                 -> 202 Task; the dataset is made when it does not exist (mode=new) and the file has come
POST   UPLOAD_SESSIONS ?as UPLOADS, headers Filename, Upload-Length, Repr-Digest -> UploadSession, also the one under way
GET    UPLOAD_SESSION                            -> UploadSession;       DELETE -> 204
PATCH  UPLOAD_SESSION raw bytes, Upload-Offset   -> UploadSession;       POST (all is there) -> 202 Task
GET    BRANCHES                                  -> Page[Branch];        POST BranchCreate -> Branch
GET    BRANCH                                    -> Branch with ETag;    PUT BranchMove, If-Match: "<head>" -> Branch
GET    COMMITS ?branch&cursor&limit              -> Page[Commit]
GET    COMMIT                                    -> CommitDetail
GET    COMMIT_SCRIPT | COMMIT_PLAN               -> text/x-python | CommitPlan
GET    COMMIT_TABLE ?offset&limit&columns        -> TablePage (JSON), Arrow stream or Parquet by Accept
GET    COMMIT_PROFILE | COMMIT_QUALITY           -> Profile | Quality
GET    COMMIT_SUGGESTIONS ?lang                  -> Page[Suggestion]
GET    COMMIT_EXPORT ?format&encoding&columns    -> bytes, streamed
GET    COMMIT_REPORT ?lang                       -> XLSX
GET    GRAPH                                     -> Graph
GET    REFLOG ?cursor                            -> Page[RefMove]
GET    DIFF ?from&to&limit&cursor&columns        -> Diff
POST   CONVERSATIONS ConversationCreate          -> Conversation;        GET -> Page[Conversation]
GET    CONVERSATION                              -> Conversation
POST   MESSAGES MessageCreate                    -> 202 Task;            GET ?cursor -> Page[Message]
POST   TASKS TaskCreate (Idempotency-Key)        -> 202 Task;            GET ?cursor -> Page[Task]
GET    TASK ?wait=seconds                        -> Task (waits until it is over or needs input)
POST   TASK_ANSWER Answer | TASK_APPROVAL Approval | TASK_CANCEL         -> Task
GET    TASK_EVENTS | EVENTS ?dataset             server-sent events: Event, `id:` is the sequence number; 410 when those
                                                 after Last-Event-ID are not all kept
GET    CONVENTIONS                               -> Page[Convention], oldest first
DELETE CONVENTION                                -> 204
GET    TEMPLATES ?lang&cursor&limit             -> Page[TemplateInfo];   POST TemplateCreate -> TemplateInfo
GET    TEMPLATE ?lang                            -> TemplateInfo;         DELETE -> 204
POST   TEMPLATE_FIT TemplateUse ?lang            -> TemplateFit: what would run and what stands in the way
POST   TEMPLATE_RUNS TemplateUse ?lang           -> 202 Task
GET    SENTENCES ?lang                           -> Page[Sentence]
GET    RESULT | RESULT_TABLE ?part | RESULT_EXPORT ?part&format          -> Result | TablePage | bytes

People (a service without accounts answers 404 to what needs them):
POST   LOGIN Login | REFRESH Refresh             -> Tokens;              POST LOGOUT ?everywhere -> 204
GET    ME                                        -> Me;                  PUT PASSWORD PasswordChange -> 204
POST   ACCOUNTS AccountCreate (invitation)       -> Account;             GET -> Page[Account]
PATCH  ACCOUNT AccountChange                     -> Account
POST   INVITATIONS InvitationCreate              -> NewInvitation        (also PROJECT_INVITATIONS, for one project)
POST   KEYS KeyCreate                            -> NewKey;              GET -> Page[Key];  DELETE KEY -> 204
GET    MEMBERS                                   -> Page[Member];        PUT Member -> Member;  DELETE ?subject -> 204
GET    QUOTA                                     -> Quota;               PUT QuotaChange -> Quota
PUT    PROTECTION | DELETE PROTECTION            -> Branch
GET    AUDIT ?after | SYSTEM_AUDIT               -> JSON lines of audit events, oldest first
GET    AUDIT_HEADS | SYSTEM_AUDIT_HEADS          -> AuditHeads: where the chains end, and whether their seals are whole
"""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

PREFIX: Final = "/api/v1"
ABOUT: Final = f"{PREFIX}/about"
PROJECTS: Final = f"{PREFIX}/projects"
PROJECT: Final = f"{PROJECTS}/{{project}}"
DATASETS: Final = f"{PROJECT}/datasets"
DATASET: Final = f"{DATASETS}/{{dataset}}"
UPLOADS: Final = f"{DATASET}/uploads"
UPLOAD_SESSIONS: Final = f"{DATASET}/upload-sessions"
UPLOAD_SESSION: Final = f"{UPLOAD_SESSIONS}/{{session}}"
BRANCHES: Final = f"{DATASET}/branches"
BRANCH: Final = f"{BRANCHES}/{{branch}}"
COMMITS: Final = f"{DATASET}/commits"
COMMIT: Final = f"{COMMITS}/{{ref}}"
COMMIT_SCRIPT: Final = f"{COMMIT}/script"
COMMIT_PLAN: Final = f"{COMMIT}/plan"
COMMIT_TABLE: Final = f"{COMMIT}/table"
COMMIT_PROFILE: Final = f"{COMMIT}/profile"
COMMIT_QUALITY: Final = f"{COMMIT}/quality"
COMMIT_SUGGESTIONS: Final = f"{COMMIT}/suggestions"
COMMIT_EXPORT: Final = f"{COMMIT}/export"
COMMIT_REPORT: Final = f"{COMMIT}/report"
GRAPH: Final = f"{DATASET}/graph"
REFLOG: Final = f"{DATASET}/reflog"
DIFF: Final = f"{DATASET}/diff"
CONVERSATIONS: Final = f"{DATASET}/conversations"
CONVERSATION: Final = f"{CONVERSATIONS}/{{conversation}}"
MESSAGES: Final = f"{CONVERSATION}/messages"
TASKS: Final = f"{DATASET}/tasks"
TASK: Final = f"{PROJECT}/tasks/{{task}}"
TASK_ANSWER: Final = f"{TASK}/answer"
TASK_APPROVAL: Final = f"{TASK}/approval"
TASK_CANCEL: Final = f"{TASK}/cancel"
TASK_EVENTS: Final = f"{TASK}/events"
EVENTS: Final = f"{PROJECT}/events"
CONVENTIONS: Final = f"{PROJECT}/conventions"
CONVENTION: Final = f"{CONVENTIONS}/{{convention}}"
TEMPLATES: Final = f"{PROJECT}/templates"
TEMPLATE: Final = f"{TEMPLATES}/{{name}}"
TEMPLATE_FIT: Final = f"{DATASET}/templates/{{name}}/fit"
TEMPLATE_RUNS: Final = f"{DATASET}/templates/{{name}}/runs"
SENTENCES: Final = f"{PREFIX}/sentences"
RESULT: Final = f"{PROJECT}/results/{{result}}"
RESULT_TABLE: Final = f"{RESULT}/table"
RESULT_EXPORT: Final = f"{RESULT}/export"

AUTH: Final = f"{PREFIX}/auth"
LOGIN: Final = f"{AUTH}/login"
REFRESH: Final = f"{AUTH}/refresh"
LOGOUT: Final = f"{AUTH}/logout"
ME: Final = f"{AUTH}/me"
PASSWORD: Final = f"{AUTH}/password"
KEYS: Final = f"{AUTH}/keys"
KEY: Final = f"{KEYS}/{{key}}"
ACCOUNTS: Final = f"{PREFIX}/accounts"
ACCOUNT: Final = f"{ACCOUNTS}/{{account}}"
INVITATIONS: Final = f"{PREFIX}/invitations"
PROJECT_INVITATIONS: Final = f"{PROJECT}/invitations"
MEMBERS: Final = f"{PROJECT}/members"
QUOTA: Final = f"{PROJECT}/quota"
PROTECTION: Final = f"{BRANCH}/protection"
AUDIT: Final = f"{PROJECT}/audit"
AUDIT_HEADS: Final = f"{AUDIT}/heads"
SYSTEM_AUDIT: Final = f"{PREFIX}/audit"
SYSTEM_AUDIT_HEADS: Final = f"{SYSTEM_AUDIT}/heads"

JSON_LINES: Final = "application/jsonl"
PROBLEM: Final = "application/problem+json"
ARROW: Final = "application/vnd.apache.arrow.stream"
NOTES: Final = "Retort-Notes"  # header of exports: what the format could not hold as it is, code=count,...
PARQUET: Final = "application/vnd.apache.parquet"
DEFAULT_PROJECT: Final = "default"
DEFAULT_BRANCH: Final = "main"


def quoted(names: dict[str, str]) -> dict[str, str]:
    """Ready for `str.format` of a path."""
    return {name: quote(value, safe="") for name, value in names.items()}
