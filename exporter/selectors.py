"""The syntax of label keys and label selectors, as in `kubectl get -l`, to reject an invalid one at startup.

Source:
https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors
"""

import re
from typing import Final

__all__ = ["LABEL_KEY", "SELECTOR"]

_WORD: Final = r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?"
_KEY: Final = rf"([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?{_WORD}"
_VALUES: Final = rf"\(\s*({_WORD})?(\s*,\s*({_WORD})?)*\s*\)"
_TERM: Final = rf"\s*(!\s*{_KEY}|{_KEY}(\s*(==?|!=)\s*({_WORD})?|\s+(in|notin)\s*{_VALUES})?)\s*"
LABEL_KEY: Final = re.compile(_KEY)
SELECTOR: Final = re.compile(rf"({_TERM}(,{_TERM})*)?")
