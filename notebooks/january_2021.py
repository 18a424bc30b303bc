"""From a printed sentence to the lines of the file: "nearly 160 percent".

    marimo edit notebooks/january_2021.py     opens it in a browser
    python notebooks/january_2021.py          runs it from top to bottom and prints what it found

Reads the published warehouse (`border build` makes it) and the archive beside it. No figure is written in here.
"""

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Nearly 160 percent")


@app.cell
def imports():
    import duckdb
    import marimo as mo

    from orchestration.screen import READ_ONLY
    from warehouse import provenance
    from warehouse.archive import Archive, sha256_of
    from warehouse.cookbook import table
    from warehouse.paths import Home

    return Archive, Home, READ_ONLY, duckdb, mo, provenance, sha256_of, table


@app.cell
def published(Home, READ_ONLY, duckdb, table):
    home = Home.from_environment()
    if not home.published_file.exists():
        raise FileNotFoundError(f"{home.published_file}: nothing has been published yet; run `border build`")
    con = duckdb.connect(str(home.published_file), read_only=True, config=READ_ONLY)

    def rows(sql, *parameters):
        """The rows of a query, each a dict."""
        cursor = con.execute(sql, list(parameters))
        names = [d[0] for d in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def show(sql, *parameters):
        """The rows of a query as a Markdown table."""
        found = rows(sql, *parameters)
        return table(list(found[0]), [tuple(r.values()) for r in found])

    return con, home, rows, show


@app.cell
def the_sentence(mo, rows):
    claim_id = "apprehensions-nearly-160-percent"
    (claim,) = rows("select * from meta.claims where claim_id = ?", claim_id)
    (assertion,) = rows("select * from meta.claim_assertions where claim_id = ?", claim_id)
    mo.md(f"""
# Nearly 160 percent

{claim["byline"]}, {claim["article_published"]}:

> {claim["quote"]}

**When?** {claim["period_rule"]} The month is {claim["month_start"]:%B %Y}, compared with {claim["comparison_month"]:%B %Y}.

**What do the words allow?** *{assertion["words"]}* allows {assertion["allowed"]} percent.

**Of what?** The sentence does not say whose border, which agency, or under which authority. Each way to read it is tested
below.
""")
    return assertion, claim, claim_id


@app.cell
def the_readings(claim_id, mo, rows, show):
    (judged,) = rows("select * from marts.claims where claim_id = ?", claim_id)
    readings = rows(
        "select * from marts.claim_readings where claim_id = ? and is_counted and bearing = 'test' order by definition_no",
        claim_id,
    )
    mo.md(
        "## The sentence under every definition\n\n"
        + show(
            "select definition_label, value, prior, round(reading, 1) as percent, holds, status from marts.claim_readings "
            "where claim_id = ? and is_counted order by bearing desc, definition_no",
            claim_id,
        )
        + f"\n\nVerdict: **{judged['verdict'].replace('_', ' ')}**, and by what was public when it was printed "
        f"**{judged['verdict_when_printed'].replace('_', ' ')}**. {judged['summary']}"
    )
    return judged, readings


@app.cell
def what_was_public(claim, mo, show):
    measure = "usbp_southwest"
    month = claim["month_start"]
    mo.md(
        "## What a reader could know\n\nThe day before the article, and today:\n\n"
        + show(
            """
            select day, yoy.value, yoy.prior, round(yoy.pct_change, 1) as percent, yoy.status, finality, release_id
            from (
                select ($1::date - 1)::varchar as day, * from yoy_as_of($2, $3, $1::date - 1, allow_break := true)
                union all
                select 'today', * from yoy($2, $3, allow_break := true)
            )
            order by day
            """,
            claim["article_published_earliest"],
            measure,
            month,
        )
        + "\n\nEvery value the month ever had:\n\n"
        + show(
            "select vintage_no, value, change_from_previous, published_on, published_precision, family, is_answer "
            "from revisions(?, ?) order by vintage_no",
            measure,
            month,
        )
    )
    return measure, month


@app.cell
def the_break(measure, mo, month, rows):
    (january,) = rows(
        "select * from marts.monthly_yoy where measure_id = ? and month_start = ?", measure, month
    )
    listed = "\n".join(f"- {reason}" for reason in january["reasons"])
    mo.md(f"""
## Why the comparison has status {january["status"]}

{listed}

Of the change of {january["change"]:+,}, {january["change_title_42"]:+,} is Title 42, which did not exist a year before, and
{january["change_title_8"]:+,} is everything else. Against the same month of 2019 it is {january["pct_change_2019"]:+.1f}
percent, against the median of the five years before {january["pct_change_median_prior_five"]:+.1f} percent.
""")
    return (january,)


@app.cell
def the_lines(Archive, con, home, measure, mo, month, provenance, sha256_of, table):
    figure = provenance.figure(con, measure, month)
    archive = Archive(home.archive)
    lines = provenance.source_lines(con, archive, figure)
    digest = sha256_of(archive.read(figure.release["sha256"]))
    if sum(line.encounters for line in lines) != figure.value:
        raise ValueError(
            f"the lines add up to {sum(line.encounters for line in lines):,}, not to {figure.value:,}"
        )
    if digest != figure.release["sha256"]:
        raise ValueError(
            f"the archived bytes have sha256 {digest}, the release says {figure.release['sha256']}"
        )
    largest = sorted(lines, key=lambda line: -line.encounters)[:8]
    shown = table(
        ["line", "encounters", "as it stands in the file"],
        [(line.line_no, line.encounters, f"`{line.text}`") for line in largest],
    )
    mo.md(f"""
## Down to the lines

{figure.value:,} is the sum of {len(lines)} lines of `{figure.release["file_name"]}`
(lines {provenance.ranges(figure.line_nos)}), release `{figure.release["release_id"]}`, published
{provenance.published(figure.release)}, {figure.release["origin"]}. The archived bytes
have the hash the release names, and the lines add up. The largest of them:

{shown}

To cite: {figure.citation}
""")
    return figure, lines


@app.cell
def what_can_be_said(assertion, claim, figure, january, mo, readings):
    holding = [r["definition_label"] for r in readings if r["holds"]]
    failing = [r["definition_label"] for r in readings if r["holds"] is False]
    conclusion = (
        f'"{assertion["words"]}" of {claim["month_start"]:%B %Y} holds under {len(holding)} of {len(readings)} definitions '
        f"({'; '.join(holding)}) and not under {len(failing)} ({'; '.join(failing)}). The figure is {figure.value:,} events "
        f"against {january['prior']:,}, {january['pct_change']:+.1f} percent, status {january['status']}: "
        f"{january['title_42_share_pct']:.0f} percent of it was Title 42. Encounters are events, not people."
    )
    mo.md(f"## What can be said\n\n{conclusion}")
    return (conclusion,)


@app.cell
def on_the_screen(conclusion, mo):
    if mo.app_meta().mode == "script":
        print(conclusion)


if __name__ == "__main__":
    app.run()
