-- grain: one row per release and proceeding record, as published (duplicates included)
-- purpose: Proceedings with both completions named through the three-part key (case type, code, kind): DEC_CODE
--   under C, OTHER_COMP under O. A code the lookup lacks reads UNKNOWN(code). The last completed proceeding of a
--   case is the latest by completion date, then proceeding id, then record.
with typed as (
    select
        r.release_id,
        r.record_no,
        case when regexp_matches(r.idnproceeding, '^\s*[0-9]+\s*$') then try_cast(r.idnproceeding as bigint) end as proceeding_id,
        case when regexp_matches(r.idncase, '^\s*[0-9]+\s*$') then try_cast(r.idncase as bigint) end as case_id,
        upper(nullif(trim(regexp_replace(r.case_type, '[\x00-\x1F\x7F]+', ' ', 'g')), '')) as case_type_code,
        try_cast(r.osc_date as date) as notice_on,
        try_cast(r.input_date as date) as input_on,
        upper(nullif(trim(regexp_replace(r.base_city_code, '[\x00-\x1F\x7F]+', ' ', 'g')), '')) as base_city_code,
        upper(nullif(trim(regexp_replace(r.hearing_loc_code, '[\x00-\x1F\x7F]+', ' ', 'g')), '')) as hearing_location_code,
        nullif(trim(regexp_replace(r.ij_code, '[\x00-\x1F\x7F]+', ' ', 'g')), '') as judge_code,
        upper(nullif(trim(regexp_replace(r.prev_hearing_loc, '[\x00-\x1F\x7F]+', ' ', 'g')), '')) as previous_location_code,
        try_cast(r.hearing_date as date) as hearing_on,
        upper(nullif(trim(regexp_replace(r.dec_type, '[\x00-\x1F\x7F]+', ' ', 'g')), '')) as decision_form_code,
        upper(nullif(trim(regexp_replace(r.dec_code, '[\x00-\x1F\x7F]+', ' ', 'g')), '')) as decision_code,
        upper(nullif(trim(regexp_replace(r.other_comp, '[\x00-\x1F\x7F]+', ' ', 'g')), '')) as other_completion_code,
        try_cast(r.comp_date as date) as completed_on,
        upper(nullif(trim(regexp_replace(r.absentia, '[\x00-\x1F\x7F]+', ' ', 'g')), '')) as absentia_code,
        upper(nullif(trim(regexp_replace(r.appeal_rsvd, '[\x00-\x1F\x7F]+', ' ', 'g')), '')) as appeal_reserved_code,
        upper(nullif(trim(regexp_replace(r.appeal_not_filed, '[\x00-\x1F\x7F]+', ' ', 'g')), '')) as appeal_not_filed_code,
        try_cast(r.venue_chg_granted as date) as venue_change_on,
        upper(nullif(trim(regexp_replace(r.transfer_to, '[\x00-\x1F\x7F]+', ' ', 'g')), '')) as transfer_to_code,
        upper(nullif(trim(regexp_replace(r.custody, '[\x00-\x1F\x7F]+', ' ', 'g')), '')) as custody_code,
        upper(nullif(trim(regexp_replace(r.nat, '[\x00-\x1F\x7F]+', ' ', 'g')), '')) as nationality_code,
        upper(nullif(trim(regexp_replace(r.lang, '[\x00-\x1F\x7F]+', ' ', 'g')), '')) as language_code,
        try_cast(r.date_detained as date) as detained_on,
        try_cast(r.date_released as date) as released_on
    from raw.eoir__b_tblproceeding as r
)

select
    t.release_id,
    t.record_no,
    t.proceeding_id,
    t.case_id,
    t.case_type_code,
    t.notice_on,
    t.input_on,
    t.base_city_code,
    t.hearing_location_code,
    t.judge_code,
    t.previous_location_code,
    t.hearing_on,
    t.decision_form_code,
    t.decision_code,
    t.other_completion_code,
    t.completed_on,
    t.appeal_reserved_code,
    t.appeal_not_filed_code,
    t.venue_change_on,
    t.transfer_to_code,
    t.custody_code,
    t.nationality_code,
    t.language_code,
    t.detained_on,
    t.released_on,
    coalesce(t.absentia_code = 'Y', false) as is_in_absentia,
    case when t.decision_code is not null
        then coalesce(d.decision_label, 'UNKNOWN(' || t.decision_code || ')') end as decision_label,
    case when t.decision_code is not null then coalesce(d.outcome_code, 'unknown') end as decision_outcome_code,
    case when t.other_completion_code is not null
        then coalesce(o.decision_label, 'UNKNOWN(' || t.other_completion_code || ')') end as other_completion_label,
    case when t.other_completion_code is not null
        then coalesce(o.outcome_code, 'unknown') end as other_completion_outcome_code,
    case
        when t.completed_on is null then 'pending'
        when t.decision_code is not null then coalesce(d.outcome_code, 'unknown')
        when t.other_completion_code is not null then coalesce(o.outcome_code, 'unknown')
        else 'unstated'
    end as outcome_code,
    t.completed_on is not null and t.case_id is not null and row_number() over (
        partition by t.release_id, t.case_id
        order by t.completed_on desc nulls last, t.proceeding_id desc nulls last, t.record_no desc
    ) = 1 as is_last_completed,
    coalesce(
        t.notice_on not between date '1950-01-01' and date '2035-12-31' or
        t.hearing_on not between date '1950-01-01' and date '2035-12-31' or
        t.completed_on not between date '1950-01-01' and date '2035-12-31' or
        t.venue_change_on not between date '1950-01-01' and date '2035-12-31' or
        t.detained_on not between date '1950-01-01' and date '2035-12-31' or
        t.released_on not between date '1950-01-01' and date '2035-12-31', false
    ) as has_implausible_date
from typed as t
left join core.eoir__court_decisions as d
    on t.release_id = d.release_id and t.case_type_code = d.case_type_code
        and t.decision_code = d.listed_code and d.decision_kind_code = 'C'
left join core.eoir__court_decisions as o
    on t.release_id = o.release_id and t.case_type_code = o.case_type_code
        and t.other_completion_code = o.listed_code and o.decision_kind_code = 'O'
