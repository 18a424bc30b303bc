"""Declarative automation, in one pass over the assets: what is requested, when, and what holds it back.

    meta.reviewed   new code
    raw.*           a release that is missing (its partition is added by a sensor), or new parser code
    raw's checks    when raw or what they read has changed, in the run of core
    core, marts,
    published       when something they read has changed, every blocking check upstream passed (yesterday's too), and
                    no input still has to be read

A run that failed is not requested again by itself: the same inputs fail again. It comes back when an input changes,
when a failed check passes, or by hand; a worker that died is started again by run retries (deploy/dagster.yaml).
Does not belong here: asking publishers (schedules), partitions (sensors).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

import dagster as dg

#: `on` lets schedules and sensors run as soon as the daemon loads them; deployments set it, a laptop does not.
SWITCH = "BORDER_AUTOMATION"

AC = dg.AutomationCondition
_AT_REST = ~AC.in_progress() & ~AC.any_deps_missing() & ~AC.any_deps_in_progress()

#: Missing and not failed, or read by other code: a load that failed waits for new code or a person.
_DUE = (AC.missing() & ~AC.execution_failed()) | AC.code_version_changed().since_last_handled()

reviewed_condition = (_DUE & ~AC.in_progress()).with_label("new_code")
raw_condition = (_DUE & _AT_REST).with_label("missing_release")
raw_check_condition = (
    AC.any_deps_match(AC.newly_updated()).since_last_handled()
    & ~AC.in_progress()
    & ~AC.any_deps_in_progress()
).with_label("raw_changed")

#: A check that has never run has not failed: it runs with its table and then blocks in that run.
_PASSED_UPSTREAM = AC.all_deps_match(
    AC.all_checks_match(
        AC.check_passed() | AC.will_be_requested() | AC.missing(), blocking_only=True
    ).with_label("blocking_checks_passed")
).with_label("passed_upstream")
_CHANGED = (
    AC.any_deps_updated()
    | AC.newly_missing()
    | _PASSED_UPSTREAM.newly_true()  # a failed check that passes at last
).since_last_handled()

releases_condition = (_CHANGED & _AT_REST).with_label("changed")


def table_condition(
    inputs: Iterable[dg.AssetKey], looked_for: Iterable[dg.AssetKey] = ()
) -> dg.AutomationCondition:
    """Changed upstream, every blocking check upstream passed, and no input still to be read.

    So one run makes all tables of one state of the inputs, and a version holds every release, by one code. Assets
    in `looked_for` must have been materialized once: an installation that has fetched nothing publishes nothing.
    """
    condition = _CHANGED & _AT_REST & _PASSED_UPSTREAM
    for key in looked_for:
        condition = condition & ~AC.asset_matches(key, AC.missing())
    still_to_be_read = AC.in_progress() | AC.missing() | AC.code_version_changed().since(AC.newly_updated())
    for key in inputs:
        condition = condition & ~AC.asset_matches(key, still_to_be_read)
    return condition.with_label("changed_and_checked")


def is_on() -> bool:
    """Whether schedules and sensors start by themselves."""
    return os.environ.get(SWITCH, "").lower() == "on"


def schedule_status() -> dg.DefaultScheduleStatus:
    return dg.DefaultScheduleStatus.RUNNING if is_on() else dg.DefaultScheduleStatus.STOPPED


def sensor_status() -> dg.DefaultSensorStatus:
    return dg.DefaultSensorStatus.RUNNING if is_on() else dg.DefaultSensorStatus.STOPPED


def with_automation(
    assets: Sequence[dg.AssetsDefinition],
    *,
    code_of_all: str,
    code_of_raw: str,
    looked_for: Sequence[dg.AssetKey] = (),
) -> list[dg.AssetsDefinition]:
    """The same assets with their conditions, and the version of the code behind the reviewed data and behind raw."""
    reviewed = dg.AssetKey(["meta", "reviewed"])
    inputs = [reviewed, *(spec.key for a in assets for spec in a.specs if spec.key.path[0] == "raw")]

    def with_condition(spec: dg.AssetSpec) -> dg.AssetSpec:
        if spec.key == reviewed:
            return spec.replace_attributes(automation_condition=reviewed_condition, code_version=code_of_all)
        if spec.key.path[0] == "raw":
            return spec.replace_attributes(
                automation_condition=raw_condition, code_version=spec.code_version or code_of_raw
            )
        if spec.key == dg.AssetKey(["meta", "releases"]):
            return spec.replace_attributes(automation_condition=releases_condition)
        is_published = spec.key in (
            dg.AssetKey(["published", "warehouse"]),
            dg.AssetKey(["published", "court"]),
            dg.AssetKey(["published", "copy"]),
        )
        if spec.group_name in ("core", "marts", "court") or is_published:
            return spec.replace_attributes(automation_condition=table_condition(inputs, looked_for))
        return spec

    return list(dg.map_asset_specs(with_condition, assets))


def automation_sensor() -> dg.AutomationConditionSensorDefinition:
    return dg.AutomationConditionSensorDefinition(
        "raw_to_published",
        target=dg.AssetSelection.groups("meta", "raw", "core", "marts", "court", "published"),
        default_status=sensor_status(),
        minimum_interval_seconds=30,
        description="Requests what the assets' conditions say: missing releases, then everything downstream.",
    )
