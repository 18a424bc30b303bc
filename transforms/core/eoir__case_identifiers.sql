-- grain: one row per release and identifier of a case, as published (duplicates included)
-- purpose: Case identifiers, such as MP (Migrant Protection Protocols) and RM (Remain in Mexico).
select
    r.release_id,
    r.record_no,
    case when regexp_matches(r.idncaseid, '^\s*[0-9]+\s*$') then try_cast(r.idncaseid as bigint) end as identifier_id,
    case when regexp_matches(r.idncase, '^\s*[0-9]+\s*$') then try_cast(r.idncase as bigint) end as case_id,
    upper(nullif(trim(regexp_replace(r.case_id, '[\x00-\x1F\x7F]+', ' ', 'g')), '')) as identifier_code
from raw.eoir__a_tblcaseidentifier as r
