"""From a run or a Job to the named cause of its trouble. Pure functions on the picture.

The `*_cause` metrics use it, and whatever else explains a run to a person.
"""

from exporter.diagnosis.cause import Cause
from exporter.diagnosis.failure import failure_causes
from exporter.diagnosis.hang import hang_causes
from exporter.diagnosis.stall import stall_causes
from exporter.diagnosis.stuck import Stuck, causes_of, stuck

__all__ = ["Cause", "Stuck", "causes_of", "failure_causes", "hang_causes", "stall_causes", "stuck"]
