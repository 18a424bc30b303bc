-- grain: one row per release, code list and code
-- purpose: The release's own lookup tables in one place. A code listed twice keeps its first record; how often it
--   is listed, and under how many names, stays visible.
with listed as (
    select r.release_id, r.record_no, 'adjournment' as code_list, r.strcode as code_text, r.strdesciption as label_text from raw.eoir__tbladjournmentcodes as r
    union all
    select r.release_id, r.record_no, 'appeal_type' as code_list, r.strapplcode as code_text, r.strappldescription as label_text from raw.eoir__tbllookupappealtype as r
    union all
    select r.release_id, r.record_no, 'application' as code_list, r.strcode as code_text, r.strdescription as label_text from raw.eoir__tbllookup_appln as r
    union all
    select r.release_id, r.record_no, 'application_decision' as code_list, r.strcourtapplndeccode as code_text, r.strcourtapplndecdesc as label_text from raw.eoir__tbllookupcourtappdecisions as r
    union all
    select r.release_id, r.record_no, 'base_city' as code_list, r.base_city_code as code_text, r.base_city_name as label_text from raw.eoir__tbllookupbasecity as r
    union all
    select r.release_id, r.record_no, 'board_decision' as code_list, r.strcode as code_text, r.strdescription as label_text from raw.eoir__tbllookupbiadecision as r
    union all
    select r.release_id, r.record_no, 'calendar_type' as code_list, r.strcaltypecode as code_text, r.strcaltypedescription as label_text from raw.eoir__tbllookupcal_type as r
    union all
    select r.release_id, r.record_no, 'case_identifier' as code_list, r.strcode as code_text, r.strdescription as label_text from raw.eoir__tbllookupcaseidentifier as r
    union all
    select r.release_id, r.record_no, 'case_priority' as code_list, r.strcode as code_text, r.strdescription as label_text from raw.eoir__tbllookup_casepriority as r
    union all
    select r.release_id, r.record_no, 'case_type' as code_list, r.strcode as code_text, r.strdescription as label_text from raw.eoir__tbllookupcasetype as r
    union all
    select r.release_id, r.record_no, 'charge' as code_list, r.strcode as code_text, r.strcodedescription as label_text from raw.eoir__tbllookupcharges as r
    union all
    select r.release_id, r.record_no, 'custody' as code_list, r.strcode as code_text, r.strdescription as label_text from raw.eoir__tbllookupcustodystatus as r
    union all
    select r.release_id, r.record_no, 'hearing_location' as code_list, r.hearing_loc_code as code_text, r.hearing_loc_name as label_text from raw.eoir__tbllookuphloc as r
    union all
    select r.release_id, r.record_no, 'judge' as code_list, r.judge_code as code_text, r.judge_name as label_text from raw.eoir__tbllookupjudge as r
    union all
    select r.release_id, r.record_no, 'juvenile' as code_list, r.strcode as code_text, r.strdescription as label_text from raw.eoir__tbllookup_juvenile as r
    union all
    select r.release_id, r.record_no, 'language' as code_list, r.strcode as code_text, r.strdescription as label_text from raw.eoir__tbllanguage as r
    union all
    select r.release_id, r.record_no, 'motion_type' as code_list, r.strmotioncode as code_text, r.strmotiondesc as label_text from raw.eoir__tbllookupmotiontype as r
    union all
    select r.release_id, r.record_no, 'nationality' as code_list, r.nat_code as code_text, r.nat_name as label_text from raw.eoir__tbllookupnationality as r
    union all
    select r.release_id, r.record_no, 'schedule_type' as code_list, r.strcode as code_text, r.strdescription as label_text from raw.eoir__tbllookupschedule_type as r
    union all
    select r.release_id, r.record_no, 'sex' as code_list, r.strcode as code_text, r.strdescription as label_text from raw.eoir__tbllookupsex as r
    union all
    select r.release_id, r.record_no, 'state' as code_list, r.state_code as code_text, r.state_name as label_text from raw.eoir__tbllookupstate as r
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
