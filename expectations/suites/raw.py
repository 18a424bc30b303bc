"""Suites of raw: a file's lines are all there, stand under the right headers, and say which months they are.

Belongs here: what can be said of printed text. Does not belong here: whether figures are plausible or agree with
others (`expectations.suites.core`), and what a label stands for (`expectations/data/code_map/`).
"""

from __future__ import annotations

from collections.abc import Mapping

from expectations.runner import Expect, ExpectNoRows, Suite

TABLE = "{table}"
"""What the runner replaces by the table of the suite."""


def name_of(table: str) -> str:
    """Name of the suite of a table."""
    return table.replace(".", "_")


_MONTHS = {"month_label": "month"}

_CBP_LABELS = {
    **_MONTHS,
    "demographic_label": "demographic",
    "citizenship_label": "citizenship",
    "title_label": "title",
}


def suites() -> list[Suite]:
    """One suite a raw table. A table is empty where no release of its family is known."""
    return [
        _csv_suite(
            "raw.cbp_sbo",
            {**_CBP_LABELS, "component_label": "component", "encounter_type_label": "encounter_type"},
            year=r"20\d\d( \(FYTD\))?",
        ),
        _csv_suite(
            "raw.cbp_nationwide_state",
            {**_CBP_LABELS, "region_label": "region", "state_label": "state"},
            year=r"20\d\d( \(FYTD\))?",
        ),
        _csv_suite(
            "raw.cbp_nationwide_aor",
            {
                **_CBP_LABELS,
                "component_label": "component",
                "region_label": "region",
                "sector_label": "sector",
                "sector_abbreviation_label": "sector_abbreviation",
                "encounter_type_label": "encounter_type",
            },
            year=r"20\d\d( \(FYTD\))?",
        ),
        _csv_suite(
            "raw.usbp_southwest_workbook",
            {
                **_MONTHS,
                "sector_label": "sector_abbreviation",
                "demographic_label": "demographic",
                "citizenship_label": "citizenship",
            },
            year=r"FY20\d\d(TD)?",
            count=r"\d+",
            has_grouping=False,
        ),
        _csv_suite(
            "raw.usbp_monthly_history",
            {**_MONTHS, "sector_label": "sector"},
            year=r"20\d\d",
            count=r"\d+",
            has_grouping=False,
        ),
        _ohss_suite(),
        _carried_suite(),
    ]


def _csv_suite(
    table: str,
    labels: Mapping[str, str],
    *,
    year: str,
    count: str = r"\d+([.]0+)?",
    has_grouping: bool = True,
) -> Suite:
    """`labels` names the domain of the code map each label column is written in."""
    texts = ["fiscal_year_label", *labels, "encounters_label"]
    expectations = [
        *_whole_releases(f"families.raw_table = '{table}' and releases.layout <> 'carried'"),
        _no_blanks([*texts, "month_grouping_label"] if has_grouping else texts),
        _known_labels(labels, _AGENCY_LABELS),
        _fiscal_year_pattern(year),
        _open_year_is_newest(),
        _count_pattern(count),
    ]
    if has_grouping:
        expectations.append(_month_grouping())
    return Suite(name_of(table), table, expectations, description=_DESCRIPTION, min_rows=0)


_DESCRIPTION = "Every line of every release, as printed."


def _ohss_suite() -> Suite:
    table = "raw.ohss_monthly"
    return Suite(
        name_of(table),
        table,
        [
            *_whole_releases(f"families.raw_table = '{table}' and releases.layout <> 'carried'"),
            _no_blanks(
                ["table_label", "fiscal_year_label", "month_label", "column_label", "encounters_label"]
            ),
            ExpectNoRows(
                name="unknown_tables",
                sql=f"""
                    select lines.release_id, lines.table_label, count(*) as cells
                    from {TABLE} as lines
                    left join meta.ohss_tables as tables on lines.table_label = tables.table_label
                    where tables.table_label is null
                    group by lines.release_id, lines.table_label
                    order by all
                """,
                column="table_label",
                title="Every sheet and part is one the project has described.",
                because="A table nobody has described is either encounters nobody counts or something that "
                "is none.",
            ),
            _known_labels(_MONTHS, _AGENCY_LABELS),
            _fiscal_year_pattern(r"20\d\d( YTD)?"),
            _count_pattern(r"\d+|X|NA"),
        ],
        description="Every cell of the OHSS monthly tables, as printed.",
        min_rows=0,
    )


def _carried_suite() -> Suite:
    table = "raw.carried_series"
    codes = {
        f"{domain}_label": domain
        for domain in (
            "component", "region", "sector", "state", "demographic", "citizenship", "title", "encounter_type",
        )
    }  # fmt: skip
    return Suite(
        name_of(table),
        table,
        [
            *_whole_releases("releases.layout = 'carried'"),
            _no_blanks(["month_label", "fiscal_year_label", "encounters_label"]),
            _known_labels(codes, _CARRIED_CODES),
            ExpectNoRows(
                name="month_pattern",
                sql=f"""
                    select release_id, line_no, month_label
                    from {TABLE}
                    where not regexp_matches(month_label, '^\\d\\d\\d\\d-(0[1-9]|1[0-2])$')
                    order by release_id, line_no
                """,
                column="month_label",
                title="Months are written 2021-01.",
                because="The carried series is the project's own; a month it cannot read back is a fault "
                "of the exporter.",
            ),
            _fiscal_year_pattern(r"20\d\d( \(FYTD\))?|FY20\d\dTD"),
            _count_pattern(r"\d+"),
        ],
        description="The series carried with the project, in its own codes.",
        min_rows=0,
    )


# --------------------------------------------------------------------------------------------- expectations


def _whole_releases(belonging: str) -> list[Expect | ExpectNoRows]:
    """The releases that belong to the table, a condition on meta.releases and meta.families, are in it line for line."""
    return [
        ExpectNoRows(
            name="releases_without_lines",
            sql=f"""
                select releases.release_id, releases.file_name, releases.lines_in_file
                from meta.releases as releases
                inner join meta.families as families on releases.family = families.family
                where {belonging}
                    and releases.release_id not in (select release_id from {TABLE})
                    and releases.release_id not in (select release_id from meta.arrivals)
                order by releases.release_id
            """,
            title="Every known release has lines.",
            because="A release that is listed but not loaded would look as if its months had never been "
            "published.",
        ),
        ExpectNoRows(
            name="lines_lost",
            sql=f"""
                with kept as (
                    select
                        release_id, count(*) as lines,
                        sum(try_cast(regexp_extract(encounters_label, '^(\\d+)([.]0+)?$', 1) as bigint)) as encounters
                    from {TABLE}
                    group by release_id
                ),

                set_aside as (
                    select release_id, sum(lines) as lines
                    from meta.row_ledger
                    where stage = 'parse'
                    group by release_id
                )

                select
                    kept.release_id, releases.file_name, releases.lines_in_file, kept.lines as lines_kept,
                    coalesce(set_aside.lines, 0) as lines_set_aside, releases.encounters_in_file,
                    kept.encounters as encounters_kept
                from kept
                left join meta.releases as releases on kept.release_id = releases.release_id
                left join set_aside on kept.release_id = set_aside.release_id
                where releases.lines_in_file is distinct from kept.lines + coalesce(set_aside.lines, 0)
                    or releases.encounters_in_file is distinct from coalesce(kept.encounters, 0)
                order by kept.release_id
            """,
            title="Lines kept and lines set aside are the lines of the file, and so are their encounters.",
            because="Nothing is lost silently: a line of the file is a row here or a line of the ledger "
            "with its reason.",
        ),
        ExpectNoRows(
            name="line_numbers_repeated",
            sql=f"""
                select release_id, line_no, count(*) as rows
                from {TABLE}
                group by release_id, line_no
                having count(*) > 1
                order by release_id, line_no
            """,
            column="line_no",
            title="A line number names one line of a release.",
            because="A figure is traced to its line; a number that names two lines means a file was loaded "
            "twice.",
        ),
    ]


def _no_blanks(columns: list[str]) -> ExpectNoRows:
    blank = " or ".join(f"trim(coalesce({column}, '')) = ''" for column in columns)
    return ExpectNoRows(
        name="blank_values",
        sql=f"select * from {TABLE} where {blank} order by release_id, line_no",
        title="No value is blank.",
        because="CBP prints every cell of a line; a blank one is a line cut short or a column that slipped. "
        "Core quarantines it, which stops publication.",
        severity="warning",
    )


_AGENCY_LABELS = "select domain, label from meta.code_map"

# a carried series names what a file does not publish `all`; its regions are CBP's and those of the history
_CARRIED_CODES = """
    select distinct case domain when 'history_region' then 'region' else domain end as domain, code as label
    from meta.code_map
    union
    select distinct domain, 'all' from meta.code_map
"""


def _known_labels(labels: Mapping[str, str], known: str) -> ExpectNoRows:
    """`known` selects the pairs of domain and label a column may hold."""
    counted = "\nunion all\n".join(
        f"select release_id, '{column}' as column_name, '{domain}' as domain, {column} as label, "
        f"count(*) as lines, min(line_no) as first_line_no from {TABLE} group by release_id, {column}"
        for column, domain in labels.items()
    )
    return ExpectNoRows(
        name="unknown_labels",
        sql=f"""
            with printed as (
                {counted}
            ),

            known as (
                {known}
            )

            select printed.column_name, printed.label, printed.release_id, printed.lines, printed.first_line_no
            from printed
            left join known on printed.domain = known.domain and printed.label = known.label
            where known.label is null and printed.label is not null
            order by printed.lines desc, printed.column_name, printed.label, printed.release_id
        """,
        title="Every label is in the reviewed code map.",
        because="CBP renames categories without notice; a label nobody has reviewed must not be filed "
        "under a guess. Core quarantines its lines, which stops publication.",
        severity="warning",
    )


def _fiscal_year_pattern(pattern: str) -> ExpectNoRows:
    return ExpectNoRows(
        name="fiscal_year_pattern",
        sql=f"""
            select release_id, fiscal_year_label, count(*) as lines, min(line_no) as first_line_no
            from {TABLE}
            where not regexp_matches(fiscal_year_label, '^({pattern})$')
            group by release_id, fiscal_year_label
            order by release_id, fiscal_year_label
        """,
        column="fiscal_year_label",
        title="Fiscal years are written as this family writes them.",
        because="The label dates every figure and says whether its year was still open; a new spelling "
        "must be read by a person.",
    )


def _open_year_is_newest() -> ExpectNoRows:
    return ExpectNoRows(
        name="open_year_is_not_the_newest",
        sql=f"""
            with years as (
                select
                    release_id, fiscal_year_label, count(*) as lines,
                    try_cast(regexp_extract(fiscal_year_label, '\\d+') as integer) as fiscal_year
                from {TABLE}
                group by release_id, fiscal_year_label
            )

            select release_id, fiscal_year_label, lines, newest
            from (
                select
                    release_id, fiscal_year_label, fiscal_year, lines,
                    max(fiscal_year) over (partition by release_id) as newest
                from years
            )
            where fiscal_year_label like '%TD%' and fiscal_year < newest
            order by release_id, fiscal_year_label
        """,
        column="fiscal_year_label",
        title="Only the newest fiscal year of a file is marked as open.",
        because="Months of an open year are provisional; a closed year marked open, or two open years, "
        "means the labels slipped.",
    )


def _count_pattern(pattern: str) -> ExpectNoRows:
    return ExpectNoRows(
        name="count_pattern",
        sql=f"""
            select release_id, line_no, encounters_label
            from {TABLE}
            where not regexp_matches(encounters_label, '^({pattern})$')
            order by release_id, line_no
        """,
        column="encounters_label",
        title="Counts are whole numbers.",
        because="A count with a sign, a separator or a fraction is damaged or another column's value. "
        "Core quarantines its line, which stops publication.",
        severity="warning",
    )


def _month_grouping() -> ExpectNoRows:
    return ExpectNoRows(
        name="month_grouping",
        sql=f"""
            with months as (
                select
                    lines.release_id, lines.fiscal_year_label, lines.month_label, lines.month_grouping_label,
                    try_cast(regexp_extract(lines.fiscal_year_label, '\\d+') as integer) as fiscal_year,
                    case when regexp_matches(months.code, '^[0-9]+$')
                        then (cast(months.code as integer) + 2) % 12 + 1 end as fiscal_month,
                    count(*) as lines
                from {TABLE} as lines
                inner join meta.code_map as months on months.domain = 'month' and lines.month_label = months.label
                group by
                    lines.release_id, lines.fiscal_year_label, lines.month_label, lines.month_grouping_label, months.code
            ),

            cut_offs as (
                select release_id, arg_max(fiscal_month, fiscal_year * 100 + fiscal_month) as reported_months
                from months
                group by release_id
            )

            select
                months.release_id, months.fiscal_year_label, months.month_label, months.month_grouping_label,
                case when months.fiscal_month <= cut_offs.reported_months then 'FYTD' else 'Remaining' end as expected,
                months.lines
            from months
            inner join cut_offs on months.release_id = cut_offs.release_id
            where months.month_grouping_label
                <> case when months.fiscal_month <= cut_offs.reported_months then 'FYTD' else 'Remaining' end
            order by months.release_id, months.fiscal_year, months.fiscal_month
        """,
        column="month_grouping_label",
        title="FYTD marks, in every year, the months the newest year has reached.",
        because="In a file of an open year FYTD marks the months reported so far in all of its years; "
        "another set means the file is cut short or its months slipped.",
    )
