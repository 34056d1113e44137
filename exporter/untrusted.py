"""Makes untrusted text safe to show in labels, pages and logs.

Label values are shown in alerts, chats and terminals, next to commands to paste. So they have no line breaks, control
characters or invisible characters, and names have only the characters of Kubernetes names.
"""

import re
import urllib.parse
from typing import Final

from exporter.addresses import safe_address
from exporter.redaction import HIDDEN, redact_credentials
from exporter.tokens import begins_as_token, looks_secret

__all__ = [
    "escape_invisible",
    "free_name",
    "identifier",
    "is_printable",
    "model_name",
    "one_line",
    "printable",
    "redact_message",
    "shorten",
]

# Invisible characters (Default_Ignorable_Code_Point in Unicode) that Python considers printable.
_INVISIBLE: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0000-\U000e0fff]"
)
_MAX_LINE_LENGTH: Final = 200
_CUT: Final = "\u2026"
_LONG_WORD: Final = 30
"""A longer word is cut."""
_MAX_WORD_LENGTH: Final = 63  # as a Kubernetes label's value
_WORD: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_NOT_IN_WORD: Final = re.compile(r"[^A-Za-z0-9._-]+")
_MODEL: Final = re.compile(
    r"{0}(?:/{0})*(?:(?::{0})*|@{0})(?:\[[a-z0-9]{{1,8}}\])?".format("[A-Za-z0-9][A-Za-z0-9._-]*")
)
_ADDRESS: Final = re.compile(
    r"[A-Za-z+]*:/.*@[^\s'\"<>(),;]*|[A-Za-z+]*:/[^\s'\"<>(),;]*|[^\s'\"<>()]*@[^\s'\"<>()]*"
)
_ONE_WORD_HOST: Final = re.compile(r"[^.\[/]+:[0-9]+/")
_RUN: Final = re.compile(r"[\w+/=~.-]+", re.ASCII)
# Names of credentials, which are not credentials themselves. In a URL, a credential follows.
_CREDENTIAL: Final = re.compile(r"oauth2?|(?:private|access|personal|deploy|bearer|oauth)[-_]token")
_NFS: Final = re.compile(r"(-t nfs4? (?:-o \S+ )?|while mounting )([\w.-]+):/[^\s'\"]*", re.ASCII)
"""The server in the texts of mount.nfs. The path of the export is hidden, as that of other URLs without a scheme."""
_DIGEST: Final = re.compile(r"([^@]+)@sha256:[0-9a-f]{64}")


def is_printable(text: str) -> bool:
    """Whether the text is one line of visible characters."""
    return text.isprintable() and (text.isascii() or not _INVISIBLE.search(text))


def printable(text: str) -> str:
    """Replaces each invisible character and line break with U+FFFD."""
    if is_printable(text):
        return text
    return _INVISIBLE.sub("\ufffd", "".join(char if char.isprintable() else "\ufffd" for char in text))


def escape_invisible(text: str) -> str:
    """Escapes each invisible character and line break as in Python, for terminals and files."""
    return "".join(char if is_printable(char) else ascii(char)[1:-1] for char in text)


def one_line(text: str, *, limit: int = _MAX_LINE_LENGTH) -> str:
    """Printable text with single blanks between its words, shortened to `limit` characters."""
    line = _line(text[: 4 * limit])
    return shorten(line if len(text) <= 4 * limit else f"{line} {_CUT}", limit=limit)


def _line(text: str) -> str:
    if not is_printable(text):
        text = _INVISIBLE.sub(" ", "".join(char if char.isprintable() else " " for char in text))
    return " ".join(text.split())


def shorten(line: str, *, limit: int) -> str:
    """At most `limit` characters: beginning and end of a longer line, of whole words, with `…` in between.

    An error often names its context first and its reason last.
    """
    if len(line) <= limit:
        return line
    half = (limit - len(_CUT) - 2) // 2
    if half <= _LONG_WORD:
        return line[:limit]
    head, tail = line[:half], line[-half:]
    if (blank := line.rfind(" ", half - _LONG_WORD, half + 1)) >= 0:
        head = line[:blank]
    if (blank := line.find(" ", len(line) - half - 1, len(line) - half + _LONG_WORD)) >= 0:
        tail = line[blank + 1 :]
    return f"{head.rstrip().removesuffix(f' {_CUT}')} {_CUT} {tail.lstrip().removeprefix(f'{_CUT} ')}"


def identifier(text: str, *, limit: int = _MAX_WORD_LENGTH) -> str:
    """A name: ASCII letters and digits, with `-._` in between. Replaces other characters with `_`."""
    if len(text) <= limit and _WORD.fullmatch(text):
        return text
    return _NOT_IN_WORD.sub("_", text[: 2 * limit])[:limit].strip("._-")


def free_name(text: str) -> str:
    """An identifier from free text in a spec or label. Empty for a token; for a URL, its host and path."""
    if "@" in text or ":/" in text:
        text = safe_address(text)
    return "" if _has_token(text) else identifier(text)


def model_name(text: str) -> str:
    """The name of a language model, such as `anthropic/claude-opus-4:beta` or `opus[1m]`."""
    if len(text) <= _MAX_WORD_LENGTH and _MODEL.fullmatch(text) and not _has_token(text):
        return text
    return free_name(text)


def _has_token(text: str) -> bool:
    return any(map(begins_as_token, _NOT_IN_WORD.split(text)))


def redact_message(text: str, *, limit: int = _MAX_LINE_LENGTH) -> str:
    """One line of free text without credentials: no password, no token, and of URLs only host and path."""
    whole = _line(urllib.parse.unquote(text[: 4 * limit]))
    line = whole[: 2 * limit]
    if len(line) == 2 * limit:
        line = line.rpartition(" ")[0]  # a truncated URL could match as another one
    is_cut = len(text) > 4 * limit or len(whole) > 2 * limit
    line = redact_credentials(_ADDRESS.sub(_address, _NFS.sub(_server, line)))
    line = _RUN.sub(_unless_secret, line)
    return shorten(f"{line} {_CUT}" if is_cut else line, limit=limit)


def _server(match: re.Match[str]) -> str:
    return f"{match[1]}{match[2]}:{HIDDEN}" if safe_address(f"https://{match[2]}") == match[2] else match[0]


def _address(match: re.Match[str]) -> str:
    text = match[0]
    end = text.rstrip(".:")
    image = _DIGEST.fullmatch(end)
    shown = f"{safe_address(image[1])}@sha256" if image else safe_address(end)
    if _ONE_WORD_HOST.match(shown):
        shown = ""  # it may be a user with the start of a password
    return (shown or HIDDEN) + text[len(end) :]


def _unless_secret(match: re.Match[str]) -> str:
    text = match[0]
    return HIDDEN if looks_secret(text) and not _CREDENTIAL.fullmatch(text) else text
