"""The asset checks made of the suites."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
from installation import Home

from expectations.suites import suites, tables_read
from orchestration.assets import key
from orchestration.checks import suite_checks
from orchestration.definitions import definitions


def test_a_check_waits_for_every_table_it_reads() -> None:
    waits = {
        spec.asset_key: {dep.asset_key for dep in spec.additional_deps}
        for check in suite_checks
        for spec in check.check_specs
    }
    assert waits == {
        key(table): {key(one) for one in tables_read(suite) if not one.startswith("meta.")} - {key(table)}
        for table, suite in suites().items()
    }
    assert key("core.monthly_totals") in waits[key("core.monthly_by_dimension")]
    assert key("marts.measure_vintages") in waits[key("marts.january_yoy_by_dimension")]


def test_no_check_waits_for_a_table_that_waits_for_it() -> None:
    """A blocking check holds up what is made of its asset, so waiting for that would never end."""
    graph = definitions.resolve_asset_graph()
    for table, suite in suites().items():
        made_of_it = graph.get_ancestor_asset_keys
        for other in tables_read(suite) - {table}:
            if not other.startswith("meta."):
                assert key(table) not in made_of_it(key(other)), f"{table} is checked against {other}"


def test_a_check_names_the_page_that_shows_its_results(small_home: Home) -> None:
    with dg.DagsterInstance.from_config(str(small_home.root / "dagster")) as instance:
        for suite in suites().values():
            found = instance.event_log_storage.get_asset_check_execution_history(
                dg.AssetCheckKey(key(suite.table), suite.name), limit=1
            )
            [record] = found
            assert record.event is not None
            page = record.event.get_dagster_event().asset_check_evaluation_data.metadata["data_docs"].value
            assert Path(str(page)) == small_home.root / "data_docs" / "suites" / f"{suite.name}.html"
            assert Path(str(page)).is_file()
