-- Published figures listed as partial evidence for a claim.
select evidence.figure_id, evidence.note
from meta.claim_evidence as evidence
where evidence.claim_id = $claim
order by evidence.figure_id
