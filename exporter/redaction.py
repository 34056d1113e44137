"""Takes credentials out of free text: after the name of a credential, only words of a known list stay.

A value needs no special form to be a password. So the rule is not what a secret looks like: what follows `token`,
`password is`, `FOO_TOKEN=` or `Authorization: Basic` stays only where it is one of the words with which Kubernetes
and its clients describe an error, such as `token expired`.
"""

import re
from typing import Final

__all__ = ["HIDDEN", "without_credentials"]

HIDDEN: Final = "REDACTED"

_WORD: Final = re.compile(r"[\w.-]*\w")
_STRONG: Final = re.compile(
    r"passw|pass[-_]?phrase|token(?!i[sz])|secret|api[-_]?key|(?:access|private|signing|encryption)[-_]?key|authorization|bearer"
    r"|jwt|^basic$|^--?(?:u|user|proxy-user)$"
)
# These stand in other sentences too: only what is assigned to them, with a colon or a sign, is a credential.
_WEAK: Final = re.compile(
    r"pwd|cookie|credential|signature|session|(?:^|[-_.])(?:pass|auth|sid|sig|pat)$|[-_.]key(?:[-_.]id)?$"
)
_HINT: Final = re.compile(
    r"pass|pwd|token|secret|credential|key|auth|bearer|basic|cookie|session|signature|jwt|sid|sig|pat|--?u"
)
_KEYS: Final = frozenset({"api", "access", "private", "signing", "encryption", "ssh", "deploy"})
_HEADERS: Final = re.compile(r"authorization$|cookie$")
# Between the name and its value.
_LINKS: Final = frozenset(
    {
        *("is", "was", "are", "equals", "set", "value", "key", "keys", "phrase", "id", "basic", "bearer", "token"),
        *("code", "hash"),
    }
)
# What else follows the name, in a sentence about it.
_SENTENCES: Final = """
no not none null nil empty unset missing absent invalid incorrect wrong bad expire expired expires revoked
required rejected denied forbidden unauthorized unauthenticated unknown unexpected undefined malformed
unavailable unsupported disabled enabled unable cannot can could couldn did didn does doesn do don wasn were
isn aren has hasn have haven had been being be will would should must may might failed failure failures fail
fails failing error errors timeout timed exceeded limit limits limited quota rate too already still again
never only also but and or nor if when while because since until before after during for from in into of on at
by to with without via per as than that this which the a an its your my our their any some all each found
given provided used using expected try please see got ends request requests response exchange refresh renewal
generation creation review lookup fetch rotation retrieval provider issuer endpoint service services server
store manager plugin helper file path name names type field header headers mount mounts volume volumes cache
count usage budget window size length auth authentication authorization verification validation check login
logins scheme realm secret secrets tokens password passwords credential credentials permission permissions
scope scopes serviceaccount serviceaccounts configmap configmaps pod pods job jobs namespace namespaces
context connection dial rpc http https get post put status
audience audiences claim claims signature signatures contains contain lifetime expiration expiry source sources bucket
projection projected policy policies change changes mismatch mode owner backend format rules
"""
_KNOWN: Final = frozenset(_SENTENCES.split())
_STATUS: Final = re.compile(r"[45][0-9]{2}")
_COUNT: Final = re.compile(r"[0-9][0-9.]{0,9}[km]?")
# The Secrets of Kubernetes and of its operators, which messages call by their names.
_SECRETS: Final = re.compile(r"(?:external|sealed|imagepull)?secrets?|secret(?:name|ref|keyref|store)")
_OBJECT: Final = re.compile(r"[a-z0-9][a-z0-9.-]*")
_PROSE: Final = re.compile(r"[A-Z]?[a-z]+")
_ASSIGNS: Final = re.compile(r"[:=>]")
_ENDS_CLAUSE: Final = re.compile(r"[.,;!?)\]](?:\s|$)|\u00b7")
_OPENINGS: Final = re.compile(r"[\s\"'`:=>]")
_NEXT: Final = re.compile(r"\s+([\w'-]+)(?!\S)")


def without_credentials(line: str) -> str:
    """The line with REDACTED in place of each value that follows the name of a credential."""
    if not _HINT.search(line.lower()):
        return line
    parts, position, name, before = [], 0, "", ""
    while word := _WORD.search(line, position):
        gap = line[position : word.start()]
        if name and _is_value(name, gap, word[0]):
            start, position = _value(line, word, gap, name)
            parts += [line[word.start() - len(gap) : start], HIDDEN]
            name = before = ""
            continue
        parts += [gap, word[0]]
        position = word.end()
        name, before = _name(name, gap, word[0].lower(), before), word[0].lower()
    return "".join([*parts, line[position:]])


def _name(name: str, gap: str, word: str, before: str) -> str:
    """The name of a credential whose value may follow this word: an earlier one, the word itself, or none."""
    if name and (word == "value" or (word in _LINKS and not _ENDS_CLAUSE.search(gap))):
        return name
    if name and before == "set" and word == "to":
        return name
    if before in {"unexpected", "non-existent"}:  # of a parser; of the kubelet
        return ""
    found = _STRONG.search(word) or _WEAK.search(word) or (word == "key" and before in _KEYS)
    return word if found else ""


def _is_value(name: str, gap: str, word: str) -> bool:
    lower = word.lower()
    if _ENDS_CLAUSE.search(gap) or lower in _KNOWN or lower in _LINKS or _STATUS.fullmatch(word):
        return False
    if name.endswith("tokens") and _COUNT.fullmatch(lower):
        return False
    if _ASSIGNS.search(gap):
        return True
    if len(word) == 1 or not (_STRONG.search(name) or name == "key"):
        return False
    if _SECRETS.fullmatch(name):
        return not _OBJECT.fullmatch(word)
    return not (name == "basic" and _PROSE.fullmatch(word))


def _value(line: str, word: re.Match[str], gap: str, name: str) -> tuple[int, int]:
    """Where it starts and ends: at its closing quote, a blank, the end of a header or of a pass phrase."""
    start = word.start() - len(_OPENINGS.split(gap)[-1])
    if _HEADERS.search(name) and _ASSIGNS.search(gap):
        return start, len(line)
    if gap.endswith(("'", '"', "`")):
        end = _until(line, gap[-1], word.end())
        return start, end - (line[end - 1] == "\\")
    end = _until(line, " ", word.end())
    while "pass" in name and (more := _NEXT.match(line, end)):
        if more[1].lower() in _KNOWN or more[1] in _LINKS:
            break
        end = more.end()
    return start, end


def _until(line: str, sign: str, position: int) -> int:
    return end if (end := line.find(sign, position)) >= 0 else len(line)
