"""Redacts credentials in free text: after the name of a credential, only words of an allowlist are shown.

A password may have any form, so credentials are detected by position. A word directly after `token`, `password is`,
`FOO_TOKEN=` or `Authorization: Basic` is shown only if Kubernetes, git or their servers use it in errors, such as
`token expired`. In the rest of the sentence, this applies to words in the position of a value
(`password for user bot: X`, `token of bot is "X"`) and to words with letters and digits; other words are shown.
"""

import dataclasses
import re
from typing import Final

from exporter.redaction_words import INTRODUCING, KNOWN, NAMED

__all__ = ["HIDDEN", "redact_credentials"]

HIDDEN: Final = "REDACTED"

_WORD: Final = re.compile(
    r"system:[\w.:-]*\w|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]*\w|(?:[\w-]+\.)+[\w-]+:[0-9]{1,5}\b|[\w.-]*\w"
)
_STRONG: Final = re.compile(
    r"passw|passcode|pass[-_]?phrase|^passe$|kennwort|contrase|senha|парол|密码|密碼|パスワード|token(?!i[sz])|secret"
    r"|(?:api|access|private|signing|encryption|account|storage|license|master)[-_]?key|authorization|bearer|jwt|^basic$|^--?(?:u|user|proxy-user)$"
)
# These words have other meanings as well: only an assigned value (after a colon or sign) is a credential.
_WEAK: Final = re.compile(
    r"pwd|cookie|credential|signature|session|^oauth2?$|^(?:creds?|pw|pin|t?otp)$|(?:^|[-_.])(?:pass|auth|sid|sig|pat)$"
    r"|[-_.]key(?:[-_.]id)?$"
)
# `api key`, `one-time code`.
_PAIRS: Final = {
    "key": re.compile(r"api|access|private|signing|encryption|ssh|deploy|license|account|master"),
    "code": re.compile(r"verification|device|one-time|recovery|activation|confirmation|security|access|unlock|login"),
}
_HINT: Final = re.compile(
    r"pass|pwd|pw|token|secret|cred|key|code|auth|bearer|basic|cookie|session|signature|jwt|sid|sig|pat|pin|otp|kennwort"
    r"|login|contrase|senha|парол|密码|密碼|パスワード|--?u"
)
# `user:password` may follow these.
_LOGINS: Final = re.compile(r"login|authenticat|unauthorized")
_FLAG: Final = re.compile(r"(\b(?:login|sshpass|mysql\w*)\b[^|;]*? -[pa] ?)[^\s-]\S*")
_HEADERS: Final = re.compile(r"authorization$|cookie$")
# Between the name and its value.
_LINKS: Final = frozenset(
    {
        *("is", "was", "are", "equals", "set", "value", "key", "keys", "phrase", "id", "basic", "bearer", "token"),
        *("code", "hash"),
    }
)
_STATUS: Final = re.compile(r"[45][0-9]{2}")
_COUNT: Final = re.compile(r"[0-9][0-9.]{0,9}[km]?")
# Terms of Kubernetes and its operators: the name of an object follows.
_NAMES: Final = re.compile(
    r"(?:external|sealed|imagepull)secrets?|secret(?:name|ref|keyref|store)"
    r"|secretproviderclass(?:\.secrets-store\.csi\.x-k8s\.io)?"
)
_OBJECT: Final = re.compile(r"[a-z0-9][a-z0-9./-]*")
_AFTER_NAME: Final = re.compile(
    r"[\"'`]?:? (?:not found|is forbidden|not registered|does(?: not|n't) exist|already exists|in (?:the )?namespace"
    r"|is not ready|(?i:secrets?) [\"'`])"
)
# Errors of the CSI driver for secrets and its providers (Azure, AWS), which contain names only.
_DRIVER: Final = re.compile(
    r"failed to mount secrets store objects for pod [a-z0-9.-]+/[a-z0-9.-]+, err: "
    r"|failed to get objectType:secret, objectName:[a-zA-Z0-9-]+, objectVersion::"
    r" keyvault\.BaseClient#GetSecret: Failure responding to request: StatusCode=[45][0-9]{2}(?!\S)"
    r"|is not authorized to perform: secretsmanager:GetSecretValue on resource: [\w/-]+"
    r" because no identity-based policy allows the secretsmanager:GetSecretValue action(?!\S)"
)
_JOINS: Final = re.compile(r"[._-]")
_PROSE: Final = re.compile(r"[A-Z]?[a-z]+")
_ASSIGNS: Final = re.compile(r"[:=>|]")
_ENDS_CLAUSE: Final = re.compile(r"[.,;!?)\]](?:\s|$)|\u00b7")
_ENDS_SENTENCE: Final = re.compile(r"[.;!?](?:\s|$)|\u00b7")
_OPENINGS: Final = re.compile(r"[\s\"'`:=>]")
_NEXT: Final = re.compile(r"\s+([\w'-]+)(?!\S)")
_STANDS_AS_VALUE: Final = re.compile(r":\W*$|>\W*$|\s-\s$|[\"`\[<]$|\W'$")
_PAIR: Final = re.compile(r"[^:]+:[^:/]+")
_PLACE: Final = re.compile(  # a host, an address, a user of Kubernetes, a time
    r"(?:[a-z0-9-]+\.)+[a-z]{2,}(?::[0-9]{1,5})?(?:/[\w./-]*)?|(?:[0-9]+\.){3}[0-9]+(?::[0-9]{1,5})?|system:.*"
    r"|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z?"
)
_CHUNK: Final = re.compile(r"[^\s\"'`()\[\]<>,;]*")
_MIXED: Final = re.compile(r"(?=[a-z]*[0-9])(?=[0-9]*[a-z])[a-z0-9]{5,}", re.IGNORECASE)
_NOT_MIXED: Final = re.compile(r"(?:[0-9]+[a-z]{1,2})+|[A-Z]{2,8}[0-9]{2,8}|[a-z]+[0-9]{1,2}")
_BEFORE: Final = re.compile(
    r"""(?P<value>[^\s"'`]+)(?P<end>["'`]?
    \ (?:(?:is|was)\ (?:not\ )?(?:an?|the|your|our|my)|as(?:\ an?|\ the|\ your)?)
    (?:\ (?:in)?valid|\ correct|\ wrong|\ api|\ access|\ auth|\ bearer|\ unknown)*
    \ (?:\w+/)?(?:password|token|key|secret|passphrase|passcode)\b)""",
    re.VERBOSE | re.IGNORECASE,
)


@dataclasses.dataclass(frozen=True)
class _Scope:
    """The name of a preceding credential. `near`: only linking words are in between."""

    name: str
    before: str
    near: bool = True
    phrase: bool = False
    """Whether a passphrase may follow, which may consist of words of the allowlist."""


def redact_credentials(line: str) -> str:
    """The line with REDACTED in place of each possible value of a credential."""
    if not _HINT.search(line.lower()):
        return line
    line = _FLAG.sub(rf"\1{HIDDEN}", _BEFORE.sub(_unless_known, line))
    parts: list[str] = []
    position, shown, scope, before = 0, 0, None, ""
    while word := _WORD.search(line, position):
        gap = line[position : word.start()]
        scope = _after(scope, gap)
        if scope and scope.near and "pass" in scope.name and _ASSIGNS.search(gap):
            scope = dataclasses.replace(scope, phrase=True)
        if text := _driver_text(scope, line, word):
            shown = text.end()
        if scope and word.end() > shown and _is_value(scope, line, gap, word, before):
            start, position = _value(line, word, gap, scope)
            parts += [line[word.start() - len(gap) : start], HIDDEN]
            near = line.startswith(" / ", position)
            scope, before = dataclasses.replace(scope, near=near, phrase=False), ""
            continue
        parts += [gap, word[0]]
        position = word.end()
        scope, before = _scope(scope, word[0].lower(), before), word[0].lower()
    return "".join([*parts, line[position:]])


def _driver_text(scope: _Scope | None, line: str, word: re.Match[str]) -> re.Match[str] | None:
    """An error that begins here. After the name of another credential, it may be a value."""
    may_begin = scope is None or ("secret" in scope.name and not scope.near)
    return _DRIVER.match(line, word.start()) if may_begin else None


def _unless_known(match: re.Match[str]) -> str:
    return match[0] if match["value"].lower() in KNOWN else HIDDEN + match["end"]


def _after(scope: _Scope | None, gap: str) -> _Scope | None:
    """The scope after these characters; None after the end of a sentence."""
    if scope is None or _ENDS_SENTENCE.search(gap):
        return None
    return dataclasses.replace(scope, near=False, phrase=False) if _ENDS_CLAUSE.search(gap) else scope


def _scope(scope: _Scope | None, word: str, before: str) -> _Scope | None:
    """The credential whose value may follow this word: the word itself, an earlier one, or None."""
    if scope and scope.phrase:
        return scope
    if scope and scope.near and _links(word, before):
        return scope if _is_strong(scope) or not _STRONG.search(word) else _Scope(word, before)
    if before in {"unexpected", "non-existent"} or _NAMES.fullmatch(word):  # errors of a parser, and of the kubelet
        return None
    if _STRONG.search(word) or _WEAK.search(word) or (word in _PAIRS and _PAIRS[word].fullmatch(before)):
        return _Scope(word, before)
    if scope is None and _LOGINS.search(word):
        return _Scope(word, before, near=False)
    return dataclasses.replace(scope, near=False) if scope else None


def _links(word: str, before: str) -> bool:
    return word in _LINKS or (before, word) in {("basic", "auth"), ("set", "to")}


def _is_value(scope: _Scope, line: str, gap: str, word: re.Match[str], before: str) -> bool:
    text, lower = word[0], word[0].lower()
    if _is_known(lower) or _STATUS.fullmatch(text) or (lower in _LINKS and scope.near):
        return False
    if not scope.near:
        return _is_later_value(scope, line, gap, word, before)
    if (scope.name.endswith("tokens") and _COUNT.fullmatch(lower)) or _names_object(scope, line, word):
        return False
    if _ASSIGNS.search(gap):
        return True
    if len(text) == 1 or not _is_strong(scope):
        return False
    return not (scope.name == "basic" and _PROSE.fullmatch(_chunk(line, word).rstrip(".,;:)")))


def _is_known(word: str) -> bool:
    """Whether it is a word of the allowlist, or several with a separator, as in `invalid_grant`."""
    return all(part in KNOWN for part in _JOINS.split(word))


def _is_later_value(scope: _Scope, line: str, gap: str, word: re.Match[str], before: str) -> bool:
    """Whether the word is a value in the rest of the sentence."""
    text = _chunk(line, word).rstrip(":")
    if _STRONG.search(word[0].lower()) and line[word.end() : word.end() + 1] in {"=", ":"}:
        return False  # the name of another credential
    if _PLACE.fullmatch(text) or (
        before in NAMED and not _ASSIGNS.search(gap) and _OBJECT.fullmatch(text.rstrip(":"))
    ):
        return False
    if _PAIR.fullmatch(text) and (_is_strong(scope) or _LOGINS.search(scope.name)):
        return not all(map(_is_known, text.lower().split(":")))
    if not _is_strong(scope) or scope.name.endswith("tokens"):
        return False
    in_brackets = gap.endswith("(") and line.startswith(")", word.start() + len(text))
    if in_brackets or _STANDS_AS_VALUE.search(gap) or before in INTRODUCING:
        return len(word[0]) > 1
    return any(not _NOT_MIXED.fullmatch(run) for run in _MIXED.findall(text))


def _is_strong(scope: _Scope) -> bool:
    return bool(_STRONG.search(scope.name)) or scope.name in _PAIRS or "cred" in scope.name


def _names_object(scope: _Scope, line: str, word: re.Match[str]) -> bool:
    """Whether this is the name of a Secret and not its content, by the words around it."""
    name = _chunk(line, word).rstrip(":")
    if scope.name not in {"secret", "secrets"} or not _OBJECT.fullmatch(name):
        return False
    if scope.before in {"in", "from", "pull"} or (scope.before == "the" and "/" in name):
        return True
    return _AFTER_NAME.match(line, word.start() + len(name)) is not None


def _chunk(line: str, word: re.Match[str]) -> str:
    """The word up to the next blank, quote or bracket."""
    match = _CHUNK.match(line, word.start())
    return match[0] if match else word[0]


def _value(line: str, word: re.Match[str], gap: str, scope: _Scope) -> tuple[int, int]:
    """The start and end of the value: it ends at a closing quote, a blank, the end of a header or of a passphrase."""
    start = word.start() - len(_OPENINGS.split(gap)[-1])
    if _HEADERS.search(scope.name) and scope.near and _ASSIGNS.search(gap):
        return start, len(line)
    if gap.endswith(("'", '"', "`")):
        end = _until(line, gap[-1], word.end())
        return start, end - (line[end - 1] == "\\")
    end = _until(line, " ", word.end())
    end -= line[end - 1] == ":"
    while "pass" in scope.name and (more := _NEXT.match(line, end)):
        if more[1].lower() in KNOWN or more[1] in _LINKS:
            break
        end = more.end()
    return start, end


def _until(line: str, sign: str, position: int) -> int:
    return end if (end := line.find(sign, position)) >= 0 else len(line)
