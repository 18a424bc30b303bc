-- Shares of the Migrant Protection Protocols counted in one court release on one day, by each counting rule, beside the
-- share that pages printed.
select
    fan.release_id, fan.trust, fan.is_synthetic, fan.programme, fan.counted_by, fan.as_of, fan.numerator_code,
    fan.denominator_code, fan.numerator, fan.denominator, fan.share_pct, printed.share_pct as printed_share_pct, fan.reasons
from marts.mpp_denominator_fan as fan
left join marts.mpp_denominator_fan as printed
    on printed.counted_in = 'published'
    and fan.programme = printed.programme
    and fan.as_of = printed.as_of
    and fan.numerator_code = printed.numerator_code
    and fan.denominator_code = printed.denominator_code
where fan.release_id = $release and fan.programme = 'mpp1' and fan.as_of = $as_of
order by fan.numerator_code, fan.denominator_code, fan.counted_by
