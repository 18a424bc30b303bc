-- One month against the year before, with status and decomposition
select measure_id, month_start, yoy, change_title_42, change_title_8, highest_since, release_id
from yoy('usbp_southwest', '2021-01')
