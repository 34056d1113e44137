"""Determines the cause of a stall, a hang or a failure. Pure functions of the cached objects.

Used by the `*_cause` metrics and by the index page.
"""

from exporter.diagnosis.cause import Cause
from exporter.diagnosis.failure import failure_causes
from exporter.diagnosis.hang import hang_causes, main_ended
from exporter.diagnosis.stall import stall_causes
from exporter.diagnosis.stuck import Stuck, causes_of, stuck

__all__ = ["Cause", "Stuck", "causes_of", "failure_causes", "hang_causes", "main_ended", "stall_causes", "stuck"]
