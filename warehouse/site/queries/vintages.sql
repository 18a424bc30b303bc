-- Every value one measure's month was given, in order of publication.
select
    vintages.measure_id, vintages.month_start, vintages.vintage_no, vintages.published_on, vintages.published_precision,
    vintages.value, case when vintages.is_open_year then 'provisional' else 'final' end as finality, vintages.family,
    vintages.trust, vintages.release_id, vintages.latest_rank
from marts.measure_vintages as vintages
inner join meta.releases as releases on vintages.release_id = releases.release_id
where vintages.measure_id = $measure and vintages.month_start = $month and not releases.is_superseded
order by vintages.vintage_no
