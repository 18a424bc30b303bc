"""Suites of core: nothing was lost on the way, figures are plausible, and what must agree agrees.

Belongs here: conservation, reconciliation, continuity, drift and magnitude of typed encounters. Does not belong
here: printed text (`expectations.suites.raw`), comparisons and percentages (`expectations.suites.marts`), types,
keys and nullability (the contracts).

Figures of a closed fiscal year must agree to the unit wherever they are printed twice. Months of an open year move
with every release, so there a bound is set and a breach is reported, not blocked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from expectations.runner import Expect, ExpectNoRows, Suite
from expectations.suites.raw import TABLE, name_of

#: Title 42 was used at the border from 20 March 2020 to 11 May 2023.
TITLE_42_FROM, TITLE_42_THROUGH = "2020-03-01", "2023-05-01"

#: Largest single cell of a month. All of CBP's encounters in its busiest month, December 2023, are 371 thousand: a
#: cell above a million is a yearly total or another column's value.
LARGEST_CELL = 1_000_000

#: Largest change of a month from one release to the next before the load is stopped. The largest change observed is
#: 0.7 % (February 2021), so a fifth is a file cut short or another population.
MAGNITUDE_PCT = 20.0

#: Groups below this many encounters may change by more than MAGNITUDE_PCT without meaning anything.
MAGNITUDE_FLOOR = 100

#: Drift of an open year's month that is worth a reader's attention: three times the largest observed.
DRIFT_PCT = 2.0


def suites() -> list[Suite]:
    """One suite a core table."""
    return [
        _cbp_suite(),
        _usbp_suite(),
        _ohss_suite(),
        _release_months_suite(),
        _monthly_totals_suite(),
        _monthly_by_dimension_suite(),
        _quoted_figures_suite(),
        _release_preference_suite(),
        _month_successions_suite(),
        _restatements_suite(),
    ]


def _cbp_suite() -> Suite:
    table = "core.cbp__monthly_encounters"
    return Suite(
        name_of(table),
        table,
        [
            *_conservation("cbp"),
            *_corrections(),
            *_plausible_cells(
                {
                    "component_code": ["component"],
                    "region_code": ["region"],
                    "sector_code": ["sector", "sector_abbreviation"],
                    "state_code": ["state"],
                    "demographic_code": ["demographic"],
                    "citizenship_code": ["citizenship"],
                    "title_code": ["title"],
                    "encounter_type_code": ["encounter_type"],
                }
            ),
            _title_42_window(),
            _encounter_type_agrees(),
            _southwest_sectors(),
        ],
        description="CBP encounters by release, month and every dimension a family publishes.",
        min_rows=0,
    )


def _usbp_suite() -> Suite:
    table = "core.usbp__monthly_encounters"
    return Suite(
        name_of(table),
        table,
        [
            *_conservation("usbp"),
            *_plausible_cells(
                {
                    "component_code": ["component"],
                    "region_code": ["history_region"],
                    "sector_code": ["sector"],
                    "title_code": ["title"],
                    "encounter_type_code": ["encounter_type"],
                }
            ),
            _title_42_window(),
            _encounter_type_agrees(),
            _southwest_sectors(),
            *_published_totals(),
        ],
        description="Border Patrol's history by sector, against the totals printed beside it.",
        min_rows=0,
    )


def _ohss_suite() -> Suite:
    table = "core.ohss__monthly_encounters"
    return Suite(
        name_of(table),
        table,
        [
            *_conservation("ohss"),
            *_plausible_cells(
                {
                    "component_code": ["ohss_component"],
                    "region_code": ["ohss_region"],
                    "sector_code": ["ohss_sector"],
                    "demographic_code": ["ohss_demographic"],
                    "citizenship_code": ["ohss_citizenship"],
                    "encounter_type_code": ["ohss_encounter_type"],
                }
            ),
            _rounded_parts("component_code", ["usbp", "ofo"]),
            _rounded_parts("region_code", ["air", "coastal", "northern", "southwest"]),
            _rounded_parts("encounter_type_code", ["administrative", "enforcement"]),
        ],
        description="OHSS encounters, every figure rounded to ten by the publisher.",
        min_rows=0,
    )


# ---------------------------------------------------------------------------------------------- conservation

REPEATED = "repeats a figure printed elsewhere in the file"
"""Reason of merged lines whose encounters are not added again."""


def _conservation(publisher: str) -> list[Expect | ExpectNoRows]:
    """Every release of the publisher is here, and every line and encounter of its files is accounted for."""
    expected = f"""
        ledger as (
            select
                release_id, sum(lines) as lines, sum(encounters) as encounters,
                coalesce(sum(lines) filter (where disposition = 'loaded'), 0) as rows_loaded,
                coalesce(sum(encounters) filter (
                    where stage = 'conform'
                        and (disposition = 'loaded' or disposition = 'merged' and reason <> '{REPEATED}')
                ), 0) as encounters_loaded
            from meta.row_ledger
            group by release_id
        ),

        in_core as (
            select release_id, count(*) as rows, sum(encounters) as encounters
            from {TABLE}
            group by release_id
        ),

        accounts as (
            select
                releases.release_id, releases.file_name, releases.lines_in_file, releases.encounters_in_file,
                coalesce(ledger.lines, 0) as lines_in_ledger, coalesce(ledger.encounters, 0) as encounters_in_ledger,
                coalesce(ledger.rows_loaded, 0) as rows_in_ledger, coalesce(in_core.rows, 0) as rows_in_core,
                coalesce(ledger.encounters_loaded, 0) as encounters_loaded,
                coalesce(in_core.encounters, 0) as encounters_in_core
            from meta.releases as releases
            inner join meta.families as families on releases.family = families.family
            left join ledger on releases.release_id = ledger.release_id
            left join in_core on releases.release_id = in_core.release_id
            where families.publisher_code = '{publisher}'
        )
    """
    return [
        ExpectNoRows(
            name="releases_not_loaded",
            sql=f"""
                with {expected}
                select release_id, file_name, lines_in_file, lines_in_ledger
                from accounts
                where rows_in_core = 0
                order by release_id
            """,
            title="Every known release has rows.",
            because="A release that is known but not loaded would make an older figure look like the "
            "newest one.",
        ),
        ExpectNoRows(
            name="rows_of_unknown_releases",
            sql=f"""
                select cells.release_id, count(*) as rows, sum(cells.encounters) as encounters
                from {TABLE} as cells
                left join meta.releases as releases on cells.release_id = releases.release_id
                where releases.release_id is null
                group by cells.release_id
                order by cells.release_id
            """,
            column="release_id",
            title="Every row belongs to a known release.",
            because="A figure whose release is unknown cannot be traced to a file or a day.",
        ),
        ExpectNoRows(
            name="lines_unaccounted",
            sql=f"""
                with {expected}
                select
                    release_id, file_name, lines_in_file, lines_in_ledger,
                    lines_in_file - lines_in_ledger as lines_unaccounted
                from accounts
                where lines_in_file <> lines_in_ledger
                order by release_id
            """,
            title="Lines of a file = loaded + merged + quarantined + ignored.",
            because="Nothing is lost silently: every line of every file is a row, or stands in the ledger "
            "with a reason.",
        ),
        ExpectNoRows(
            name="encounters_unaccounted",
            sql=f"""
                with {expected}
                select
                    release_id, file_name, encounters_in_file, encounters_in_ledger,
                    encounters_in_file - encounters_in_ledger as encounters_unaccounted
                from accounts
                where encounters_in_file <> encounters_in_ledger
                order by release_id
            """,
            title="Encounters printed in a file = encounters in its ledger.",
            because="The plain sum of a file, taken before anything is understood, must be found again to "
            "the unit.",
        ),
        ExpectNoRows(
            name="core_differs_from_ledger",
            sql=f"""
                with {expected}
                select
                    release_id, file_name, rows_in_ledger, rows_in_core, encounters_loaded, encounters_in_core,
                    encounters_in_core - encounters_loaded as encounters_too_many
                from accounts
                where rows_in_ledger <> rows_in_core or encounters_loaded <> encounters_in_core
                order by release_id
            """,
            title="Rows and encounters here = those the ledger says were loaded and added up.",
            because="The ledger speaks of what analysts add up only if both hold the same rows and the "
            "same sum.",
        ),
        ExpectNoRows(
            name="quarantined_lines",
            sql=f"""
                select
                    concat(releases.file_name, ', line ', quarantine.line_no, ': ', quarantine.reason) as sentence,
                    quarantine.release_id, quarantine.line_no, quarantine.stage, quarantine.reason,
                    (select count(*) from {TABLE} as cells where cells.release_id = quarantine.release_id) as rows_loaded
                from meta.quarantine as quarantine
                inner join meta.releases as releases on quarantine.release_id = releases.release_id
                inner join meta.families as families on releases.family = families.family
                where families.publisher_code = '{publisher}'
                order by quarantine.release_id, quarantine.line_no
            """,
            title="No line is in quarantine.",
            because="A line nobody could read makes its month's figure too small; a person must read it "
            "before anything is published.",
        ),
    ]


def _corrections() -> list[Expect | ExpectNoRows]:
    """Corrections touch what they were written for, no more and no less."""
    matching = """
        corrections.family = cells.family
        and coalesce(corrections.fiscal_year_label = cells.fiscal_year_label, corrections.fiscal_year_label is null)
        and coalesce(corrections.component_label = cells.component_label, corrections.component_label is null)
        and coalesce(corrections.title_label = cells.title_label, corrections.title_label is null)
        and coalesce(corrections.encounter_type_label = cells.encounter_type_label, corrections.encounter_type_label is null)
    """
    return [
        ExpectNoRows(
            name="correction_guard",
            sql=f"""
                with touched as (
                    select
                        corrections.correction_id, releases.release_id, sum(array_length(cells.line_nos)) as lines,
                        sum(cells.encounters) as encounters
                    from {TABLE} as cells
                    inner join meta.releases as releases on cells.release_id = releases.release_id
                    inner join meta.corrections as corrections
                        on corrections.applies_to_sha256 = releases.sha256 and {matching}
                    where cells.is_corrected
                    group by corrections.correction_id, releases.release_id
                )

                select
                    corrections.correction_id, releases.release_id, releases.file_name, corrections.expected_lines,
                    coalesce(touched.lines, 0) as lines, corrections.expected_encounters,
                    coalesce(touched.encounters, 0) as encounters
                from meta.corrections as corrections
                inner join meta.releases as releases on corrections.applies_to_sha256 = releases.sha256
                left join touched
                    on corrections.correction_id = touched.correction_id and releases.release_id = touched.release_id
                where coalesce(touched.lines, 0) <> corrections.expected_lines
                    or coalesce(touched.encounters, 0) <> corrections.expected_encounters
                order by corrections.correction_id, releases.release_id
            """,
            title="Each correction touches the lines and encounters it was written for.",
            because="A correction of the publisher's error that touches other lines than when it was "
            "reviewed changes figures unread.",
        ),
        ExpectNoRows(
            name="carried_correction_guard",
            sql=f"""
                with carried as (
                    select
                        corrections.correction_id, corrections.expected_encounters, corrections.set_encounter_type_code,
                        releases.release_id, releases.file_name,
                        try_cast(regexp_extract(corrections.fiscal_year_label, '\\d+') as integer) as fiscal_year,
                        components.code as component_code, titles.code as title_code
                    from meta.corrections as corrections
                    inner join meta.releases as releases
                        on corrections.applies_to_sha256 = releases.origin_sha256 and corrections.family = releases.family
                    left join meta.code_map as components
                        on components.domain = 'component' and corrections.component_label = components.label
                    left join meta.code_map as titles
                        on titles.domain = 'title' and corrections.title_label = titles.label
                )

                select
                    carried.correction_id, carried.release_id, carried.file_name, carried.expected_encounters,
                    coalesce(sum(cells.encounters), 0) as encounters
                from carried
                left join {TABLE} as cells
                    on carried.release_id = cells.release_id
                    and cells.encounter_type_code = carried.set_encounter_type_code
                    and (carried.fiscal_year is null or cells.fiscal_year = carried.fiscal_year)
                    and (carried.component_code is null or cells.component_code = carried.component_code)
                    and (carried.title_code is null or cells.title_code = carried.title_code)
                group by carried.correction_id, carried.release_id, carried.file_name, carried.expected_encounters
                having coalesce(sum(cells.encounters), 0) <> carried.expected_encounters
                order by carried.correction_id, carried.release_id
            """,
            title="A carried series holds the corrected encounters of its original.",
            because="The series carried with the project must say what the agency file says after its "
            "correction.",
        ),
        ExpectNoRows(
            name="corrected_elsewhere",
            sql=f"""
                select
                    cells.release_id, releases.file_name, cells.fiscal_year_label, cells.component_label, cells.title_label,
                    cells.encounter_type_label, sum(array_length(cells.line_nos)) as lines,
                    sum(cells.encounters) as encounters
                from {TABLE} as cells
                inner join meta.releases as releases on cells.release_id = releases.release_id
                left join meta.corrections as corrections
                    on corrections.applies_to_sha256 in (releases.sha256, releases.origin_sha256) and {matching}
                where cells.is_corrected and corrections.correction_id is null
                group by
                    cells.release_id, releases.file_name, cells.fiscal_year_label, cells.component_label, cells.title_label,
                    cells.encounter_type_label
                order by cells.release_id
            """,
            title="No line is corrected in a release the correction was not written for.",
            because="The same error in another file is a new finding: its lines must be counted and "
            "reviewed before they are corrected.",
        ),
    ]


# ----------------------------------------------------------------------------------------------------- cells


def _plausible_cells(domains: Mapping[str, Sequence[str]]) -> list[Expect | ExpectNoRows]:
    """`domains` names the domains of the code map each code column is from; `all` is allowed beside them."""
    used = "\nunion all\n".join(
        f"select '{column}' as column_name, {column} as code, [{', '.join(repr(one) for one in names)}] as domains, "
        f"count(*) as rows, min(release_id) as release_id from {TABLE} group by {column}"
        for column, names in domains.items()
    )
    return [
        Expect(
            "expect_column_values_to_be_between",
            column="encounters",
            min_value=0,
            max_value=LARGEST_CELL,
            title=f"A cell is from 0 to {LARGEST_CELL:,} encounters.",
            because="There are no negative encounters, and no month ever had a million: such a cell is a "
            "yearly total or a shifted column.",
        ),
        ExpectNoRows(
            name="months_do_not_agree",
            sql=f"""
                select release_id, month_start, fiscal_year, fiscal_month, fiscal_year_label, count(*) as rows
                from {TABLE}
                where month_start <> make_date(
                        case when fiscal_month <= 3 then fiscal_year - 1 else fiscal_year end, (fiscal_month + 8) % 12 + 1, 1
                    )
                    or try_cast(regexp_extract(fiscal_year_label, '\\d+') as integer) <> fiscal_year
                    or fiscal_month not between 1 and 12
                group by release_id, month_start, fiscal_year, fiscal_month, fiscal_year_label
                order by release_id, month_start
            """,
            column="month_start",
            title="Month, fiscal year and fiscal month name one month.",
            because="October of fiscal 2021 is October 2020; a month a year off turns every comparison "
            "upside down.",
        ),
        ExpectNoRows(
            name="months_after_publication",
            sql=f"""
                select
                    cells.release_id, releases.file_name, cells.month_start, releases.published_on,
                    sum(cells.encounters) as encounters
                from {TABLE} as cells
                inner join meta.releases as releases on cells.release_id = releases.release_id
                where cells.month_start > releases.published_on
                group by cells.release_id, releases.file_name, cells.month_start, releases.published_on
                order by cells.release_id, cells.month_start
            """,
            column="month_start",
            title="No month lies after its release.",
            because="A file cannot count a month that had not begun; its fiscal year or its publication "
            "date is wrong.",
        ),
        ExpectNoRows(
            name="zeros_do_not_agree",
            sql=f"""
                select release_id, month_start, is_published_zero, encounters, line_nos
                from {TABLE}
                where is_published_zero <> (encounters = 0)
                order by release_id, month_start
            """,
            column="is_published_zero",
            title="A published zero is a row of zero encounters.",
            because="Zero is what a file says, absence is what it does not say; the two must not be mixed "
            "up.",
        ),
        ExpectNoRows(
            name="unknown_codes",
            sql=f"""
                with used as (
                    {used}
                )

                select used.column_name, used.code, used.rows, used.release_id
                from used
                where used.code <> 'all' and not exists (
                    select 1 from meta.code_map as known
                    where list_contains(used.domains, known.domain) and known.code = used.code
                )
                order by used.column_name, used.code
            """,
            title="Every code is one the code map knows.",
            because="A code outside the reviewed map belongs to no definition, so no figure with it can be "
            "explained.",
        ),
    ]


def _title_42_window() -> ExpectNoRows:
    return ExpectNoRows(
        name="title_42_outside_its_time",
        sql=f"""
            select release_id, month_start, component_code, title_code, encounter_type_code, sum(encounters) as encounters
            from {TABLE}
            where (title_code = 'title_42' or encounter_type_code = 'expulsions')
                and month_start not between date '{TITLE_42_FROM}' and date '{TITLE_42_THROUGH}'
                and encounters > 0
            group by release_id, month_start, component_code, title_code, encounter_type_code
            order by release_id, month_start
        """,
        column="title_code",
        title="Title 42 expulsions lie between March 2020 and May 2023.",
        because="Nobody was expelled under Title 42 before 20 March 2020 or after 11 May 2023; such a "
        "figure is misdated or mislabelled.",
    )


def _encounter_type_agrees() -> ExpectNoRows:
    expected = """
        case
            when title_code = 'title_42' then 'expulsions'
            when title_code = 'title_8' and component_code = 'usbp' then 'apprehensions'
            when title_code = 'title_8' and component_code = 'ofo' then 'inadmissibles'
        end
    """
    return ExpectNoRows(
        name="encounter_type_disagrees",
        sql=f"""
            select
                release_id, fiscal_year, component_code, title_code, encounter_type_code, {expected} as expected,
                count(*) as rows, sum(encounters) as encounters, min(line_nos[1]) as first_line_no
            from {TABLE}
            where encounter_type_code <> 'all' and encounter_type_code <> {expected}
            group by release_id, fiscal_year, component_code, title_code, encounter_type_code
            order by release_id, fiscal_year
        """,
        column="encounter_type_code",
        title="Border Patrol apprehends, field officers find inadmissible, Title 42 expels.",
        because="CBP's own dictionary ties the type to component and title; another pair is an error of "
        "the publisher to be corrected in the open.",
    )


def _southwest_sectors() -> ExpectNoRows:
    return ExpectNoRows(
        name="sectors_in_another_region",
        sql=f"""
            select
                cells.release_id, cells.sector_code, cells.region_code, regions.code as expected, count(*) as rows,
                sum(cells.encounters) as encounters
            from {TABLE} as cells
            inner join meta.code_map as regions
                on regions.domain = 'history_region' and cells.sector_code = regions.label
            where (cells.region_code = 'southwest') <> (regions.code = 'southwest')
            group by cells.release_id, cells.sector_code, cells.region_code, regions.code
            order by cells.release_id, cells.sector_code
        """,
        column="region_code",
        title="The nine southwest sectors, and no others, are on the southwest border.",
        because="Which sectors are the southwest border is the definition of every southwest figure.",
    )


# ----------------------------------------------------------------------------------------- published totals


def _published_totals() -> list[Expect | ExpectNoRows]:
    """The history prints the sum of each border and of all, by month and by year: no known total disagrees."""
    printed = """
        printed as (
            select
                totals.release_id, totals.line_no, totals.sector_label, totals.month_label,
                case when regexp_matches(totals.fiscal_year_label, '^[0-9]+$')
                    then try_cast(totals.fiscal_year_label as integer) end as fiscal_year,
                case when totals.sector_label = 'Monthly Total' then 'all'
                    else lower(replace(totals.sector_label, ' Border', '')) end as region_code,
                sectors.code as sector_code, months.code as month_code,
                case when regexp_matches(totals.encounters_label, '^[0-9]+$')
                    then try_cast(totals.encounters_label as bigint) end as printed
            from raw.usbp_monthly_history as totals
            left join meta.code_map as sectors on sectors.domain = 'sector' and totals.sector_label = sectors.label
            left join meta.code_map as months on months.domain = 'month' and totals.month_label = months.label
        )
    """
    return [
        ExpectNoRows(
            name="sectors_do_not_add_up",
            sql=f"""
                with {printed},

                summed as (
                    select release_id, fiscal_year, fiscal_month, region_code, sum(encounters) as encounters
                    from {TABLE}
                    group by release_id, fiscal_year, fiscal_month, region_code
                    union all
                    select release_id, fiscal_year, fiscal_month, 'all', sum(encounters)
                    from {TABLE}
                    group by release_id, fiscal_year, fiscal_month
                )

                select
                    printed.release_id, printed.line_no, printed.fiscal_year, printed.month_label, printed.sector_label,
                    printed.printed, coalesce(summed.encounters, 0) as sum_of_sectors,
                    printed.printed - coalesce(summed.encounters, 0) as difference
                from printed
                left join summed
                    on printed.release_id = summed.release_id
                    and printed.fiscal_year = summed.fiscal_year
                    and case when regexp_matches(printed.month_code, '^[0-9]+$')
                        then (cast(printed.month_code as integer) + 2) % 12 + 1 end = summed.fiscal_month
                    and printed.region_code = summed.region_code
                where printed.sector_code = 'total' and printed.month_code <> 'total'
                    and printed.printed <> coalesce(summed.encounters, 0)
                order by printed.release_id, printed.line_no
            """,
            title="The sectors of a border add up to the total printed for the month, and so do all sectors.",
            because="The history prints its own totals, and all of them add up: a difference is a cell "
            "read or filed wrongly.",
        ),
        ExpectNoRows(
            name="months_do_not_add_up",
            sql=f"""
                with {printed},

                summed as (
                    select release_id, fiscal_year, region_code, sector_code, sum(encounters) as encounters
                    from {TABLE}
                    group by release_id, fiscal_year, region_code, sector_code
                ),

                rows_of_the_page as (
                    select release_id, fiscal_year, sector_code as page_code, encounters from summed
                    union all
                    select release_id, fiscal_year, concat('total ', region_code), sum(encounters)
                    from summed
                    group by release_id, fiscal_year, region_code
                    union all
                    select release_id, fiscal_year, 'total all', sum(encounters)
                    from summed
                    group by release_id, fiscal_year
                )

                select
                    printed.release_id, printed.line_no, printed.fiscal_year, printed.sector_label, printed.printed,
                    coalesce(rows_of_the_page.encounters, 0) as sum_of_months,
                    printed.printed - coalesce(rows_of_the_page.encounters, 0) as difference
                from printed
                left join rows_of_the_page
                    on printed.release_id = rows_of_the_page.release_id
                    and printed.fiscal_year = rows_of_the_page.fiscal_year
                    and case when printed.sector_code = 'total' then concat('total ', printed.region_code)
                        else printed.sector_code end = rows_of_the_page.page_code
                where printed.month_code = 'total' and printed.printed <> coalesce(rows_of_the_page.encounters, 0)
                order by printed.release_id, printed.line_no
            """,
            title="The months of a sector, a border and the whole add up to the yearly total printed.",
            because="A month filed in the wrong year leaves its own figure right and two yearly totals "
            "wrong.",
        ),
    ]


def _rounded_parts(column: str, parts: Sequence[str]) -> ExpectNoRows:
    """Each of the parts and their total is off by up to five, and all are multiples of ten."""
    bound = 5 * (len(parts) + 1) // 10 * 10
    others = [
        one
        for one in (
            "component_code", "region_code", "sector_code", "demographic_code", "citizenship_code", "encounter_type_code",
        )
        if one != column
    ]  # fmt: skip
    listed = ", ".join(f"'{part}'" for part in parts)
    named = column.removesuffix("_code")
    return ExpectNoRows(
        name=f"{named}s_do_not_add_up",
        sql=f"""
            select
                release_id, month_start, {", ".join(others)},
                max(encounters) filter (where {column} = 'all') as printed_total,
                sum(encounters) filter (where {column} <> 'all') as sum_of_parts
            from {TABLE}
            where {column} in ('all', {listed})
            group by release_id, month_start, {", ".join(others)}
            having count(*) = {len(parts) + 1}
                and abs(
                    max(encounters) filter (where {column} = 'all') - sum(encounters) filter (where {column} <> 'all')
                ) > {bound}
            order by all
        """,
        column=column,
        title=f"Where OHSS prints a total and all of {', '.join(parts)}, they add up within {bound}.",
        because=f"OHSS rounds each figure to ten, so {len(parts)} parts may miss their total by {bound}; "
        "more is a column read as another.",
    )


# -------------------------------------------------------------------------------------------------- vintages


def _release_months_suite() -> Suite:
    table = "core.release_months"
    return Suite(
        name_of(table),
        table,
        [
            ExpectNoRows(
                name="months_differ_from_the_file",
                sql=f"""
                    select
                        releases.release_id, releases.file_name, releases.data_from, min(months.month_start) as first_month,
                        releases.data_through, max(months.month_start) as last_month
                    from {TABLE} as months
                    inner join meta.releases as releases on months.release_id = releases.release_id
                    group by releases.release_id, releases.file_name, releases.data_from, releases.data_through
                    having min(months.month_start) <> releases.data_from or max(months.month_start) <> releases.data_through
                    order by releases.release_id
                """,
                column="month_start",
                title="A release's first and last month are those read off its file.",
                because="A release that ends a month early answers with an old January and says nothing.",
            ),
            ExpectNoRows(
                name="closed_year_marked_open",
                sql=f"""
                    select release_id, month_start, fiscal_year, newest
                    from (
                        select
                            release_id, month_start, fiscal_year, is_open_year,
                            max(fiscal_year) over (partition by release_id) as newest
                        from {TABLE}
                    )
                    where is_open_year and fiscal_year < newest
                    order by release_id, month_start
                """,
                column="is_open_year",
                title="Only the newest fiscal year of a release is open.",
                because="Whether a figure is provisional or final hangs on this mark.",
            ),
            ExpectNoRows(
                name="carried_differs_from_its_original",
                sql=f"""
                    select
                        carried.release_id, carried.month_start, carried.encounters,
                        originals.release_id as original_release_id, originals.encounters as original_encounters
                    from {TABLE} as carried
                    inner join meta.releases as carried_releases on carried.release_id = carried_releases.release_id
                    inner join meta.releases as original_releases
                        on carried_releases.origin_sha256 = original_releases.sha256
                    left join {TABLE} as originals
                        on original_releases.release_id = originals.release_id
                        and carried.month_start = originals.month_start
                    where carried.encounters is distinct from originals.encounters
                    order by carried.release_id, carried.month_start
                """,
                column="encounters",
                title="A carried series has the months and encounters of the agency file it re-encodes.",
                because="Readers without the agency's files rely on the carried series being the same "
                "figures.",
            ),
            ExpectNoRows(
                name="months_missing",
                sql=f"""
                    with spans as (
                        select family, min(month_start) as first_month, max(month_start) as last_month
                        from {TABLE}
                        group by family
                    ),

                    expected as (
                        select family, cast(month_at as date) as month_start
                        from (
                            select
                                family, unnest(generate_series(first_month, last_month, interval 1 month)) as month_at
                            from spans
                        ) as months
                    )

                    select expected.family, expected.month_start
                    from expected
                    left join {TABLE} as months
                        on expected.family = months.family and expected.month_start = months.month_start
                    where months.month_start is null
                    order by expected.family, expected.month_start
                """,
                severity="warning",
                column="month_start",
                title="No month is missing between a family's first and last.",
                because="A gap means a file nobody has kept: the windows of CBP's files roll on, and the "
                "month cannot be had from a later one.",
            ),
            ExpectNoRows(
                name="months_missing_inside_a_release",
                sql=f"""
                    select release_id, family, month_start, next_month
                    from (
                        select
                            release_id, family, month_start,
                            lead(month_start) over (partition by release_id order by month_start) as next_month
                        from {TABLE}
                    )
                    where next_month > month_start + interval 1 month
                    order by release_id, month_start
                """,
                severity="warning",
                column="month_start",
                title="No month is missing inside a release.",
                because="CBP's files hold every month of their window; a hole in one is a filtered or "
                "damaged copy.",
            ),
            ExpectNoRows(
                name="months_became_incomplete",
                sql=f"""
                    select
                        later.release_id, later.month_start, later.missing_codes, earlier.release_id as complete_in,
                        earlier.encounters as encounters_then, later.encounters
                    from {TABLE} as later
                    inner join meta.releases as later_releases on later.release_id = later_releases.release_id
                    inner join {TABLE} as earlier
                        on later.family = earlier.family and later.month_start = earlier.month_start
                    inner join meta.releases as earlier_releases on earlier.release_id = earlier_releases.release_id
                    where earlier.is_complete_month and not later.is_complete_month
                        and earlier_releases.published_on < later_releases.published_on
                    order by later.release_id, later.month_start, earlier.release_id
                """,
                severity="warning",
                column="is_complete_month",
                title="A month complete in one release is complete in the next.",
                because="Coverage does not shrink by itself; the comparison goes on from the older release "
                "until somebody has looked.",
            ),
            ExpectNoRows(
                name="incomplete_months",
                sql=f"""
                    select release_id, month_start, missing_codes, cells, encounters
                    from {TABLE}
                    where not is_complete_month
                    order by release_id, month_start
                """,
                severity="info",
                column="is_complete_month",
                title="Months no measure reads, because a component, region or sector is absent.",
                because="A month without one of its parts is kept and shown, and never taken for the whole.",
            ),
        ],
        description="Which months a release holds, and whether one is missing.",
    )


_FAMILY_MONTHS = f"""
    months as (
        select distinct totals.release_id, totals.family, totals.month_start, totals.is_open_year, releases.published_on
        from {TABLE} as totals
        inner join meta.releases as releases on totals.release_id = releases.release_id
    ),

    successions as (
        select
            release_id, family, month_start, is_open_year,
            lag(release_id) over same_month as previous_release_id,
            lag(is_open_year) over same_month as was_open_year
        from months
        window same_month as (partition by family, month_start order by published_on, release_id)
    ),

    -- OHSS prints a cell in several tables; only its plain totals are added up once
    amounts as (
        select
            totals.release_id, totals.month_start, totals.component_code, totals.region_code, families.publisher_code,
            sum(totals.encounters) as encounters
        from {TABLE} as totals
        inner join meta.families as families on totals.family = families.family
        where families.publisher_code <> 'ohss'
            or totals.sector_code = 'all' and totals.demographic_code = 'all' and totals.citizenship_code = 'all'
            and totals.encounter_type_code = 'all'
        group by
            totals.release_id, totals.month_start, totals.component_code, totals.region_code, families.publisher_code
    ),

    parts as (
        select distinct
            successions.release_id, successions.previous_release_id, successions.family, successions.month_start,
            successions.is_open_year, successions.was_open_year, amounts.component_code, amounts.region_code,
            amounts.publisher_code
        from successions
        inner join amounts
            on successions.month_start = amounts.month_start
            and amounts.release_id in (successions.release_id, successions.previous_release_id)
        where successions.previous_release_id is not null
    ),

    changes as (
        select
            parts.family, parts.month_start, parts.component_code, parts.region_code, parts.previous_release_id,
            parts.release_id, parts.was_open_year, coalesce(earlier.encounters, 0) as previous_encounters,
            coalesce(later.encounters, 0) as encounters,
            coalesce(later.encounters, 0) - coalesce(earlier.encounters, 0) as change
        from parts
        left join amounts as earlier
            on parts.previous_release_id = earlier.release_id
            and parts.month_start = earlier.month_start
            and parts.component_code = earlier.component_code
            and parts.region_code = earlier.region_code
        left join amounts as later
            on parts.release_id = later.release_id
            and parts.month_start = later.month_start
            and parts.component_code = later.component_code
            and parts.region_code = later.region_code
        -- one OHSS file prints more tables than the other
        where parts.publisher_code <> 'ohss' or earlier.encounters is not null and later.encounters is not null
    )
"""

_CHANGE_COLUMNS = """
    family, month_start, component_code, region_code, previous_release_id, release_id, previous_encounters, encounters,
    change, round(100.0 * change / nullif(previous_encounters, 0), 2) as pct_change
"""

_SOUTHWEST_SERIES = f"""
    southwest as (
        select release_id, family, month_start, is_open_year, title_code, sum(encounters) as encounters
        from {TABLE}
        where region_code = 'southwest' and family in ('cbp_nationwide_state', 'cbp_sbo')
        group by release_id, family, month_start, is_open_year, title_code
    ),

    pairs as (
        select distinct
            states.release_id as state_release_id, sbo.release_id as sbo_release_id, states.month_start,
            titles.title_code, states.is_open_year or sbo.is_open_year as is_open_year
        from southwest as states
        inner join southwest as sbo on states.month_start = sbo.month_start
        inner join (select distinct title_code, month_start, release_id from southwest) as titles
            on titles.month_start = states.month_start and titles.release_id in (states.release_id, sbo.release_id)
        where states.family = 'cbp_nationwide_state' and sbo.family = 'cbp_sbo'
    ),

    compared as (
        select
            pairs.month_start, pairs.title_code, pairs.is_open_year, pairs.state_release_id,
            coalesce(states.encounters, 0) as state_encounters, pairs.sbo_release_id,
            coalesce(sbo.encounters, 0) as sbo_encounters,
            coalesce(states.encounters, 0) - coalesce(sbo.encounters, 0) as difference
        from pairs
        left join southwest as states
            on pairs.state_release_id = states.release_id
            and pairs.month_start = states.month_start
            and pairs.title_code = states.title_code
        left join southwest as sbo
            on pairs.sbo_release_id = sbo.release_id
            and pairs.month_start = sbo.month_start
            and pairs.title_code = sbo.title_code
    )
"""


def _monthly_totals_suite() -> Suite:
    table = "core.monthly_totals"
    return Suite(
        name_of(table),
        table,
        [
            ExpectNoRows(
                name="states_differ_from_southwest_file",
                sql=f"""
                    with {_SOUTHWEST_SERIES}
                    select
                        month_start, title_code, state_release_id, state_encounters, sbo_release_id, sbo_encounters,
                        difference
                    from compared
                    where not is_open_year and difference <> 0
                    order by month_start, title_code, state_release_id, sbo_release_id
                """,
                title="In closed years the southwest rows of the state file add up to the southwest file, "
                "by title.",
                because="CBP prints the southwest border in two files; in closed years they have never "
                "differed by one encounter.",
            ),
            ExpectNoRows(
                name="states_far_from_southwest_file",
                sql=f"""
                    with {_SOUTHWEST_SERIES}
                    select
                        month_start, title_code, state_release_id, state_encounters, sbo_release_id, sbo_encounters,
                        difference, round(100.0 * difference / nullif(sbo_encounters, 0), 2) as difference_pct
                    from compared
                    where is_open_year and abs(difference) > {DRIFT_PCT} / 100 * sbo_encounters
                    order by month_start, title_code, state_release_id, sbo_release_id
                """,
                severity="warning",
                title=f"In open years the two files agree within {DRIFT_PCT:g} %, by title.",
                because="While a year is open the files are drawn on different days; the largest "
                "difference seen is 0.03 %.",
            ),
            ExpectNoRows(
                name="changed_by_a_fifth",
                sql=f"""
                    with {_FAMILY_MONTHS}
                    select {_CHANGE_COLUMNS}
                    from changes
                    where abs(change) > {MAGNITUDE_PCT} / 100 * previous_encounters and abs(change) >= {MAGNITUDE_FLOOR}
                    order by family, month_start, component_code, region_code, release_id
                """,
                column="encounters",
                title=f"No month changes by more than {MAGNITUDE_PCT:g} % from one release of its family to "
                "the next.",
                because="The largest restatement seen is 0.7 %; a fifth is a file cut short, filtered, or "
                "of another population.",
            ),
            ExpectNoRows(
                name="open_year_drift",
                sql=f"""
                    with {_FAMILY_MONTHS}
                    select {_CHANGE_COLUMNS}
                    from changes
                    where was_open_year and abs(change) > {DRIFT_PCT} / 100 * previous_encounters
                        and abs(change) >= {MAGNITUDE_FLOOR}
                    order by family, month_start, component_code, region_code, release_id
                """,
                severity="warning",
                column="encounters",
                title=f"Months of an open year move by at most {DRIFT_PCT:g} % from one release to the next.",
                because="Open months move with every release, by up to 0.7 % so far; a larger move "
                "deserves a sentence beside the figure.",
            ),
            ExpectNoRows(
                name="closed_year_restated",
                sql=f"""
                    with {_FAMILY_MONTHS}
                    select {_CHANGE_COLUMNS}
                    from changes
                    where not was_open_year and change <> 0
                    order by family, month_start, component_code, region_code, release_id
                """,
                severity="warning",
                column="encounters",
                title="Months of a closed year do not change from one release to the next.",
                because="A closed year has never been restated in up to 13 releases; the first time is "
                "news, and old stories need a note.",
            ),
        ],
        description="The totals measures are computed from: what is printed twice agrees, what is printed "
        "again has not moved far.",
    )


def _monthly_by_dimension_suite() -> Suite:
    table = "core.monthly_by_dimension"
    return Suite(
        name_of(table),
        table,
        [
            Expect(
                "expect_column_values_to_be_in_set",
                column="dimension",
                value_set=["demographic", "citizenship", "state", "sector", "title", "component"],
                because="A breakdown by another dimension has no definition.",
            ),
            ExpectNoRows(
                name="groups_do_not_add_up",
                sql=f"""
                    with groups as (
                        select release_id, month_start, component_code, region_code, dimension, sum(encounters) as encounters
                        from {TABLE}
                        group by release_id, month_start, component_code, region_code, dimension
                    ),

                    totals as (
                        select release_id, month_start, component_code, region_code, sum(encounters) as encounters
                        from core.monthly_totals
                        group by release_id, month_start, component_code, region_code
                    ),

                    {UNSPLIT}

                    select
                        groups.release_id, groups.month_start, groups.component_code, groups.region_code, groups.dimension,
                        groups.encounters as sum_of_groups, totals.encounters as total,
                        groups.encounters - totals.encounters as difference
                    from groups
                    left join totals
                        on groups.release_id = totals.release_id
                        and groups.month_start = totals.month_start
                        and groups.component_code = totals.component_code
                        and groups.region_code = totals.region_code
                    left join unsplit
                        on groups.release_id = unsplit.release_id
                        and groups.month_start = unsplit.month_start
                        and groups.dimension = unsplit.dimension
                    where totals.encounters is null
                        or groups.encounters > totals.encounters
                        or groups.encounters < totals.encounters and unsplit.release_id is null
                    order by groups.release_id, groups.month_start, groups.dimension
                """,
                title="The groups of a dimension add up to the month, unless the release leaves some of it "
                "undivided.",
                because="Who and where must add up to how many; a group lost or counted twice shows here.",
            ),
        ],
        description="Encounters by one further dimension at a time.",
        min_rows=0,
    )


UNSPLIT = """
    unsplit as (
        select distinct release_id, month_start, unnest(undivided) as dimension
        from (
            select
                release_id, month_start,
                list_filter(
                    [
                        case when demographic_code = 'all' then 'demographic' end,
                        case when citizenship_code = 'all' then 'citizenship' end,
                        case when state_code = 'all' then 'state' end,
                        case when sector_code = 'all' then 'sector' end,
                        case when title_code = 'all' then 'title' end,
                        case when component_code = 'all' then 'component' end
                    ],
                    one -> one is not null
                ) as undivided
            from (
                select
                    release_id, month_start, demographic_code, citizenship_code, state_code, sector_code, title_code,
                    component_code
                from core.cbp__monthly_encounters
                group by all
                union all
                select
                    release_id, month_start, demographic_code, citizenship_code, state_code, sector_code, title_code,
                    component_code
                from core.usbp__monthly_encounters
                group by all
            )
        )
    )
"""
"""CTE: release, month and dimension where some cell of the month is printed for all groups together."""


def _quoted_figures_suite() -> Suite:
    table = "core.quoted__figures"
    return Suite(
        name_of(table),
        table,
        [
            Expect(
                "expect_column_values_to_be_between",
                column="encounters",
                min_value=0,
                max_value=LARGEST_CELL,
                title=f"A figure is from 0 to {LARGEST_CELL:,} encounters.",
                because="There are no negative encounters, and no month ever had a million.",
            ),
            ExpectNoRows(
                name="printed_before_the_month_ended",
                sql=f"""
                    select figure_id, measure_id, month_start, published_on, encounters
                    from {TABLE}
                    where published_on < last_day(month_start)
                    order by figure_id
                """,
                column="published_on",
                title="No figure was printed before its month was over.",
                because="A figure printed before the month was over is another month's or has the wrong "
                "date.",
            ),
            ExpectNoRows(
                name="quoted_but_not_a_release",
                sql=f"""
                    select figures.figure_id, figures.release_id, figures.source
                    from {TABLE} as figures
                    left join meta.releases as releases on figures.release_id = releases.release_id
                    where releases.release_id is null or releases.trust <> 'quoted'
                    order by figures.figure_id
                """,
                column="release_id",
                title="Every quoted figure belongs to a release of trust quoted.",
                because="A figure read off a page must never be shown as if it came from a file.",
            ),
            ExpectNoRows(
                name="quoted_of_an_unknown_measure",
                sql=f"""
                    select figures.figure_id, figures.measure_id
                    from {TABLE} as figures
                    left join meta.measures as measures on figures.measure_id = measures.measure_id
                    where measures.measure_id is null
                    order by figures.figure_id
                """,
                column="measure_id",
                title="Every quoted figure is of a defined measure.",
                because="A bare number without a definition is a bug.",
            ),
        ],
        description="Single figures pages and articles printed.",
        min_rows=0,
    )


def _release_preference_suite() -> Suite:
    table = "core.release_preference"
    return Suite(
        name_of(table),
        table,
        [
            ExpectNoRows(
                name="preferences_repeated",
                sql=f"""
                    select preference, count(*) as releases, min(release_id) as release_id
                    from {TABLE}
                    group by preference
                    having count(*) > 1
                    order by preference
                """,
                column="preference",
                title="No two releases share a place.",
                because="Which release answers must never be left to chance.",
            ),
            ExpectNoRows(
                name="releases_without_a_place",
                sql=f"""
                    select releases.release_id, releases.file_name, releases.is_superseded, preference.preference
                    from meta.releases as releases
                    left join {TABLE} as preference on releases.release_id = preference.release_id
                    where releases.is_superseded <> (preference.release_id is null)
                    order by releases.release_id
                """,
                column="release_id",
                title="Every release has a place, and a carried series whose original is here has none.",
                because="A release without a place answers nothing; a carried series beside its original "
                "would answer twice.",
            ),
            ExpectNoRows(
                name="quoted_before_files",
                sql=f"""
                    select quoted.release_id, quoted.preference, files.release_id as file_release_id
                    from {TABLE} as quoted
                    inner join {TABLE} as files on quoted.preference < files.preference
                    where quoted.is_quoted and not files.is_quoted
                    order by quoted.release_id, files.release_id
                """,
                column="preference",
                title="Every file comes before every quoted figure.",
                because="A figure read off a page stands in where no file covers the month, never in place "
                "of a file.",
            ),
        ],
        description="The one order in which releases answer.",
    )


def _month_successions_suite() -> Suite:
    table = "core.month_successions"
    return Suite(
        name_of(table),
        table,
        [
            ExpectNoRows(
                name="successions_out_of_order",
                sql=f"""
                    select new_release_id, old_release_id, month_start, new_published_on, old_published_on
                    from {TABLE}
                    where old_published_on > new_published_on or old_release_id = new_release_id
                    order by new_release_id, month_start
                """,
                title="A month is compared with a release published before.",
                because="A restatement read backwards turns a rise into a fall.",
            ),
        ],
        description="For every month a release restates, the release that held it before.",
        min_rows=0,
    )


def _restatements_suite() -> Suite:
    table = "core.cbp__restatements"
    return Suite(
        name_of(table),
        table,
        [
            ExpectNoRows(
                name="restated_cells_do_not_add_up",
                sql=f"""
                    with cells as (
                        select new_release_id, month_start, sum(delta_encounters) as delta_encounters
                        from {TABLE}
                        group by new_release_id, month_start
                    )

                    select
                        successions.new_release_id, successions.old_release_id, successions.month_start,
                        successions.delta_encounters, coalesce(cells.delta_encounters, 0) as sum_of_cells
                    from core.month_successions as successions
                    inner join meta.families as families on successions.family = families.family
                    left join cells
                        on successions.new_release_id = cells.new_release_id
                        and successions.month_start = cells.month_start
                    where families.publisher_code = 'cbp'
                        and successions.delta_encounters <> coalesce(cells.delta_encounters, 0)
                    order by successions.new_release_id, successions.month_start
                """,
                column="delta_encounters",
                title="The cells a release changed add up to the change of the month.",
                because="Who was added or taken away must explain by how much the month moved.",
            ),
        ],
        description="Which cells CBP restated.",
        min_rows=0,
    )
