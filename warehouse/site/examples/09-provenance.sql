-- Where does a figure come from, down to the file's hash?
select yoy.january, yoy.value, releases.source, releases.published_on, releases.trust, releases.file_name, releases.sha256
from marts.january_yoy as yoy
inner join meta.releases as releases on yoy.release_id = releases.release_id
where yoy.measure_id = 'usbp_southwest'
order by yoy.january desc
