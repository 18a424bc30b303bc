-- grain: one row per release, month and sector
-- purpose: Border Patrol monthly history by sector as published in each release.
select
    release_id, family, publisher_code, month_start, fiscal_year, fiscal_month, is_open_year,
    component_code, min(component_label) as component_label,
    region_code, min(region_label) as region_label,
    sector_code, min(sector_label) as sector_label,
    state_code, min(state_label) as state_label,
    demographic_code, min(demographic_label) as demographic_label,
    citizenship_code, min(citizenship_label) as citizenship_label,
    title_code, min(title_label) as title_label,
    encounter_type_code, min(encounter_type_label) as encounter_type_label,
    min(fiscal_year_label) as fiscal_year_label,
    min(month_grouping_label) as month_grouping_label,
    cast(sum(encounters) as bigint) as encounters,
    sum(encounters) = 0 as is_published_zero,
    count(correction_id) > 0 as is_corrected,
    list_sort(list(line_no)) as line_nos
from core.usbp__conformed_lines
where reject_reason is null and ignore_reason is null and not is_repeat
group by
    release_id, family, publisher_code, month_start, fiscal_year, fiscal_month, is_open_year, component_code, region_code,
    sector_code, state_code, demographic_code, citizenship_code, title_code, encounter_type_code
