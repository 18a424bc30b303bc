-- grain: one row per release, case type, decision kind (C or O) and code
-- purpose: What a completion code means. The release's own lookup comes first; where the release lacks a key, the
--   bundled list fills in and says so. A key listed twice keeps its first record.
with listed as (
    select
        r.release_id, r.record_no,
        upper(nullif(trim(regexp_replace(r.strcasetype, '[\x00-\x1F\x7F]+', ' ', 'g')), '')) as case_type_code,
        upper(nullif(trim(regexp_replace(r.strdectype, '[\x00-\x1F\x7F]+', ' ', 'g')), '')) as decision_kind_code,
        upper(nullif(trim(regexp_replace(r.strdeccode, '[\x00-\x1F\x7F]+', ' ', 'g')), '')) as listed_code,
        nullif(trim(regexp_replace(r.strdecdescription, '[\x00-\x1F\x7F]+', ' ', 'g')), '') as decision_label,
        'release' as listed_in
    from raw.eoir__tbllookupcourtdecision as r
    union all
    select r.release_id, 1000000 + b.line_no as record_no, b.case_type_code, b.decision_kind_code, b.listed_code,
        b.decision_label, 'bundled' as listed_in
    from meta.eoir_bundled_decisions as b
    cross join (select distinct release_id from meta.eoir_tables) as r
),

ranked as (
    select
        release_id, record_no, case_type_code, decision_kind_code, listed_code, decision_label, listed_in,
        row_number() over (
            partition by release_id, case_type_code, decision_kind_code, listed_code order by record_no
        ) as listing_no
    from listed
    where case_type_code is not null and decision_kind_code is not null and listed_code is not null
)

select
    release_id, case_type_code, decision_kind_code, listed_code, decision_label, listed_in,
    case
        when decision_kind_code = 'C' then case
            when regexp_matches(lower(decision_label), '^(remove|deport|exclude)[^a-z]*.*(withholding|cat |deferral)')
                then 'removal_withheld'
            when regexp_matches(lower(decision_label), '^(remove|removed|deport|deport/deny|deported|exclude|excluded)$')
                then 'removal'
            when regexp_matches(lower(decision_label), '^(grant.*(withholding|cat |deferral))') then 'withholding'
            when regexp_matches(lower(decision_label), '^(relief|grant|conditional grant|final grant|legally admitted)')
                then 'relief'
            when regexp_matches(lower(decision_label), '^voluntary') then 'voluntary_departure'
            when regexp_matches(lower(decision_label), '(terminat|dismiss)') then 'termination'
            when regexp_matches(lower(decision_label), '^(withdraw)') then 'withdrawn'
            else 'other_decision'
        end
        when regexp_matches(lower(decision_label), '(change of venue|^transfer|jurisdiction transferred)') then 'transfer'
        when regexp_matches(lower(decision_label), '(administrative clos|admin clos)') then 'administrative_closure'
        when regexp_matches(lower(decision_label), 'failure to prosecute') then 'failure_to_prosecute'
        else 'other_completion'
    end as outcome_code
from ranked
where listing_no = 1
