-- grain: one row per release and finding
-- purpose: what a data engineer must know of a new file before trusting it, each with its severity, the figures and a next
--          step. Encounter files only. A month's total is the sum of its cells as printed; for OHSS, whose tables overlap,
--          it serves to compare two releases and counts nothing.
-- window_roll_off (info): months left the start of the file's window.
-- silent_replacement (warning): other bytes under a file name already known.
-- month_disappeared (critical): a month the release before held, not older than this file's first, is absent or incomplete.
-- closed_year_moved (warning, critical above 0.5 % of a month): a fiscal year already closed changed.
-- open_year_drift (warning): a month of an open fiscal year moved by more than 2 %, up or down.
-- magnitude_changed (critical): a month's total differs from the release before by more than 20 %.
with files as (
    select
        preference.release_id, preference.published_on, releases.file_name, releases.sha256, releases.data_from,
        lag(preference.release_id) over (
            partition by preference.family, preference.layout order by preference.published_on, preference.preference desc
        ) as previous_release_id,
        lag(preference.release_id) over (
            partition by preference.family, releases.file_name
            order by releases.retrieved_at, preference.published_on, preference.preference desc
        ) as replaced_release_id,
        lag(releases.sha256) over (
            partition by preference.family, releases.file_name
            order by releases.retrieved_at, preference.published_on, preference.preference desc
        ) as replaced_sha256
    from core.release_preference as preference
    inner join meta.releases as releases on preference.release_id = releases.release_id
    where preference.release_id in (select release_id from core.release_months)
),

previous_months as (
    select
        files.release_id, files.previous_release_id, files.data_from, before.month_start, before.encounters as old_encounters,
        after.encounters as new_encounters, before.is_complete_month and not coalesce(after.is_complete_month, false) as is_lost
    from files
    inner join core.release_months as before on files.previous_release_id = before.release_id
    left join core.release_months as after
        on files.release_id = after.release_id and before.month_start = after.month_start
),

rolled_off as (
    select
        release_id, 'window_roll_off' as finding, 'info' as severity, min(previous_release_id) as previous_release_id,
        count(*) as months, min(month_start) as month_start, cast(null as bigint) as old_encounters,
        cast(null as bigint) as new_encounters,
        concat(
            'months no longer in the window: ', printf('%d', count(*)), ', ', strftime(min(month_start), '%B %Y'), ' to ',
            strftime(max(month_start), '%B %Y'), '; ', min(previous_release_id), ' still holds them'
        ) as detail,
        'None; keep the earlier file in the archive, it is the newest with these months.' as next_step
    from previous_months
    where month_start < data_from
    group by release_id
),

replaced as (
    select
        files.release_id, 'silent_replacement' as finding, 'warning' as severity,
        files.replaced_release_id as previous_release_id,
        count(after.month_start) filter (where after.encounters is distinct from before.encounters) as months,
        min(after.month_start) filter (where after.encounters is distinct from before.encounters) as month_start,
        cast(null as bigint) as old_encounters, cast(null as bigint) as new_encounters,
        concat(
            files.file_name, ' has other bytes (sha256 ', substr(files.sha256, 1, 12), ') than the file of the same name in ',
            files.replaced_release_id, ' (', substr(files.replaced_sha256, 1, 12), '); months with another total: ',
            printf('%d', count(after.month_start) filter (where after.encounters is distinct from before.encounters)), ' of ',
            printf('%d', count(after.month_start))
        ) as detail,
        'Find out when the file changed and ingest it with that day as --published; both releases are kept, and of two published on one day the choice is arbitrary.'
            as next_step
    from files
    inner join core.release_months as after on files.release_id = after.release_id
    left join core.release_months as before
        on files.replaced_release_id = before.release_id and after.month_start = before.month_start
    where files.replaced_sha256 <> files.sha256
    group by files.release_id, files.file_name, files.sha256, files.replaced_release_id, files.replaced_sha256
),

disappeared as (
    select
        release_id, 'month_disappeared' as finding, 'critical' as severity, min(previous_release_id) as previous_release_id,
        count(*) as months, min(month_start) as month_start, cast(sum(old_encounters) as bigint) as old_encounters,
        cast(sum(new_encounters) as bigint) as new_encounters,
        concat(
            'months absent or incomplete here and complete in ', min(previous_release_id), ': ', printf('%d', count(*)),
            ', the first ', strftime(min(month_start), '%B %Y'), '; encounters there: ',
            printf('%,d', cast(sum(old_encounters) as bigint)), ', here: ',
            printf('%,d', cast(coalesce(sum(new_encounters), 0) as bigint))
        ) as detail,
        'Download the file again; if the publisher dropped the months, the release before keeps answering for them.' as next_step
    from previous_months
    where is_lost and month_start >= data_from
    group by release_id
),

restated_cells as (
    select
        new_release_id, month_start, count(*) as cells, cast(sum(abs(delta_encounters)) as bigint) as moved_encounters
    from core.cbp__restatements
    where delta_encounters <> 0
    group by new_release_id, month_start
),

moves as (
    select
        successions.new_release_id as release_id, successions.old_release_id as previous_release_id, successions.month_start,
        successions.old_is_open_year, successions.old_encounters, successions.new_encounters, successions.delta_encounters,
        100.0 * abs(successions.delta_encounters) / nullif(successions.old_encounters, 0) as moved_pct,
        coalesce(restated_cells.cells, 0) as cells, coalesce(restated_cells.moved_encounters, 0) as moved_encounters
    from core.month_successions as successions
    left join restated_cells
        on successions.new_release_id = restated_cells.new_release_id
        and successions.month_start = restated_cells.month_start
    where successions.delta_encounters <> 0 or restated_cells.cells > 0
),

judged_moves as (
    select
        'closed_year_moved' as finding, case when moved_pct > 0.5 then 'critical' else 'warning' end as severity,
        release_id, previous_release_id, month_start, old_encounters, new_encounters, delta_encounters, moved_pct, cells,
        moved_encounters
    from moves
    where not old_is_open_year
    union all
    select
        'open_year_drift', 'warning', release_id, previous_release_id, month_start, old_encounters, new_encounters,
        delta_encounters, moved_pct, cells, moved_encounters
    from moves
    where old_is_open_year and moved_pct > 2.0
    union all
    select
        'magnitude_changed', 'critical', release_id, previous_release_id, month_start, old_encounters, new_encounters,
        delta_encounters, moved_pct, cells, moved_encounters
    from moves
    where moved_pct > 20.0
),

ranked_moves as (
    select
        finding, severity, release_id, previous_release_id, month_start, old_encounters, new_encounters, delta_encounters,
        moved_pct,
        count(*) over (partition by release_id, finding) as months,
        sum(cells) over (partition by release_id, finding) as cells,
        sum(moved_encounters) over (partition by release_id, finding) as moved_encounters,
        row_number() over (partition by release_id, finding order by moved_pct desc, month_start) as largest_first
    from judged_moves
),

moved as (
    select
        release_id, finding, severity, previous_release_id, months, month_start, old_encounters, new_encounters,
        concat(
            'months that moved against the release before: ', printf('%d', months), '; the most, ',
            strftime(month_start, '%B %Y'), ': ', printf('%,d', old_encounters), ' to ', printf('%,d', new_encounters), ' (', printf('%+d', delta_encounters), ', ',
            printf('%.2f', moved_pct), ' %)',
            case
                when cells > 0 then concat(
                    '; cells changed: ', printf('%,d', cast(cells as bigint)), ', by ',
                    printf('%,d', cast(moved_encounters as bigint)), ' in sum without regard to sign'
                )
                else ''
            end
        ) as detail,
        case finding
            when 'closed_year_moved'
                then 'See core.cbp__restatements for the cells and look for a note of the publisher; every figure quoted as final for these months needs another look.'
            when 'open_year_drift'
                then 'See core.cbp__restatements for the cells; figures of an open fiscal year are provisional, but so large a move needs a cause.'
            else 'Compare the file with the release before by component and region; a part may be missing or counted twice. Do not publish before the cause is known.'
        end as next_step
    from ranked_moves
    where largest_first = 1
),

findings as (
    select release_id, finding, severity, previous_release_id, months, month_start, old_encounters, new_encounters, detail, next_step
    from rolled_off
    union all
    select release_id, finding, severity, previous_release_id, months, month_start, old_encounters, new_encounters, detail, next_step
    from replaced
    union all
    select release_id, finding, severity, previous_release_id, months, month_start, old_encounters, new_encounters, detail, next_step
    from disappeared
    union all
    select release_id, finding, severity, previous_release_id, months, month_start, old_encounters, new_encounters, detail, next_step
    from moved
)

select
    findings.release_id, findings.finding, findings.severity, releases.file_name, releases.published_on,
    findings.previous_release_id, findings.months, findings.month_start, findings.old_encounters, findings.new_encounters,
    findings.detail, findings.next_step
from findings
inner join meta.releases as releases on findings.release_id = releases.release_id
