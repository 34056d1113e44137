"""Text from outside, made safe to show in a label, on a page and in a log.

A label's value ends in alerts, chat windows and terminals, beside commands that are pasted. So it never has a line
break, a control character or an invisible one, and what names a thing has the characters of Kubernetes' own names.
"""

import re
import urllib.parse
from typing import Final

from exporter.addresses import shown_address
from exporter.redaction import HIDDEN, without_credentials
from exporter.tokens import begins_as_token, looks_secret

__all__ = ["free_name", "identifier", "is_printable", "message", "model_name", "one_line", "printable", "spelled_out"]

# What Unicode lets be drawn as nothing (Default_Ignorable_Code_Point), as far as Python calls it printable.
_INVISIBLE: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0000-\U000e0fff]"
)
_LONGEST_LINE: Final = 200
_LONGEST_WORD: Final = 63  # as a Kubernetes label's value
_WORD: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_NOT_IN_WORD: Final = re.compile(r"[^A-Za-z0-9._-]+")
_MODEL: Final = re.compile(
    r"{0}(?:/{0})*(?:(?::{0})*|@{0})(?:\[[a-z0-9]{{1,8}}\])?".format("[A-Za-z0-9][A-Za-z0-9._-]*")
)
_ADDRESS: Final = re.compile(
    r"[A-Za-z+]*:/.*@[^\s'\"<>(),;]*|[A-Za-z+]*:/[^\s'\"<>(),;]*|[^\s'\"<>()]*@[^\s'\"<>()]*"
)
_ONE_WORD_HOST: Final = re.compile(r"[^.\[/]+:[0-9]+/")
_TEMPLATE: Final = re.compile(r"\{(?=\{)")
_RUN: Final = re.compile(r"[\w+/=~.-]+", re.ASCII)
_DIGEST: Final = re.compile(r"([^@]+)@sha256:[0-9a-f]{64}")


def is_printable(text: str) -> bool:
    """Whether all of it can be seen, and on one line."""
    return text.isprintable() and (text.isascii() or not _INVISIBLE.search(text))


def printable(text: str) -> str:
    """With U+FFFD in place of each character that cannot be seen, or that begins a line."""
    if is_printable(text):
        return text
    return _INVISIBLE.sub("\ufffd", "".join(char if char.isprintable() else "\ufffd" for char in text))


def spelled_out(text: str) -> str:
    """For terminals and files that people read: each such character spelled out as in Python."""
    return "".join(char if is_printable(char) else ascii(char)[1:-1] for char in text)


def one_line(text: str, *, limit: int = _LONGEST_LINE) -> str:
    """Printable text with single blanks between its words, cut."""
    text = text[: 4 * limit]
    if not is_printable(text):
        text = _INVISIBLE.sub(" ", "".join(char if char.isprintable() else " " for char in text))
    return " ".join(text.split())[:limit]


def identifier(text: str, *, limit: int = _LONGEST_WORD) -> str:
    """A name: ASCII letters, digits and `-._` between letters or digits. Any run of others becomes `_`."""
    if len(text) <= limit and _WORD.fullmatch(text):
        return text
    return _NOT_IN_WORD.sub("_", text[: 2 * limit])[:limit].strip("._-")


def free_name(text: str) -> str:
    """An identifier that a person wrote in a spec or a label; of a token nothing, of an address what may be shown."""
    if "@" in text or ":/" in text:
        text = shown_address(text)
    return "" if _has_token(text) else identifier(text)


def model_name(text: str) -> str:
    """A language model's name, such as `anthropic/claude-opus-4:beta` or `opus[1m]`."""
    if len(text) <= _LONGEST_WORD and _MODEL.fullmatch(text) and not _has_token(text):
        return text
    return free_name(text)


def _has_token(text: str) -> bool:
    return any(map(begins_as_token, _NOT_IN_WORD.split(text)))


def message(text: str, *, limit: int = _LONGEST_LINE) -> str:
    """One line of free text without credentials: no value of a password or token, no address but host and path.

    It begins no Go template either: some receivers of Alertmanager expand what an alert holds once more.
    """
    line = one_line(urllib.parse.unquote(text[: 4 * limit]), limit=2 * limit)
    if len(line) == 2 * limit:
        line = line.rpartition(" ")[0]  # half an address could be read as another one
    line = without_credentials(_ADDRESS.sub(_address, line))
    return _TEMPLATE.sub("{ ", _RUN.sub(_unless_secret, line))[:limit]


def _address(match: re.Match[str]) -> str:
    text = match[0]
    end = text.rstrip(".:")
    image = _DIGEST.fullmatch(end)
    shown = f"{shown_address(image[1])}@sha256" if image else shown_address(end)
    if _ONE_WORD_HOST.match(shown):
        shown = ""  # it may as well be a user with a password whose rest is missing
    return (shown or HIDDEN) + text[len(end) :]


def _unless_secret(match: re.Match[str]) -> str:
    text = match[0]
    return HIDDEN if looks_secret(text) and text != "oauth2" else text
