"""Plausibility: Great Expectations suites, their DuckDB datasource, and the reviewed data they lean on.

Belongs here: reconciliations, continuity, magnitude. Does not belong here: types and keys (the contracts in
`warehouse` hold those) and whether the code is right (`tests` holds that).
"""

import warnings

# Great Expectations imports PySpark wherever it is installed.
warnings.filterwarnings("ignore", message="PySpark does not yet fully support pandas")
