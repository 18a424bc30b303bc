-- Every release, newest last, with what became of its lines.
with ledger as (
    select
        release_id,
        sum(lines) filter (where stage = 'parse') as parse_lines,
        coalesce(sum(lines) filter (where disposition = 'loaded'), 0) as loaded_lines,
        coalesce(sum(lines) filter (where disposition = 'merged'), 0) as merged_lines,
        coalesce(sum(lines) filter (where disposition = 'quarantined'), 0) as quarantined_lines,
        coalesce(sum(lines) filter (where disposition = 'ignored'), 0) as ignored_lines,
        sum(lines) as all_lines, sum(encounters) as all_encounters
    from meta.row_ledger
    group by release_id
)

select
    releases.release_id, releases.source, releases.family, releases.layout, releases.file_name, releases.sha256,
    releases.bytes, releases.published_on, releases.published_precision, releases.published_basis, releases.data_from,
    releases.data_through, releases.retrieved_at, releases.origin, releases.origin_sha256, releases.trust,
    releases.lines_in_file, cast(releases.encounters_in_file as bigint) as encounters_in_file, releases.is_superseded,
    cast(ledger.loaded_lines as bigint) as loaded_lines, cast(ledger.merged_lines as bigint) as merged_lines,
    cast(ledger.quarantined_lines as bigint) as quarantined_lines, cast(ledger.ignored_lines as bigint) as ignored_lines,
    cast(ledger.all_lines as bigint) as all_lines, cast(ledger.all_encounters as bigint) as all_encounters
from meta.releases as releases
left join ledger on releases.release_id = ledger.release_id
order by releases.published_on, releases.release_id
