-- The claims, with the text their period was resolved from.
select
    claims.claim_id, claims.claim_number, claims.quote, claims.byline, claims.article_published, claims.month_start,
    claims.verdict, claims.verdict_when_printed, claims.definitions_holding, claims.definitions_failing,
    claims.definitions_missing, claims.summary, claims.caveats, encoded.period_words, encoded.comparison_words,
    encoded.period_rule, encoded.is_in_scope, encoded.out_of_scope_reason, encoded.outlet, encoded.speaker
from marts.claims as claims
inner join meta.claims as encoded on claims.claim_id = encoded.claim_id
order by claims.claim_number
