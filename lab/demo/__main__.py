"""Runs `python -m lab.demo`, or names the package that is not installed."""

import sys

try:
    from lab.demo.command import main
except ModuleNotFoundError as error:
    sys.exit(f"lab.demo: {error.name} is not installed; `make demo` installs what it needs")

if __name__ == "__main__":
    sys.exit(main())
