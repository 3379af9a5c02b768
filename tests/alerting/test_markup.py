"""What somebody calls a printer is read as it stands, whichever marks the chat knows."""

import apprise
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from pydantic import SecretStr

from alerting.apprise import AppriseChannel
from alerting.markup import literal
from incidents.messages import plain

ADDRESS = "https://desk.example.org/answer/a_b-_c__d_=/?x=_1_&y=~2"
NAME = "**Printer** _upstairs_ ~~old~~ `lp0` AP_lounge_2 ||x|| C:\\lp"

MARKDOWN = MarkdownIt("commonmark").enable(["strikethrough", "table"])
"""What CommonMark says, with what chats add to it."""


def read(markdown: str) -> list[str]:
    """The lines that people read, and the name of everything that is not just text."""
    found = [""]
    for token in (one for block in MARKDOWN.parse(markdown) for one in (block, *(block.children or ()))):
        if token.type in ("softbreak", "paragraph_close"):
            found.append("")
        elif token.type in ("text", "text_special"):
            found[-1] += token.content
        elif token.type not in ("paragraph_open", "inline"):
            found.append(token.type)
    return [line for line in found if line]


marks = st.text(st.sampled_from("*_~`|\\#>-+=[]()<!&;:. 1aé"), max_size=30)


@given(st.lists(marks, min_size=1, max_size=3))
@example(["---"])
@example(["a", "==="])
@example(["a | b", "- | -"])
@example(["&copy; <?php"])
@example(["[x]: http://pwn.example"])
def test_text_that_is_escaped_reads_as_what_it_was(names: list[str]) -> None:
    said = "\n".join(
        f"{number}: {plain(one)}" if plain(one)[:1].isdigit() else plain(one) for number, one in enumerate(names)
    )
    expected = literal("", said, ["slack"])[1].split("\n")
    assert read(literal("", said, ["mmost"])[1]) == [line for line in expected if line]


@pytest.mark.parametrize("schemes", [["discord"], ["mmosts", "mmost"], ["nctalk"], ["workflows"], ["hassio"]])
def test_markdown_is_escaped_where_a_backslash_does_that(schemes: list[str]) -> None:
    _, body = literal("", f"Where: {NAME}\n# {NAME}", schemes)
    assert read(body) == [f"Where: {NAME}", f"# {NAME}"]


def test_a_service_without_an_escape_gets_marks_that_begin_nothing() -> None:
    _, body = literal("", f"Where: {NAME}\n- {NAME}\n# 2*3", ["zulip"])
    apart = "* * Printer* * _ upstairs_ ~ ~ old~~ 'lp0' AP_lounge_2 ||x|| C:\\lp"
    assert body == f"Where: {apart}\n\u200b- {apart}\n\u200b# 2* 3"


@pytest.mark.parametrize("scheme", ["discord", "zulip"])
def test_an_address_stays_what_it_is(scheme: str) -> None:
    assert literal("", f"Answer: {ADDRESS}\n{ADDRESS}", [scheme]) == ("", f"Answer: {ADDRESS}\n{ADDRESS}")


@pytest.mark.parametrize("scheme", ["discord", "zulip"])
def test_the_numbered_items_of_a_report_stay_what_they_are(scheme: str) -> None:
    said = "Two things.\n1. Door: low battery\n   What to do: change it\n2. Printer: no paper"
    assert literal("", said, [scheme]) == ("", said)


@pytest.mark.parametrize("scheme", ["zulip", "hassio"])
def test_a_title_that_is_shown_as_it_is_stays_so(scheme: str) -> None:
    assert literal(NAME, "", [scheme]) == (NAME, "")


@pytest.mark.parametrize("scheme", ["slack", "tgram", "matrix", "wxteams", "ntfy", "mailto", "json", "syslog"])
def test_what_is_text_to_a_service_stays_as_it_is(scheme: str) -> None:
    assert literal(NAME, NAME, [scheme]) == (NAME, NAME)


@pytest.mark.parametrize(
    "url",
    [
        "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/?format=markdown",
        "tgram://123456789:abcdefg_hijklmnopqrstuvwxyzabcdefghi/12315544/?format=markdown",
        "matrix://joe:secret@127.0.0.1/%23room?format=markdown",
        "wxteams://" + "a" * 80,
        "workflows://127.0.0.1/ee1234567890abcdef/sig1234567890abcdefghijklmnop",
        "ntfy://127.0.0.1/topic?format=markdown",
        "rocket://hook/tokens@127.0.0.1/%23desk",
    ],
)
def test_no_service_is_asked_to_read_markdown_whatever_its_url_says(url: str) -> None:
    plugin = AppriseChannel("it", SecretStr(url))._plugin
    assert plugin.resolve_format(apprise.NotifyFormat.TEXT) in (apprise.NotifyFormat.TEXT, apprise.NotifyFormat.HTML)
