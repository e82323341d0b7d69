"""The notifiers of the configuration: `[notifiers.NAME]` with `kind = "jira"` and so on."""

from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from vmtriage.fleet.notify.mail import Security, is_address
from vmtriage.fleet.notify.secrets import Secret
from vmtriage.models.base import Model

_DAY, _HOUR = 86400.0, 3600.0


def _web(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("this is no http or https address")  # not shown: it may hold a secret
    if parts.username or parts.password:
        raise ValueError("a password does not belong into an address: see token_env, token_file")
    return value


def _mail(value: str) -> str:
    if not is_address(value):
        raise ValueError("this is no mail address")
    return value


def absolute(value: Path) -> Path:
    """cron and systemd start elsewhere than a shell."""
    if not value.is_absolute():
        raise ValueError("give the whole path, from / on")
    return value


Web = Annotated[str, AfterValidator(_web)]
AbsolutePath = Annotated[Path, AfterValidator(absolute)]
Labels = tuple[Annotated[str, Field(pattern=r"^[^\s,][^,\n]{0,48}$")], ...]
Timeout = Annotated[float, Field(gt=0, le=600)]
Every = Annotated[float, Field(ge=0, le=366 * _DAY)]


class Base(Model):
    """every_s: between two notices of one kind of event about one problem."""

    secrets: ClassVar[tuple[str, ...]] = ()  # keys of which KEY_env or KEY_file is told
    required: ClassVar[bool] = True

    every_s: Every = 0.0
    timeout_s: Timeout = 10.0

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        for key in self.secrets:
            told = [name for name in (f"{key}_env", f"{key}_file") if getattr(self, name)]
            if len(told) > 1 or (self.required and not told):
                many = "only one of" if told else "one of"
                raise ValueError(f"needs {many} {key}_env (a variable) and {key}_file (mode 0600)")
        return self

    def secret(self, key: str) -> Secret | None:
        """Where it stands; None: there is none."""
        env, file = getattr(self, f"{key}_env"), getattr(self, f"{key}_file")
        return Secret(key=key, env=env, file=file) if env or file else None


class WithToken(Base):
    """A server that asks for a token."""

    secrets: ClassVar[tuple[str, ...]] = ("token",)
    token_env: str | None = None
    token_file: AbsolutePath | None = None


class JiraSettings(WithToken):
    """Jira. user: the mail address that belongs to a cloud's token; on premises none."""

    kind: Literal["jira"]
    url: Web
    project: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,49}$")
    issue_type: str = "Bug"
    user: str | None = None
    labels: tuple[Annotated[str, Field(pattern=r"^[^\s,]{1,100}$")], ...] = ("vmtriage",)
    fields: dict[str, Any] = Field(default_factory=dict)  # what else the project wants set
    reopen_transition: str | None = None
    every_s: Every = _DAY


class GitLabSettings(WithToken):
    """GitLab: a token with the scope `api`, role Reporter."""

    kind: Literal["gitlab"]
    url: Web = "https://gitlab.com"
    project: str = Field(pattern=r"^([\w.-]+(/[\w.-]+)+|\d+)$")
    labels: Labels = ("vmtriage",)
    confidential: bool = False
    every_s: Every = _DAY


class GitHubSettings(WithToken):
    """GitHub: a fine-grained token with `Issues: read and write` of one repository."""

    kind: Literal["github"]
    url: Web = "https://api.github.com"
    repository: str = Field(pattern=r"^[\w.-]+/[\w.-]+$")
    labels: Labels = ("vmtriage",)
    every_s: Every = _DAY


class MailSettings(Base):
    """E-mail by SMTP."""

    secrets = ("password",)
    required = False
    kind: Literal["mail"]
    server: str = Field(pattern=r"^[^\s/:@]{1,253}$")
    port: int | None = Field(None, ge=1, le=65535)  # 587, 465 or 25 by `security`
    security: Security = "starttls"
    sender: Annotated[str, AfterValidator(_mail)]
    to: Annotated[tuple[Annotated[str, AfterValidator(_mail)], ...], Field(min_length=1)]
    user: str | None = None
    password_env: str | None = None
    password_file: AbsolutePath | None = None
    every_s: Every = _HOUR
    timeout_s: Timeout = 20.0

    @model_validator(mode="after")
    def _in_private(self) -> Self:
        if bool(self.user) != bool(self.password_env or self.password_file):
            raise ValueError("user and password_env (or password_file) belong together")
        if self.user and self.security == "none":
            raise ValueError('a password is not sent in the clear: security = "starttls" or "tls"')
        return self


class AppriseSettings(Base):
    """A chat or paging service by its Apprise address, which is a secret as a whole."""

    secrets = ("url",)
    kind: Literal["apprise"]
    url_env: str | None = None
    url_file: AbsolutePath | None = None
    every_s: Every = _HOUR


class AlertmanagerSettings(WithToken):
    """Alertmanager, API v2. quiet_s: a problem not seen for so long is resolved."""

    required = False
    kind: Literal["alertmanager"]
    url: Web
    quiet_s: float = Field(_DAY, gt=0)
    labels: dict[Annotated[str, Field(pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*$")], str] = Field(
        default_factory=dict
    )


class ExecSettings(Base):
    """A program that gets the notice as JSON on standard input."""

    kind: Literal["exec"]
    command: Annotated[tuple[str, ...], Field(min_length=1)]


class NagiosSettings(Base):
    """Passive results for the crashed host, or all for one `host`."""

    kind: Literal["nagios"]
    command_file: AbsolutePath
    service: str = Field("kernel", pattern=r"^[^;\n]{1,100}$")
    host: str | None = Field(None, pattern=r"^[^;\s]{1,253}$")


class WebhookSettings(WithToken):
    """A POST of the notice as JSON. url_env or url_file where the address is a secret."""

    required = False
    secrets = ("token", "url")
    kind: Literal["webhook"]
    url: Web | None = None
    url_env: str | None = None
    url_file: AbsolutePath | None = None

    @model_validator(mode="after")
    def _one_address(self) -> Self:
        if len([each for each in (self.url, self.url_env, self.url_file) if each]) != 1:
            raise ValueError("needs one of url, url_env, url_file")
        return self


AnyNotifier = Annotated[
    JiraSettings | GitLabSettings | GitHubSettings | MailSettings | AppriseSettings
    | AlertmanagerSettings | ExecSettings | NagiosSettings | WebhookSettings,
    Field(discriminator="kind"),
]  # fmt: skip
