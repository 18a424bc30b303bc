-- grain: one row per release, code list and code
-- purpose: The release's own lookup tables in one place. A code listed twice keeps its first record; how often it
--   is listed, and under how many names, stays visible.
with listed as (
    select release_id, record_no, 'adjournment' as code_list, strcode as code_text, strdesciption as label_text from raw.eoir__tbladjournmentcodes
    union all
    select release_id, record_no, 'appeal_type' as code_list, strapplcode as code_text, strappldescription as label_text from raw.eoir__tbllookupappealtype
    union all
    select release_id, record_no, 'application' as code_list, strcode as code_text, strdescription as label_text from raw.eoir__tbllookup_appln
    union all
    select release_id, record_no, 'application_decision' as code_list, strcourtapplndeccode as code_text, strcourtapplndecdesc as label_text from raw.eoir__tbllookupcourtappdecisions
    union all
    select release_id, record_no, 'base_city' as code_list, base_city_code as code_text, base_city_name as label_text from raw.eoir__tbllookupbasecity
    union all
    select release_id, record_no, 'board_decision' as code_list, strcode as code_text, strdescription as label_text from raw.eoir__tbllookupbiadecision
    union all
    select release_id, record_no, 'calendar_type' as code_list, strcaltypecode as code_text, strcaltypedescription as label_text from raw.eoir__tbllookupcal_type
    union all
    select release_id, record_no, 'case_identifier' as code_list, strcode as code_text, strdescription as label_text from raw.eoir__tbllookupcaseidentifier
    union all
    select release_id, record_no, 'case_priority' as code_list, strcode as code_text, strdescription as label_text from raw.eoir__tbllookup_casepriority
    union all
    select release_id, record_no, 'case_type' as code_list, strcode as code_text, strdescription as label_text from raw.eoir__tbllookupcasetype
    union all
    select release_id, record_no, 'charge' as code_list, strcode as code_text, strcodedescription as label_text from raw.eoir__tbllookupcharges
    union all
    select release_id, record_no, 'custody' as code_list, strcode as code_text, strdescription as label_text from raw.eoir__tbllookupcustodystatus
    union all
    select release_id, record_no, 'hearing_location' as code_list, hearing_loc_code as code_text, hearing_loc_name as label_text from raw.eoir__tbllookuphloc
    union all
    select release_id, record_no, 'judge' as code_list, judge_code as code_text, judge_name as label_text from raw.eoir__tbllookupjudge
    union all
    select release_id, record_no, 'juvenile' as code_list, strcode as code_text, strdescription as label_text from raw.eoir__tbllookup_juvenile
    union all
    select release_id, record_no, 'language' as code_list, strcode as code_text, strdescription as label_text from raw.eoir__tbllanguage
    union all
    select release_id, record_no, 'motion_type' as code_list, strmotioncode as code_text, strmotiondesc as label_text from raw.eoir__tbllookupmotiontype
    union all
    select release_id, record_no, 'nationality' as code_list, nat_code as code_text, nat_name as label_text from raw.eoir__tbllookupnationality
    union all
    select release_id, record_no, 'schedule_type' as code_list, strcode as code_text, strdescription as label_text from raw.eoir__tbllookupschedule_type
    union all
    select release_id, record_no, 'sex' as code_list, strcode as code_text, strdescription as label_text from raw.eoir__tbllookupsex
    union all
    select release_id, record_no, 'state' as code_list, state_code as code_text, state_name as label_text from raw.eoir__tbllookupstate
),

cleaned as (
    select
        release_id, record_no, code_list,
        nullif(trim(regexp_replace(code_text, '[\x00-\x1F\x7F]+', ' ', 'g')), '') as listed_code,
        nullif(trim(regexp_replace(label_text, '[\x00-\x1F\x7F]+', ' ', 'g')), '') as code_label
    from listed
),

ranked as (
    select
        release_id, record_no, code_list, listed_code, code_label,
        row_number() over (partition by release_id, code_list, listed_code order by record_no) as listing_no,
        count(*) over (partition by release_id, code_list, listed_code) as listings
    from cleaned
    where listed_code is not null
)

select release_id, code_list, listed_code, code_label, listings, record_no
from ranked
where listing_no = 1
