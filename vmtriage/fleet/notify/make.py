"""From the configuration to notifiers and the desk. Touches nothing outside, reads no secret."""

from collections.abc import Callable, Mapping

from pydantic import SecretStr

from vmtriage.errors import BadConfig
from vmtriage.fleet.config import notifiers as settings
from vmtriage.fleet.config.model import Config
from vmtriage.fleet.notify.base import Channel, Refused
from vmtriage.fleet.notify.chat import Apprise
from vmtriage.fleet.notify.desk import Desk
from vmtriage.fleet.notify.github import GitHub
from vmtriage.fleet.notify.gitlab import GitLab
from vmtriage.fleet.notify.http import Http
from vmtriage.fleet.notify.jira import Jira
from vmtriage.fleet.notify.mail import Mail
from vmtriage.fleet.notify.passive import Nagios
from vmtriage.fleet.notify.program import Program
from vmtriage.fleet.notify.records import Records
from vmtriage.fleet.notify.secrets import Secret, basic
from vmtriage.fleet.notify.tracker import Tickets
from vmtriage.fleet.notify.webhook import Alertmanager, Webhook

_PORTS = {"starttls": 587, "tls": 465, "none": 25}
Headers = Callable[[], Mapping[str, SecretStr]]


def desk(config: Config, records: Records) -> Desk:
    """The desk of a configuration."""
    channels = {name: channel(name, each) for name, each in config.notifiers.items()}
    every = {name: each.every_s for name, each in config.notifiers.items()}
    return Desk(channels, config.routing(), records, every)


def channel(name: str, told: settings.AnyNotifier) -> Channel:
    """The notifier of one `[notifiers.NAME]`."""
    match told:
        case settings.JiraSettings():
            cloud = told.url.split("/")[2].endswith(".atlassian.net")
            http = Http(told.url, _auth(told, "Authorization", "Bearer ", told.user),
                        told.timeout_s, _JIRA)  # fmt: skip
            tracker = Jira(http, told.project, told.issue_type, told.labels, told.fields,
                           told.reopen_transition, cloud)  # fmt: skip
            return Tickets(name, tracker)
        case settings.GitLabSettings():
            http = Http(told.url, _auth(told, "PRIVATE-TOKEN", ""), told.timeout_s, _GITLAB)
            return Tickets(name, GitLab(http, told.project, told.labels, told.confidential))
        case settings.GitHubSettings():
            http = Http(told.url, _auth(told, "Authorization", "Bearer "), told.timeout_s, _GITHUB)
            return Tickets(name, GitHub(http, told.repository, told.labels))
        case settings.MailSettings():
            password = told.secret("password")
            return Mail(
                name, told.server, told.port or _PORTS[told.security], told.security, told.sender,
                told.to, told.user, _reader(password) if password else None, told.timeout_s,
            )  # fmt: skip
        case settings.AppriseSettings():
            return Apprise(name, _reader(_needed(told, "url")))
        case settings.AlertmanagerSettings():
            http = Http(told.url, _auth(told, "Authorization", "Bearer "), told.timeout_s)
            return Alertmanager(name, http, told.quiet_s, told.labels)
        case settings.ExecSettings():
            return Program(name, told.command, told.timeout_s)
        case settings.NagiosSettings():
            return Nagios(name, told.command_file, told.service, told.host)
        case settings.WebhookSettings():
            auth = _auth(told, "Authorization", "Bearer ")
            secret = told.secret("url")
            address = told.url or _reader(secret or _needed(told, "url"))
            return Webhook(name, Http(address, auth, told.timeout_s))


_JIRA = {
    403: "the user may not do this: project permissions `Browse`, `Create`, `Add Comments`",
    404: "no such project or address, or the user may not see it",
}
_GITLAB = {
    403: "the token needs the scope `api` and the role Reporter in the project",
    404: "no such project, or the token may not see it: `project` is its path, group/name",
}
_GITHUB = {
    403: "the token needs `Issues: read and write` for this repository",
    404: "no such repository, or the token may not see it: it needs `Issues: read and write`",
    410: "issues are switched off in this repository",
}


def _auth(told: settings.WithToken, header: str, before: str, user: str | None = None) -> Headers:
    secret = told.secret("token")

    def headers() -> Mapping[str, SecretStr]:
        if secret is None:
            return {}
        token = _reader(secret)().get_secret_value()
        return {header: basic(user, token) if user else SecretStr(before + token)}

    return headers


def _needed(told: settings.Base, key: str) -> Secret:
    secret = told.secret(key)
    assert secret is not None  # checked with the file
    return secret


def _reader(secret: Secret) -> Callable[[], SecretStr]:
    def read() -> SecretStr:
        try:
            return secret.read()
        except BadConfig as error:
            raise Refused(f"{error.message}: {error.next_step}") from None

    return read
