-- grain: one row per release that may answer
-- purpose: the one statement of which release answers when several hold a month. Whatever chooses reads these two columns:
--          preference_tier is the rule (a file beats a figure quoted from a page; then the later publication, the one whose
--          day is known, the more trusted copy), and preference breaks its ties (the file that reaches further, the longer
--          one, then release_id) so that no choice is left to chance. A measure puts its order of families between the two.
--          Chosen among fewer releases, say those public by a day, the order of the rest is the same.
-- left out: carried series whose agency file is here too; they answer nothing.
select
    release_id, family, layout, trust = 'quoted' as is_quoted, published_on, published_precision, trust,
    dense_rank() over (
        order by trust = 'quoted', published_on desc, published_precision,
            case trust when 'official' then 1 when 'mirrored' then 2 when 'quoted' then 3 else 4 end
    ) as preference_tier,
    row_number() over (
        order by trust = 'quoted', published_on desc, published_precision,
            case trust when 'official' then 1 when 'mirrored' then 2 when 'quoted' then 3 else 4 end,
            data_through desc, lines_in_file desc, release_id
    ) as preference
from meta.releases
where not is_superseded
