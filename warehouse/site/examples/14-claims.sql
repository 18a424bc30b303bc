-- Which definitions does a printed sentence fit?
select claim_number, definition_label, reading, reading_unit, holds, status
from marts.claim_readings
where is_counted
order by claim_number, assertion_no, definition_no
