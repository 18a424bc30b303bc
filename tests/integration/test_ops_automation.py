"""Declarative automation on a small copy of the graph: what is requested after what, and what holds it back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import dagster as dg
import pytest

from orchestration.automation import raw_check_condition, with_automation

RELEASES = dg.DynamicPartitionsDefinition(name="releases_raw")
REVIEWED, RELEASE_LIST = dg.AssetKey(["meta", "reviewed"]), dg.AssetKey(["meta", "releases"])
RAW, CORE, QUOTED = dg.AssetKey(["raw", "r"]), dg.AssetKey(["core", "c"]), dg.AssetKey(["core", "quoted"])
MART, PUBLISHED = dg.AssetKey(["marts", "m"]), dg.AssetKey(["published", "warehouse"])


pytestmark = pytest.mark.filterwarnings("ignore::dagster.BetaWarning")


@dataclass
class Small:
    """The graph of the warehouse in small, and a daemon's ticks without a daemon."""

    instance: dg.DagsterInstance
    verdicts: dict[str, bool] = field(default_factory=lambda: {"core": True, "raw": True})
    broken: set[str] = field(default_factory=set)
    code: str = "1"
    parser: str = "1"
    cursor: object = None
    published: int = 0

    def definitions(self) -> dg.Definitions:
        def table(
            key: dg.AssetKey, *deps: dg.AssetKey, partitions: dg.PartitionsDefinition | None = None
        ) -> dg.AssetsDefinition:
            @dg.asset(
                key=key,
                deps=deps,
                group_name=key.path[0],
                partitions_def=partitions,
                backfill_policy=dg.BackfillPolicy.single_run() if partitions else None,
            )
            def make() -> None:
                if key.path[-1] in self.broken:
                    raise dg.Failure("broken", allow_retries=False)
                self.published += key == PUBLISHED

            return make

        def check(
            asset: dg.AssetKey, name: str, condition: dg.AutomationCondition | None = None
        ) -> dg.AssetChecksDefinition:
            @dg.multi_asset_check(
                name=f"check_{name}",
                specs=[dg.AssetCheckSpec(name, asset=asset, blocking=True, automation_condition=condition)],
            )
            def run() -> Iterator[dg.AssetCheckResult]:
                yield dg.AssetCheckResult(passed=self.verdicts[name], asset_key=asset, check_name=name)

            return run

        assets = [
            table(REVIEWED),
            table(RELEASE_LIST, REVIEWED),
            table(RAW, RELEASE_LIST, partitions=RELEASES),
            table(CORE, REVIEWED, RELEASE_LIST, RAW),
            table(QUOTED, REVIEWED),
            table(MART, CORE, QUOTED, REVIEWED),
            table(PUBLISHED, CORE, MART, REVIEWED),
        ]
        return dg.Definitions(
            assets=with_automation(assets, code_of_all=self.code, code_of_raw=self.parser),
            asset_checks=[check(CORE, "core"), check(RAW, "raw", raw_check_condition)],
            executor=dg.in_process_executor,
        )

    def tick(self) -> dict[dg.AssetKey, set[str | None]]:
        """One evaluation; what it requested is run at once: raw by release, the rest in one run."""
        defs = self.definitions()
        result = dg.evaluate_automation_conditions(defs, self.instance, cursor=self.cursor)  # type: ignore[arg-type]
        self.cursor = result.cursor
        graph = defs.resolve_asset_graph()
        requested: dict[dg.AssetKey, set[str | None]] = {}
        checks = []
        for evaluation in result.results:
            if evaluation.true_subset.is_empty:
                continue
            if isinstance(evaluation.key, dg.AssetCheckKey):
                checks.append(evaluation.key)
            elif evaluation.key == RAW:
                requested[RAW] = set(evaluation.true_subset.expensively_compute_partition_keys())
            else:
                requested[evaluation.key] = {None}
        assert graph is not None
        if RAW in requested:
            for partition in sorted(str(p) for p in requested[RAW]):
                self.run([RAW], partition=partition)
        rest = [key for key in requested if key != RAW]
        if rest or checks:
            self.run(rest, checks)
        return requested

    def run(
        self,
        keys: Sequence[dg.AssetKey],
        checks: Sequence[dg.AssetCheckKey] = (),
        partition: str | None = None,
    ) -> bool:
        """One run, as the daemon makes it: the assets, the checks that ride along, the checks that were requested."""
        defs = self.definitions()
        selection = dg.AssetSelection.assets(*keys) if keys else dg.AssetSelection.assets()
        if RAW in keys:
            selection = selection.without_checks()
        if checks:
            selection = selection | dg.AssetSelection.checks(*checks)
        job = dg.define_asset_job("now", selection=selection)
        whole = dg.Definitions(
            assets=defs.assets, asset_checks=defs.asset_checks, jobs=[job], executor=dg.in_process_executor
        )
        resolved = whole.resolve_job_def("now")
        done = resolved.execute_in_process(
            instance=self.instance, raise_on_error=False, partition_key=partition
        )
        return done.success

    def until_quiet(self) -> list[set[str]]:
        """Ticks until one requests nothing; the names requested by each."""
        seen = []
        for _ in range(12):
            requested = self.tick()
            if not requested and seen and not seen[-1]:
                return seen[:-1]
            seen.append({"/".join(key.path) for key in requested})
        raise AssertionError(f"never quiet: {seen}")

    def add(self, *releases: str) -> None:
        self.instance.add_dynamic_partitions("releases_raw", list(releases))


@pytest.fixture
def small() -> Iterator[Small]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield Small(instance)


EVERYTHING = {"core/c", "core/quoted", "marts/m", "published/warehouse"}


def test_an_empty_installation_is_built_and_published_once(small: Small) -> None:
    small.add("a", "b")
    seen = small.until_quiet()
    assert set().union(*seen) == EVERYTHING | {"meta/reviewed", "meta/releases", "raw/r"}
    assert small.published == 1
    assert small.tick() == {}


@pytest.fixture
def built(small: Small) -> Small:
    small.add("a")
    small.until_quiet()
    assert small.published == 1
    return small


def test_a_new_release_is_loaded_alone_and_then_everything_downstream(built: Small) -> None:
    built.add("b")
    first = built.tick()
    assert first == {RAW: {"b"}}
    seen = built.until_quiet()
    assert {"core/c", "marts/m", "published/warehouse"} <= set().union(*seen)
    assert built.published == 2


def test_a_failed_check_holds_back_everything_downstream_in_its_run(built: Small) -> None:
    built.verdicts["core"] = False
    built.add("b")
    built.until_quiet()
    assert built.published == 1


def test_yesterdays_failed_check_holds_back_today(built: Small) -> None:
    """Another input changes while the check of core still says no: marts are not made of refused rows."""
    built.verdicts["core"] = False
    built.add("b")
    built.until_quiet()
    built.run([QUOTED])
    seen = built.until_quiet()
    assert "marts/m" not in set().union(*seen, set())
    assert built.published == 1


def test_a_check_that_passes_at_last_lets_downstream_go(built: Small) -> None:
    built.verdicts["core"] = False
    built.add("b")
    built.until_quiet()
    built.verdicts["core"] = True
    built.run([], [dg.AssetCheckKey(CORE, "core")])
    built.until_quiet()
    assert built.published == 2


def test_a_failed_check_of_raw_holds_back_core(built: Small) -> None:
    built.verdicts["raw"] = False
    built.add("b")
    seen = built.until_quiet()
    assert built.published == 1
    assert len(seen) < 6


@pytest.mark.parametrize("broken", ["r", "c", "m", "warehouse", "reviewed"])
def test_what_failed_is_not_requested_for_ever(built: Small, broken: str) -> None:
    built.broken = {broken}
    built.add("b")
    if broken == "reviewed":
        built.code = "2"
    seen = built.until_quiet()
    asked = sum(name.endswith(f"/{broken}") for names in seen for name in names)
    assert asked <= 2, seen
    assert built.published == 1


def test_a_failed_load_goes_on_when_its_code_is_mended(built: Small) -> None:
    built.broken = {"r"}
    built.add("b")
    built.until_quiet()
    built.broken, built.parser = set(), "2"
    built.until_quiet()
    assert built.published == 2


def test_new_code_makes_everything_anew_and_publishes_once(built: Small) -> None:
    built.code = built.parser = "2"
    seen = built.until_quiet()
    assert set().union(*seen) == EVERYTHING | {"meta/reviewed", "meta/releases", "raw/r"}
    assert built.published == 2


def test_nothing_changed_requests_nothing(built: Small) -> None:
    assert [built.tick() for _ in range(3)] == [{}, {}, {}]
