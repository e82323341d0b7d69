"""E-mail by SMTP; all mails of a problem are one thread."""

import re
import smtplib
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Literal

from pydantic import SecretStr

from vmtriage.fleet.notify.base import STORY, Later, NotTold, Past, Refused
from vmtriage.fleet.notify.secrets import masked
from vmtriage.fleet.notify.words import plain, title
from vmtriage.models.notice import Notice, NoticeEvent
from vmtriage.report.safe import visible

Security = Literal["starttls", "tls", "none"]


@dataclass(frozen=True)
class Mail:
    """One list of receivers."""

    name: str
    server: str
    port: int
    security: Security
    sender: str
    to: Sequence[str]
    user: str | None = None
    password: Callable[[], SecretStr] | None = field(default=None, repr=False)
    timeout_s: float = 20.0
    wants: Sequence[NoticeEvent] = STORY
    asks_first: bool = False

    def tell(self, notice: Notice, past: Past) -> None:  # noqa: ARG002
        """Told again after a kill, the mail has the same Message-ID: most readers show one."""
        secret = self.password() if self.password else None
        try:
            self._send(self.message(notice), secret)
        except NotTold as error:
            error.args = (masked(str(error), [secret] if secret else []),)
            raise

    def _send(self, message: EmailMessage, secret: SecretStr | None) -> None:
        given = False
        try:
            with self._connect() as smtp:
                if self.user and secret:
                    smtp.login(self.user, secret.get_secret_value())
                given = True
                smtp.send_message(message, self.sender, list(self.to))
        except smtplib.SMTPAuthenticationError as error:
            raise Refused(
                f"{self.server} does not accept user and password ({_said(error.smtp_error)}):"
                " look at user and password_env or password_file"
            ) from None
        except smtplib.SMTPRecipientsRefused as error:
            code, said = next(iter(error.recipients.values()))
            raise self._answer(code, said, f"for {', '.join(error.recipients)}") from None
        except smtplib.SMTPResponseException as error:
            raise self._answer(error.smtp_code, error.smtp_error, "") from None
        except smtplib.SMTPNotSupportedError as error:
            raise Refused(f"{self.server}: {error}: look at `security`, `user`") from None
        except ssl.SSLCertVerificationError as error:
            raise Refused(
                f"{self.server}: its certificate is not trusted here ({error.verify_message}):"
                " add its CA to the system's"
            ) from None
        except (OSError, smtplib.SMTPException) as error:
            why = "no answer in time" if isinstance(error, TimeoutError) else visible(str(error))
            raise Later(f"{self.server}: {why}", unsure=given) from None

    def _connect(self) -> smtplib.SMTP:
        context = ssl.create_default_context()
        if self.security == "tls":
            return smtplib.SMTP_SSL(self.server, self.port, timeout=self.timeout_s, context=context)
        smtp = smtplib.SMTP(self.server, self.port, timeout=self.timeout_s)
        try:
            if self.security == "starttls":
                smtp.starttls(context=context)
        except BaseException:
            smtp.close()
            raise
        return smtp

    def _answer(self, code: int, said: bytes | str, whom: str) -> NotTold:
        why = f"{self.server}: {code} {_said(said)} {whom}".rstrip()
        return Later(why) if 400 <= code < 500 else Refused(why, everything=code != 554)

    def message(self, notice: Notice) -> EmailMessage:
        """The mail; nothing of a stranger's can add a header to it."""
        domain = self.sender.rpartition("@")[2].strip(">") or "localhost"
        root = f"<problem.{notice.problem}@{domain}>"
        mail = EmailMessage()
        again = "" if notice.event == "new" else "Re: "
        mail["Subject"] = f"{again}[vmtriage] {title(notice)}"
        mail["From"] = self.sender
        mail["To"] = ", ".join(self.to)
        mail["Date"] = format_datetime(notice.when)
        mail["Message-ID"] = root if not again else f"<note.{notice.id}@{domain}>"
        if again:
            mail["In-Reply-To"] = root
            mail["References"] = root
        mail["Auto-Submitted"] = "auto-generated"  # no vacation notes, please
        mail["X-Vmtriage-Problem"] = notice.problem
        mail.set_content(plain(notice))
        return mail

    def preview(self, notice: Notice) -> str:
        """The whole mail as it would go."""
        how = {"starttls": "STARTTLS", "tls": "TLS", "none": "no encryption"}[self.security]
        text = self.message(notice)
        headers = "\n".join(f"{key}: {value}" for key, value in text.items())
        where = f"{self.name}: mail by {self.server}:{self.port}, {how}"
        return f"{where}\n\n{headers}\n\n{plain(notice)}"


def is_address(text: str) -> bool:
    """Whether this is one mail address and nothing else."""
    try:
        Address(addr_spec=text)
    except Exception:  # what the parser raises of odd text is its own affair
        return False
    return re.fullmatch(r"[^\s@]+@[^\s@]+", text) is not None


def _said(said: bytes | str) -> str:
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
    return visible(text[:300])
