-- What one claim asserts, in the printed words and the values they allow.
select assertion_id, assertion_no, words, operation, printed_number, printed_unit, lower_bound, upper_bound, allowed
from meta.claim_assertions
where claim_id = $claim
order by assertion_no
