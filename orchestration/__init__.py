"""The only package that imports Dagster: assets, checks, partitions, jobs, resources and the command line."""
