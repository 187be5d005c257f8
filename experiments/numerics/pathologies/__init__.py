"""Every known way in which a path goes wrong: how it shows, why, where in the framework, and the remedy.

Add one in the module that it belongs to: a decorated function that says, from a path and its measures, whether
the path has it. The table of the atlas, the consequences, the checker of users' models and the tests have it then.
"""

from experiments.numerics.pathologies import objectives, precision, probabilities  # noqa: F401  (they register)
from experiments.numerics.pathologies.diagnosis import SOUND, UNEXPLAINED, diagnose, location_of, pathologies
from experiments.numerics.pathologies.record import PATHOLOGIES, Pathology, pathology

__all__ = ["PATHOLOGIES", "SOUND", "UNEXPLAINED", "Pathology", "diagnose", "location_of", "pathologies", "pathology"]
