"""`python -m exporter` is `coderun-exporter`."""

import sys

from exporter.cli import main

sys.exit(main())
