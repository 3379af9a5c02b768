"""Deliver through Apprise: one plugin and at most one thread per destination, every answer turned into an outcome."""

import ast
import asyncio
import base64
import contextlib
import logging
import re
import threading
from collections.abc import Iterator, Mapping
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, Self
from urllib.parse import parse_qsl, unquote, unquote_plus, urlsplit

from pydantic import SecretStr

from alerting.channels import Channel, Delivery, NoticeKind, Notification, Outcome
from alerting.markup import literal
from alerting.rules import Severity
from language import N_, gettext

if TYPE_CHECKING:
    from apprise import NotifyBase, NotifyType

LONGEST_WORDS = 300
"""Characters of the provider's words that are kept."""
LONGEST_ANSWER = 160
"""Characters of the provider's answer among them."""
PAUSE = 30.0
"""Seconds to leave a provider alone that says that there were too many messages; Apprise does not tell what it asks."""
CUT = N_("… (shortened)")
"""How a text ends that a service would not have taken whole."""

_HTTP = re.compile(r"\berror=(\d{3})\b")
_SMTP = re.compile(r"\((\d{3}), b['\"]|was refused: (\d{3})")
_NOT_SENT = re.compile(
    r"connect timeout|handshake operation timed out|Connection refused|Name or service not known|Failed to resolve|"
    r"Temporary failure in name resolution|No route to host|Network is unreachable|certificate verify failed"
)
_PERHAPS_SENT = re.compile(
    r"(?:[Rr]ead )?timed out|Connection reset by peer|closed connection without response|unexpectedly closed|"
    r"Broken pipe|Connection aborted|Connection broken|MQTT message could not be delivered"
)
_CAUSE = re.compile(r"[\w /]*[Ee]xception: ")
_ANSWER = re.compile(r"Response Details:\s*(b'.*'|b\".*\")", re.DOTALL)
_NEVER = re.compile(r"unsupported|not supported|is invalid|is currently disabled", re.IGNORECASE)


class AppriseChannel:
    """One destination, reached through the service that its Apprise URL names.

    `timeout` is the seconds that one attempt may take. Nothing is retried in here: the outbox does that.
    """

    def __init__(self, destination: str, url: SecretStr, timeout: float = 10) -> None:
        """Loads Apprise and all its plugins, half a second at first: from an event loop use `open`.

        Raises ValueError, naming the destination, when the URL is not one that Apprise can use.
        """
        self._timeout = timeout
        self._url = url
        self._destination = destination
        self._plugin = _plugin(destination, url.get_secret_value(), timeout)
        self._shown = _shown(self._plugin)
        self._secret = _secret(url.get_secret_value(), self._plugin)
        self._turn = asyncio.Lock()
        self._sending = False

    @classmethod
    async def open(cls, destination: str, url: SecretStr, timeout: float = 10) -> Self:
        """The channel, made in a thread so that loading Apprise does not hold up the event loop."""
        return await asyncio.to_thread(cls, destination, url, timeout)

    @property
    def shown(self) -> str:
        """The destination as people may see it: the scheme, and the host if the URL has one that is no token."""
        return self._shown

    def fitted(self, title: str, body: str) -> tuple[str, str]:
        """Title and body as the service takes them in one message: cut where they are too long."""
        return fit(self._plugin, title, body)

    async def send(self, notification: Notification) -> Delivery:
        """Try once, within the timeout. Returns for every outcome, raises nothing but cancellation."""
        async with self._turn:
            if self._sending:
                words = gettext("The message before this one is still hanging at the provider.")
                return Delivery(Outcome.RETRY, words)
            self._sending = True
            done: asyncio.Future[Delivery] = asyncio.get_running_loop().create_future()
            # Not an executor: the interpreter waits for an executor's threads when it exits, also for one that hangs.
            # In this context, so that it speaks the language that is spoken here.
            work = partial(copy_context().run, self._work, notification, done)
            threading.Thread(target=work, daemon=True).start()
            try:
                async with asyncio.timeout(self._timeout):
                    return await done
            except TimeoutError:
                words = gettext("No answer within {seconds} s; it may still arrive.", seconds=f"{self._timeout:g}")
                return Delivery(Outcome.AMBIGUOUS, words)

    def close(self) -> None:
        """Let go of what is held between messages. Never waits; a thread that hangs ends with the process."""
        threading.Thread(target=_hang_up, args=(self._plugin,), daemon=True).start()

    def _work(self, notification: Notification, done: asyncio.Future[Delivery]) -> None:
        """Send in this thread, then report to the event loop, if that still runs."""
        delivery = self._deliver(notification)
        with contextlib.suppress(RuntimeError):
            done.get_loop().call_soon_threadsafe(self._settle, done, delivery)

    def _settle(self, done: asyncio.Future[Delivery], delivery: Delivery) -> None:
        self._sending = False
        if not done.done():
            done.set_result(delivery)

    def _deliver(self, notification: Notification) -> Delivery:
        from apprise import NotifyFormat, OverflowMode
        from apprise.exception import AppriseImproperlyConfigured

        plugin = self._plugin
        title, body = fit(plugin, notification.title, notification.body)
        with _overheard() as records:
            try:
                accepted = plugin.notify(
                    body=body,
                    title=title,
                    notify_type=_type(notification),
                    # Without a format, mail would carry a peer's "<b>" as markup.
                    body_format=NotifyFormat.TEXT,
                    # A message that a service splits is accepted in parts, so it could not be tried again as a whole.
                    overflow=OverflowMode.UPSTREAM,
                )
            except AppriseImproperlyConfigured as error:
                return Delivery(Outcome.DEAD, self._masked(str(error)))
            except Exception as error:  # a plugin's own defect: whether before or after sending nobody knows
                words = gettext("Apprise failed with {error}.", error=type(error).__name__)
                return Delivery(Outcome.AMBIGUOUS, words)
        found = judge(accepted, records)
        if found.outcome is not Outcome.ACCEPTED and _hang_up(plugin):
            self._plugin = _plugin(self._destination, self._url.get_secret_value(), self._timeout)
        return found._replace(words=self._masked(found.words))

    def _masked(self, words: str) -> str:
        return " ".join(self._secret.sub("***", words).split())[:LONGEST_WORDS]


def _hang_up(plugin: "NotifyBase") -> bool:
    """End the connection of a plugin that keeps one, as MQTT's alone does; whether it did.

    What such a connection could not send it would send when it comes back, and again for each attempt of ours.
    """
    client = getattr(plugin, "client", None)
    if client is None:
        return False
    client.disconnect()
    client.loop_stop()
    return True


async def open_channels(destinations: Mapping[str, SecretStr]) -> dict[str, Channel]:
    """A channel for each destination. Raises ValueError, naming the destination, for a URL that means nothing."""
    return {id: await AppriseChannel.open(id, url) for id, url in destinations.items()}


def judge(accepted: bool, records: list[logging.LogRecord]) -> Delivery:
    """What an attempt came to, and why, from what Apprise said of it: the log is the only place where it says why.

    Statuses count first, then what libraries say of the connection. A failure that nobody explains is tried again.
    """
    said = [record.getMessage() for record in records if record.levelno >= logging.INFO]
    # Other debug lines quote the message itself, and a message about a timeout is no timeout.
    causes = [message for record in records if _CAUSE.match(message := record.getMessage())]
    words, whole = " ".join(said), "\n".join(said + causes)
    if accepted:
        return Delivery(Outcome.ACCEPTED, words)
    if status := _HTTP.search(whole):
        return _of_http(int(status[1]), words + _answer(records))
    if status := _SMTP.search(whole):
        code = status[1] or status[2]
        outcome = Outcome.DEAD if code.startswith("5") else Outcome.RETRY
        return Delivery(outcome, gettext("{words} (mail server: {code})", words=words, code=code))
    for sign, outcome in ((_NOT_SENT, Outcome.RETRY), (_PERHAPS_SENT, Outcome.AMBIGUOUS), (_NEVER, Outcome.DEAD)):
        if found := sign.search(whole):
            return Delivery(outcome, f"{words} ({found[0]})")
    return Delivery(Outcome.RETRY, words or gettext("Apprise did not say why it failed."))


def fit(plugin: "NotifyBase", title: str, body: str) -> tuple[str, str]:
    """Title and body cut to what the service takes in one message; a service without titles has them in the body.

    Many services read markup even in what is sent to them as text, which must stay text.
    """
    # Apprise does not say that it is a set.
    title, body = literal(title, body, plugin.schemas())  # type: ignore[no-untyped-call]
    room = plugin.body_maxlen - plugin.overflow_buffer
    if plugin.title_maxlen > 0:
        title = _cut(title, plugin.title_maxlen)
    if plugin.title_maxlen <= 0 or plugin.overflow_amalgamate_title:
        room -= len(title) + len("\r\n")
    return title, _cut(body, max(room, len(gettext(CUT))))


def _cut(text: str, room: int) -> str:
    cut = gettext(CUT)
    return text if len(text) <= room else f"{text[: max(room - len(cut), 0)].rstrip()}{cut}"[:room]


def _of_http(status: int, words: str) -> Delivery:
    """Temporary refusals and servers in trouble are tried again; a client error or a moved address needs a person."""
    if not 300 <= status < 500 or status in (302, 303, 307, 408, 425, 429):
        return Delivery(Outcome.RETRY, words, PAUSE if status == 429 else 0)
    return Delivery(Outcome.DEAD, words)


def _answer(records: list[logging.LogRecord]) -> str:
    """What the provider wrote, if it is a line for people or programs and not a page."""
    found = next((found for record in records if (found := _ANSWER.match(record.getMessage()))), None)
    if found is None:
        return ""
    text = bytes(ast.literal_eval(found[1])).decode(errors="replace").strip()
    shown = "".join(one if one.isprintable() else " " for one in text[:LONGEST_ANSWER])
    return f" {gettext('It said: {answer}', answer=shown)}" if shown and not shown.startswith("<") else ""


def _type(notification: Notification) -> "NotifyType":
    from apprise import NotifyType

    if notification.key.kind in (NoticeKind.RESOLVED, NoticeKind.MISSED):
        return NotifyType.SUCCESS
    if notification.key.kind in (NoticeKind.TEST, NoticeKind.DRILL):
        return NotifyType.INFO
    by_severity = {Severity.CRITICAL: NotifyType.FAILURE, Severity.WARNING: NotifyType.WARNING}
    return by_severity.get(notification.severity, NotifyType.INFO)


def _plugin(destination: str, url: str, timeout: float) -> "NotifyBase":
    """The plugin of a URL, with our own limits whatever the URL asks for."""
    from apprise import Apprise, AppriseAsset
    from apprise.plugins import url_to_dict

    _silence()
    asset = AppriseAsset(app_id="Deskwatch", app_desc="Deskwatch", http_redirects=False, storage_mode="memory")
    parts = url_to_dict(url)  # type: ignore[no-untyped-call]
    # Else Apprise writes Markdown for some services, and its escapes into our addresses.
    plugin = Apprise.instantiate(parts | {"format": "text"}, asset=asset) if parts else None
    if plugin is None:
        raise ValueError(
            f"destination {destination}: its URL is none that Apprise can use; "
            "compare it with the service's page on https://appriseit.com/services/"
        )
    plugin.retry = 0  # the outbox does that; Apprise counts it as recipients, too
    if len(plugin) > 1:
        raise ValueError(
            f"destination {destination}: its URL names {len(plugin)} recipients, and when one of them refuses a "
            "message nobody knows who has it; make each a destination of its own"
        )
    plugin.redirects = False  # a redirect would turn the POST into an empty GET that succeeds
    plugin.socket_connect_timeout = 0.4 * timeout
    plugin.socket_read_timeout = 0.5 * timeout
    plugin.request_rate_per_sec = 0  # seconds to sleep between messages: the only worker would miss the next page
    # Of IRC alone, which would wait beyond our own limit.
    plugin.irc_register_timeout = 0.5 * timeout  # type: ignore[attr-defined]
    return plugin


def _silence() -> None:
    """Keep URLs and tokens, which Apprise and urllib3 write into their debug logs, out of ours."""
    log = logging.getLogger("apprise")
    log.propagate = False
    log.setLevel(logging.DEBUG)
    logging.getLogger("urllib3").setLevel(logging.WARNING)


class _Ear(logging.Handler):
    """Keeps what is logged in the thread that made it."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []
        self._thread = threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread == self._thread:
            self.records.append(record)


@contextlib.contextmanager
def _overheard() -> Iterator[list[logging.LogRecord]]:
    """What Apprise logs in this thread."""
    log, ear = logging.getLogger("apprise"), _Ear()
    log.addHandler(ear)
    try:
        yield ear.records
    finally:
        log.removeHandler(ear)


def _shown(plugin: "NotifyBase") -> str:
    """Scheme and host. Many services have a token where a URL has its host: those show the scheme alone."""
    templates: tuple[str, ...] = plugin.templates
    with_host = ["{host}" in template for template in templates]
    # Services with both forms, like ntfy, have a host only if it looks like one.
    named = bool(templates) and (all(with_host) or (any(with_host) and "." in (plugin.host or "")))
    return f"{plugin.schema}://{plugin.host if named and plugin.host else ''}"


def _secret(url: str, plugin: "NotifyBase") -> re.Pattern[str]:
    """Matches everything in the URL that could be a secret: all of its parts but scheme, host and short words."""
    parts = {url, *re.split(r"[/:@?&=+,;#\s]+", url)}
    parts.update(value for _, value in parse_qsl(urlsplit(url).query))
    parts.update([unquote(part) for part in parts] + [unquote_plus(part) for part in parts])
    public = _shown(plugin).split("://")
    kept = {part for part in parts if len(part) > 3 and part not in public}
    if plugin.password:
        signed = f"{plugin.user or ''}:{plugin.password}".encode()  # as basic authentication sends it
        kept |= {plugin.password, base64.b64encode(signed).decode()}
    longest_first = sorted(kept, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first)) or r"(?!)", re.IGNORECASE)
