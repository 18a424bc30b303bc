"""Storage: the archive of raw files, contracts, the DuckDB writer, publish and export.

Belongs here: bytes on disk, tables and their contracts. Does not belong here: Dagster, schedules, what a
figure means (`transforms`), whether it is plausible (`expectations`).
"""
