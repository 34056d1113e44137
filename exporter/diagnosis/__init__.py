"""Determines why a run is stuck or has failed. Pure functions of the cached objects.

The worker of a run is the Job or Pod that works for it. `findings` returns the findings of a run or a worker, which
metrics, status page, API and `explain` show. `CAUSES` is the table of all causes.
"""

from exporter.diagnosis.cause import Cause
from exporter.diagnosis.cause_info import CauseInfo
from exporter.diagnosis.causes import CANNOT_TELL, CAUSES
from exporter.diagnosis.finding import Finding, is_fault
from exporter.diagnosis.findings import FAULT, NO_FAULT, UNKNOWN, findings, verdict
from exporter.diagnosis.main_end import main_ended
from exporter.diagnosis.metrics import failure_causes, hang_causes, stall_causes
from exporter.diagnosis.outcome import OUTCOMES, outcome_of
from exporter.diagnosis.stuck import Stuck, stuck, stuck_causes

__all__ = [
    "CANNOT_TELL",
    "CAUSES",
    "FAULT",
    "NO_FAULT",
    "OUTCOMES",
    "UNKNOWN",
    "Cause",
    "CauseInfo",
    "Finding",
    "Stuck",
    "failure_causes",
    "findings",
    "hang_causes",
    "is_fault",
    "main_ended",
    "outcome_of",
    "stall_causes",
    "stuck",
    "stuck_causes",
    "verdict",
]
