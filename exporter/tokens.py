"""Detects tokens: by the prefixes of known services, and by words that look random."""

import re
from typing import Final

__all__ = ["begins_as_token", "looks_secret"]

# GitHub, GitLab, Slack, AWS, Atlassian, Docker, npm, Linear, Google, SendGrid, Hugging Face, OpenAI, Anthropic, JSON
# Web Tokens.
_TOKEN: Final = re.compile(
    r"gh[pousr]_|github_pat|gl(?:pat|oas|dt|rtr?|cbt|ptt|ft|soat|imt|agent|ffct|wt)-|xox[a-z]-|A[KS]IA[A-Z0-9]{8}"
    r"|AT(?:BB|CTT|ATT)|dckr_|npm_[A-Za-z0-9]{20}|lin_api_|ya29\.|AIza|SG\.[\w-]{16}|hf_[A-Za-z]{20}"
    r"|sk-(?:proj|ant|svcacct)-|eyJ"
)
# User names that precede a token in a URL.
_USER: Final = re.compile(r"x-(?:access|token|oauth)|oauth2?$|(?:private|access|personal|deploy|bearer)[-_]?token")
# runAsNonRoot, NoExecute, PreemptionByScheduler, clientId.
_SHORT: Final = "Ai|As|At|Be|By|Db|Do|Id|If|In|Io|Is|It|Js|My|No|Of|On|Or|To|Ui|Up"
_WORD: Final = re.compile(
    r"[A-Za-z0-9]{1,6}"
    r"|[a-z]{1,24}|[0-9]{1,20}|[a-z0-9]{1,12}"
    r"|[0-9]{1,20}[KMGTPE]i"  # 73712Ki: a quantity of Kubernetes
    r"|[A-Z]{1,24}s?|[A-Z0-9]{1,10}|[A-Z]{1,12}[0-9]{1,4}|AADSTS[0-9]{4,8}"
    # CamelCase: after capitals at least two lower-case letters, after six capitals (HTTPSConnection) at least four.
    rf"|[a-z]{{0,20}}[0-9]{{0,3}}(?:(?:[A-Z]{{1,5}}[a-z]{{2,20}}|[A-Z]{{6}}[a-z]{{4,20}}|{_SHORT})[0-9]{{0,3}})+"
    r"(?:[A-Z]{0,6}[0-9]{0,3}|[A-Z]{2,3}s)"
    r"|[a-z]{2,20}[A-Z]{2,3}s?"  # hostIPC, clusterIPs
)
_MAX_WORD_LENGTH: Final = 63


def begins_as_token(text: str) -> bool:
    """Whether it begins with the token prefix of a known service."""
    return _TOKEN.match(text) is not None


def looks_secret(text: str) -> bool:
    """Whether it begins as a token, or has a word that is not short, lower case, upper case or CamelCase."""
    words = re.findall(r"[A-Za-z0-9]+", text)
    if begins_as_token(text) or _USER.match(text):
        return True
    return not all(len(word) <= _MAX_WORD_LENGTH and _WORD.fullmatch(word) for word in words)
