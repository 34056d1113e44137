"""Argument parsing with one-line errors that name the flag."""

import argparse
import difflib
import re
from collections.abc import Callable, Iterable
from typing import Any, NoReturn

__all__ = ["Parser", "UsageError", "nearest", "number", "one_of"]

_MIN_SIMILARITY = 0.6
_ARGUMENT_ERROR = re.compile(r"argument ([^:]+): (.+)", re.DOTALL)


class UsageError(Exception):
    """An invalid argument or setting. The message is one line."""


class Parser(argparse.ArgumentParser):
    """Raises UsageError. `flags` are its flags; `takes_name` is whether it takes a positional argument."""

    def __init__(self, **settings: Any) -> None:
        self.flags: set[str] = set()
        self.takes_name = False
        super().__init__(allow_abbrev=False, **settings)

    def add_argument(self, *names: str, **settings: Any) -> argparse.Action:
        """Adds an argument, as in argparse, and records its flags."""
        self.flags.update(name for name in names if name.startswith("-"))
        self.takes_name = self.takes_name or not names[0].startswith("-")
        return super().add_argument(*names, **settings)

    def error(self, message: str) -> NoReturn:
        """Raises UsageError."""
        about_one = _ARGUMENT_ERROR.fullmatch(message)
        if about_one is None:
            raise UsageError(f"{message}; see {self.prog} --help")
        flag, text = about_one.groups()
        flag = flag.rpartition("/")[2]  # the long name
        if text.startswith("ignored explicit argument"):
            text = "takes no value"
        elif text == "expected one argument":
            text = "needs a value"
        raise UsageError(f"{flag}: {text}; see {self.prog} --help")


def nearest(word: str, known: Iterable[str]) -> str:
    """A suggestion with the most similar known word; empty if none is similar."""
    names = sorted(known)
    near = difflib.get_close_matches(word.lower(), names, n=1, cutoff=_MIN_SIMILARITY)
    if not near and word.startswith("-"):  # -context for --context
        near = difflib.get_close_matches(f"--{word.lstrip('-').lower()}", names, n=1, cutoff=_MIN_SIMILARITY)
    return f"did you mean {near[0]}?" if near else ""


def one_of(*values: str) -> Callable[[str], str]:
    """The type of a flag that accepts one of these values."""

    def checked(text: str) -> str:
        if text not in values:
            raise argparse.ArgumentTypeError(f"{text!r} is not one of {', '.join(values)}")
        return text

    return checked


def number(text: str) -> int:
    """The type of a flag that accepts an integer."""
    if not (text.isascii() and text.isdecimal()):
        raise argparse.ArgumentTypeError(f"{text!r} is not an integer, such as 40")
    return int(text)
