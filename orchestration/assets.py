"""The assets: reviewed data and releases, raw by release, core, marts, and what is published.

Every asset is a table (key = schema, table), or the published file and its pages. Steps live in
`orchestration.steps`; an asset adds what Dagster shows: rows, schema, lineage, grain.
"""

import warnings
from collections.abc import Callable, Iterable, Sequence

import dagster as dg

from orchestration import claim_steps, court, lineage, sharing, steps
from orchestration.audit import write_data_docs
from orchestration.resources import Ledger
from transforms.models import Model, models
from warehouse import contracts, publish
from warehouse.court import storage
from warehouse.writer import Warehouse

warnings.filterwarnings(
    "ignore", category=dg.BetaWarning
)  # backfill_policy; one line an asset on every command

POOL = "duckdb"  # limit 1: DuckDB has one writer
OWNERS = ["team:border-ledger"]


def key(table: str) -> dg.AssetKey:
    """Asset key of `schema.table`."""
    return dg.AssetKey(table.split("."))


def releases_of(raw_table: str) -> dg.DynamicPartitionsDefinition:
    """Partitions of a raw asset: one per release."""
    return dg.DynamicPartitionsDefinition(name=f"releases_{raw_table.split('.')[1]}")


def described(table: str) -> str:
    """An asset's page: title, description, grain and SQL of a table."""
    contract = contracts.table(table)
    model = models().get(table)
    text = f"**{contract.title}.** {contract.description}\n\nGrain: {contract.grain}."
    if model:
        text += f"\n\n```sql\n{model.sql.strip()}\n```"
    return text


def metadata_of(table: str) -> dict[str, object]:
    """Grain, name and documented columns of a table."""
    contract = contracts.table(table)
    return {
        "grain": contract.grain,
        "dagster/table_name": table,
        "dagster/column_schema": dg.TableSchema(
            columns=[
                dg.TableColumn(
                    c.name, c.type, c.comment, constraints=dg.TableColumnConstraints(nullable=c.nullable)
                )
                for c in contract.columns
            ]
        ),
    }


def _built(context: dg.AssetExecutionContext, table: str, rows: int) -> dg.MaterializeResult:
    """What a table asset reports: its rows and where each column comes from."""
    found = {
        column: [dg.TableColumnDep(asset_key=key(t), column_name=c) for t, c in sources]
        for column, sources in lineage.column_lineage(table).items()
        if sources
    }
    metadata: dict[str, object] = {"dagster/row_count": rows}
    if found:
        metadata["dagster/column_lineage"] = dg.TableColumnLineage(found)
    return dg.MaterializeResult(metadata=metadata)


@dg.asset(
    key=key("meta.reviewed"),
    group_name="meta",
    kinds={"yaml", "duckdb"},
    owners=OWNERS,
    pool=POOL,
    description="Measures, breaks, families, label crosswalks, corrections and published figures, from the files "
    "reviewed in the repository, as tables in `meta`.",
)
def reviewed(context: dg.AssetExecutionContext, ledger: Ledger) -> dg.MaterializeResult:
    with ledger.open() as warehouse:
        steps.load_reviewed(warehouse)
        columns = lineage.load_dictionary(warehouse)
        row = warehouse.con.execute("select count(*) from meta.measures").fetchone()
    return dg.MaterializeResult(metadata={"measures": row[0] if row else 0, "documented columns": columns})


@dg.asset(
    key=key("meta.releases"),
    deps=[reviewed],
    group_name="meta",
    kinds={"duckdb"},
    owners=OWNERS,
    pool=POOL,
    description=described("meta.releases"),
    metadata=metadata_of("meta.releases"),
)
def releases(context: dg.AssetExecutionContext, ledger: Ledger) -> dg.MaterializeResult:
    with ledger.open() as warehouse:
        found = sharing.arrive(warehouse, ledger)
    return dg.MaterializeResult(metadata={"dagster/row_count": len(found)})


def _raw_asset(raw_table: str) -> dg.AssetsDefinition:
    @dg.asset(
        key=key(raw_table),
        deps=[releases],
        partitions_def=releases_of(raw_table),
        backfill_policy=dg.BackfillPolicy.single_run(),
        group_name="raw",
        kinds={"python", "duckdb"},
        owners=OWNERS,
        pool=POOL,
        description=described(raw_table),
        metadata=metadata_of(raw_table),
    )
    def load(context: dg.AssetExecutionContext, ledger: Ledger) -> Iterable[dg.MaterializeResult]:
        wanted = set(context.partition_keys)
        archive = ledger.archive
        rows: dict[str, int] = {}
        with ledger.open() as warehouse:
            sharing.arrive_for(warehouse, ledger, wanted)
            chosen = [r for r in archive.releases() if r.release_id in wanted]
            for release in chosen:
                if not (ledger.lake and sharing.is_known(warehouse, release)):
                    rows[release.release_id] = steps.load_raw(warehouse, archive, release)
                    context.log.info(
                        f"{release.release_id}: {rows[release.release_id]:,} rows of {release.file_name}"
                    )
            try:
                pushed = sharing.share(warehouse, ledger, chosen)
            except sharing.NotShareable as error:
                raise dg.Failure(f"kept from the lake:\n{error}", allow_retries=False) from None
            row = warehouse.con.execute(f"select count(*) from {raw_table}").fetchone()
        yield dg.MaterializeResult(
            metadata={
                "dagster/row_count": row[0] if row else 0,
                "rows loaded": sum(rows.values()),
                **({"pushed": pushed} if ledger.lake else {}),
            }
        )

    return load


def _core_asset(table: str, conformed: str) -> dg.AssetsDefinition:
    reads = {t for t in models()[conformed].reads if t.startswith("raw.")}

    @dg.asset(
        key=key(table),
        deps=[reviewed, releases, *(key(t) for t in sorted(reads))],
        group_name="core",
        kinds={"sql", "duckdb"},
        owners=OWNERS,
        pool=POOL,
        description=described(table)
        + f"\n\nLines are conformed by\n\n```sql\n{models()[conformed].sql.strip()}\n```",
        metadata=metadata_of(table),
    )
    def build(context: dg.AssetExecutionContext, ledger: Ledger) -> dg.MaterializeResult:
        with ledger.open() as warehouse:
            sharing.read_missing(warehouse, ledger, table)
            loaded = steps.load_core(warehouse, ledger.archive, table, ledger.evaluator)
            row = warehouse.con.execute(f"select count(*) from {table}").fetchone()
        for release_id, rows in loaded.items():
            context.log.info(f"{release_id}: {rows:,} rows")
        return _built(context, table, row[0] if row else 0)

    return build


def _model_asset(model: Model) -> dg.AssetsDefinition:
    schema = model.name.split(".")[0]
    is_of_courts = model.name.startswith(("marts.court_", "marts.mpp_"))

    @dg.asset(
        key=key(model.name),
        deps=assets_of(model.reads),
        group_name="court" if is_of_courts else schema,
        kinds={"sql", "duckdb"},
        owners=OWNERS,
        pool=POOL,
        description=described(model.name),
        metadata=metadata_of(model.name),
    )
    def build(context: dg.AssetExecutionContext, ledger: Ledger) -> dg.MaterializeResult:
        with ledger.open() as warehouse:
            rows = steps.build_model(warehouse, model.name, ledger.evaluator)
        return _built(context, model.name, rows)

    return build


def _judged_asset(table: str, reads: Sequence[str], make: Callable[[Warehouse], int]) -> dg.AssetsDefinition:
    """A mart that a rule in Python makes from other tables."""

    @dg.asset(
        key=key(table),
        deps=assets_of(reads),
        group_name="marts",
        kinds={"python", "duckdb"},
        owners=OWNERS,
        pool=POOL,
        description=described(table),
        metadata=metadata_of(table),
    )
    def build(context: dg.AssetExecutionContext, ledger: Ledger) -> dg.MaterializeResult:
        with ledger.open() as warehouse:
            return _built(context, table, make(warehouse))

    return build


def assets_of(reads: Iterable[str]) -> list[dg.AssetKey]:
    """Assets that write the tables; every meta table without an asset of its own is part of meta.reviewed."""
    found = set()
    for table in reads:
        if storage.is_court_table(table):
            found.add(key(table if not table.startswith("meta.") else court.FINDINGS))
            found.add(
                key(court.FINDINGS)
            )  # its blocking check stands between court records and what is made of them
        elif table in ("meta.row_ledger", "meta.quarantine"):
            found.update(key(t) for t in steps.CORE_TABLES)
        elif table.startswith("meta.") and table != "meta.releases":
            found.add(key("meta.reviewed"))
        else:
            found.add(key(table))
    return sorted(found)


raw_assets = [_raw_asset(t) for t in steps.RAW_TABLES]
core_assets = [_core_asset(t, conformed) for t, conformed in steps.CORE_TABLES.items()]
model_assets = [
    *(_model_asset(m) for m in steps.plain_models()),
    _judged_asset("marts.claims", ["marts.claim_readings", "meta.claims"], claim_steps.judge_claims),
    _judged_asset(
        "marts.sentence_changes",
        ["marts.measure_vintages", "meta.printed_sentences"],
        claim_steps.log_sentence_changes,
    ),
]


@dg.asset(
    key=dg.AssetKey(["published", "warehouse"]),
    deps=[*core_assets, *model_assets, reviewed, releases],
    group_name="published",
    kinds={"duckdb"},
    owners=OWNERS,
    pool=POOL,
    description="The file readers open: the audited build, copied and swapped in by one rename. Refuses while any "
    "audited table has a failed critical expectation or has been written since its audit. With a lake the same tables "
    "are published there first, in one transaction.",
)
def published_warehouse(context: dg.AssetExecutionContext, ledger: Ledger) -> dg.MaterializeResult:
    target = ledger.home.published_file
    with ledger.open() as warehouse:
        try:
            version = sharing.publish_build(warehouse, ledger, ledger.now())
        except publish.NotPublishable as error:
            raise dg.Failure(f"not published:\n{error}", allow_retries=False) from None
    return dg.MaterializeResult(
        metadata={
            "version": version,
            "path": dg.MetadataValue.path(str(target)),
            "bytes": target.stat().st_size,
        }
    )


@dg.asset(
    key=dg.AssetKey(["published", "data_docs"]),
    group_name="published",
    kinds={"html"},
    owners=OWNERS,
    pool=POOL,
    description="Pages that show the last audit of every table, expectation by expectation.",
)
def data_docs(context: dg.AssetExecutionContext, ledger: Ledger) -> dg.MaterializeResult:
    with ledger.open() as warehouse:
        index = write_data_docs(warehouse, ledger.home.data_docs)
    return dg.MaterializeResult(
        metadata={"index": dg.MetadataValue.path(str(index)) if index else "nothing audited yet"}
    )


@dg.asset(
    key=dg.AssetKey(["published", "site"]),
    deps=[published_warehouse],
    group_name="published",
    kinds={"html"},
    owners=OWNERS,
    automation_condition=dg.AutomationCondition.eager(),
    description="The static site of the published warehouse: pages, charts, downloads, SQL in the browser. Reads the "
    "published file alone. The first build fetches the browser libraries from an npm registry.",
)
def published_site(context: dg.AssetExecutionContext, ledger: Ledger) -> dg.MaterializeResult:
    from warehouse.site import SiteError, build_site
    from warehouse.site.vendor import VendorError

    home = ledger.home
    try:
        report = build_site(home.published_file, home.site, home.vendor, data_docs=home.data_docs)
    except (SiteError, VendorError) as error:
        raise dg.Failure(str(error), allow_retries=False) from None
    return dg.MaterializeResult(
        metadata={
            "index": dg.MetadataValue.path(str(report.folder / "index.html")),
            "data_docs": dg.MetadataValue.path(str(report.folder / "checks" / "index.html"))
            if (report.folder / "checks").exists()
            else "not built yet",
            "version": report.version,
            "pages": report.pages,
            "bytes": report.bytes,
        }
    )


all_assets: list[dg.AssetsDefinition] = [
    reviewed,
    releases,
    *raw_assets,
    *core_assets,
    *model_assets,
    published_warehouse,
    data_docs,
    published_site,
]
