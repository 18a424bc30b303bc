-- grain: one row per raw line of an OHSS release
-- purpose: type and conform every cell of the book and the flat file, say why a cell is left out (ignore_reason) or
--          cannot be taken (reject_reason), and mark a figure printed again elsewhere in the release (is_repeat). What a
--          table and its two headers mean is in meta.ohss_tables and meta.code_map, footnote digits taken off first.
with described as (
    select
        lines.release_id, lines.line_no, releases.family, families.publisher_code,
        lines.table_label, lines.fiscal_year_label, lines.month_label, lines.group_label, lines.column_label,
        lines.encounters_label, tables.ignore_reason as table_ignore_reason, tables.group_dimension, tables.column_dimension,
        tables.component_code, tables.region_code, tables.encounter_type_code,
        tables.is_group_required,
        regexp_replace(lines.group_label, '[0-9]+$', '', 'g') as group_name,
        concat(
            case when tables.column_dimension = 'sector' and lines.group_label is not null
                then concat(regexp_replace(lines.group_label, '[0-9]+$', '', 'g'), '/') else '' end,
            regexp_replace(lines.column_label, '[0-9]+$', '', 'g')
        ) as column_name,
        case when regexp_matches(lines.fiscal_year_label, '^(FY ?)?[0-9]{4}([^0-9]|$)')
            then cast(substr(replace(replace(lines.fiscal_year_label, 'FY', ''), ' ', ''), 1, 4) as integer)
        end as fiscal_year,
        case when regexp_matches(lines.encounters_label, '^[0-9]{1,18}$')
            then cast(lines.encounters_label as bigint)
        end as encounters
    from raw.ohss_monthly as lines
    inner join meta.releases as releases on lines.release_id = releases.release_id
    inner join meta.families as families on releases.family = families.family
    left join meta.ohss_tables as tables on lines.table_label = tables.table_label
),

looked_up as (
    select
        described.release_id, described.line_no, described.family, described.publisher_code, described.table_label,
        described.fiscal_year_label, described.month_label, described.group_label, described.column_label,
        described.encounters_label, described.table_ignore_reason, described.group_dimension, described.column_dimension,
        described.is_group_required, described.fiscal_year, described.encounters,
        months.code as month_code,
        case when regexp_matches(months.code, '^[0-9]{1,2}$') then cast(months.code as integer) end as month_no,
        group_headers.code as group_code, column_headers.code as column_code,
        described.component_code, described.region_code, described.encounter_type_code
    from described
    left join meta.code_map as months
        on months.domain = 'month' and described.month_label = months.label
    left join meta.code_map as group_headers
        on group_headers.domain = concat('ohss_', described.group_dimension) and described.group_name = group_headers.label
    left join meta.code_map as column_headers
        on column_headers.domain = concat('ohss_', described.column_dimension)
        and described.column_name = column_headers.label
),

dated as (
    select
        release_id, line_no, family, publisher_code, table_label, fiscal_year_label, month_label, group_label,
        column_label, encounters_label, table_ignore_reason, group_dimension, column_dimension, is_group_required,
        fiscal_year, encounters, month_code, group_code, column_code, component_code, region_code, encounter_type_code,
        make_date(case when month_no >= 10 then fiscal_year - 1 else fiscal_year end, month_no, 1) as month_start,
        (month_no + 2) % 12 + 1 as fiscal_month
    from looked_up
),

last_months as (
    select release_id, max(month_start) as last_month_start, max(fiscal_year) as last_fiscal_year
    from dated
    where table_ignore_reason is null and month_start is not null
    group by release_id
),

judged as (
    select
        dated.release_id, dated.line_no, dated.family, dated.publisher_code, dated.month_start, dated.fiscal_year,
        dated.fiscal_month, dated.fiscal_year_label, dated.group_label, dated.column_label, dated.group_dimension,
        dated.column_dimension, dated.encounters,
        dated.fiscal_year_label like '%YTD%' or (
            dated.fiscal_year = last_months.last_fiscal_year
            and last_months.last_month_start < make_date(last_months.last_fiscal_year, 9, 1)
        ) as is_open_year,
        coalesce(
            case dated.group_dimension when 'component' then dated.group_code end,
            case dated.column_dimension when 'component' then dated.column_code end, dated.component_code
        ) as component_code,
        coalesce(
            case dated.group_dimension when 'region' then dated.group_code end,
            case dated.column_dimension when 'region' then dated.column_code end, dated.region_code
        ) as region_code,
        coalesce(
            case dated.group_dimension when 'sector' then dated.group_code end,
            case dated.column_dimension when 'sector' then dated.column_code end, 'all'
        ) as sector_code,
        coalesce(
            case dated.group_dimension when 'demographic' then dated.group_code end,
            case dated.column_dimension when 'demographic' then dated.column_code end, 'all'
        ) as demographic_code,
        coalesce(
            case dated.group_dimension when 'citizenship' then dated.group_code end,
            case dated.column_dimension when 'citizenship' then dated.column_code end, 'all'
        ) as citizenship_code,
        coalesce(
            case dated.group_dimension when 'encounter_type' then dated.group_code end,
            case dated.column_dimension when 'encounter_type' then dated.column_code end, dated.encounter_type_code
        ) as encounter_type_code,
        case
            when dated.table_ignore_reason is not null then dated.table_ignore_reason
            when dated.month_code = 'total' then 'published yearly total'
            when dated.column_dimension = 'outcome' and dated.column_code <> 'all'
                then 'outcome of an encounter, not an encounter count'
            when dated.column_code is not null and dated.encounters_label = 'X' then 'X: not applicable'
            when dated.column_code is not null and dated.encounters_label = 'NA' then 'NA: not available'
        end as ignore_reason,
        case
            when dated.table_ignore_reason is not null then cast(null as varchar)
            when dated.column_dimension is null
                then concat('unknown table ', dated.table_label, '; describe it in ohss_tables.csv')
            when dated.fiscal_year is null or dated.month_code is null
                then concat('month ', dated.month_label, ' of fiscal year ', dated.fiscal_year_label, ' is not a month')
            when dated.month_code = 'total' then cast(null as varchar)
            when dated.group_label is null and dated.is_group_required
                then concat('no upper header above ', dated.column_label, ' in ', dated.table_label)
            when dated.group_label is not null and dated.group_code is null
                then concat(
                    'unknown ', coalesce(dated.group_dimension, 'upper header'), ' ', dated.group_label, ' in ',
                    dated.table_label
                )
            when dated.column_code is null
                then concat('unknown ', dated.column_dimension, ' ', dated.column_label, ' in ', dated.table_label)
            when dated.encounters is null and dated.encounters_label not in ('X', 'NA')
                then concat('count ', dated.encounters_label, ' is not a whole number of encounters')
        end as reject_reason
    from dated
    left join last_months on dated.release_id = last_months.release_id
),

keyed as (
    select
        release_id, line_no, family, publisher_code, month_start, fiscal_year, fiscal_month, fiscal_year_label, group_label,
        column_label, group_dimension, column_dimension, encounters, is_open_year, component_code, region_code, sector_code,
        demographic_code, citizenship_code, encounter_type_code,
        case when reject_reason is null then ignore_reason end as ignore_reason, reject_reason,
        min(encounters) over same_key as lowest_of_key,
        max(encounters) over same_key as highest_of_key,
        min(line_no) over same_key as first_line_of_key,
        max(line_no) over same_key as last_line_of_key
    from judged
    window same_key as (
        partition by release_id, ignore_reason is null and reject_reason is null, month_start, component_code, region_code,
        sector_code, demographic_code, citizenship_code, encounter_type_code
    )
)

select
    release_id, line_no, family, publisher_code, month_start, fiscal_year, fiscal_month, is_open_year,
    component_code,
    case when group_dimension = 'component' then group_label when column_dimension = 'component' then column_label end
        as component_label,
    region_code,
    case when group_dimension = 'region' then group_label when column_dimension = 'region' then column_label end
        as region_label,
    sector_code,
    case when group_dimension = 'sector' then group_label when column_dimension = 'sector' then column_label end
        as sector_label,
    'all' as state_code, cast(null as varchar) as state_label,
    demographic_code,
    case when group_dimension = 'demographic' then group_label when column_dimension = 'demographic' then column_label end
        as demographic_label,
    citizenship_code,
    case when group_dimension = 'citizenship' then group_label when column_dimension = 'citizenship' then column_label end
        as citizenship_label,
    'all' as title_code, cast(null as varchar) as title_label,
    encounter_type_code,
    case
        when group_dimension = 'encounter_type' then group_label when column_dimension = 'encounter_type' then column_label
    end as encounter_type_label,
    fiscal_year_label, cast(null as varchar) as month_grouping_label, encounters, cast(null as varchar) as correction_id,
    ignore_reason is null and reject_reason is null and line_no > first_line_of_key as is_repeat,
    ignore_reason,
    case
        when reject_reason is not null then reject_reason
        when ignore_reason is null and lowest_of_key < highest_of_key
            then concat(
                'printed with different values: ', cast(lowest_of_key as varchar), ' and ', cast(highest_of_key as varchar),
                ' (lines ', cast(first_line_of_key as varchar), ' to ', cast(last_line_of_key as varchar), ')'
            )
    end as reject_reason
from keyed
