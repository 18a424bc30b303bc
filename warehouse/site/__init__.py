"""The static site over a published warehouse.

Belongs here: pages, charts, tables, downloads and the browser libraries they need, all made from the published file
alone. Does not belong here: any figure's computation (the models), when the site is built (`orchestration`).

The site needs no server: every page but the SQL page opens from a plain folder, and every page from any web host.
Nothing is loaded from another host.
"""

from warehouse.site.build import SiteError, SiteReport, build_site

__all__ = ["SiteError", "SiteReport", "build_site"]
