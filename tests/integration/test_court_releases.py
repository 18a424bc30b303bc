"""Court releases in a build: what blocks, what alerts, what is compared with what, and what readers are given."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from court_files import NOW, CourtHome, CourtRelease

from orchestration import court
from warehouse import contracts
from warehouse.court import storage


def release(cases: int = 3, without: int | None = None, decided: bool = False) -> CourtRelease:
    r = CourtRelease()
    for number in range(1, cases + 1):
        applications = [{"APPL_RECD_DATE": "2021-01-05", "APPL_DEC": "D" if decided else ""}]
        r.case(number, "2020-01-02", {"COMP_DATE": "2021-03-01", "DEC_CODE": "X"}, applications=applications)
    if without is not None:
        for table in r.tables:
            r.tables[table] = [row for row in r.tables[table] if row["IDNCASE"] != str(without)]
    return r


def found(home: CourtHome, state: str) -> list[str]:
    with home.court() as file:
        return court.findings(file, state)


def test_a_whole_release_passes(tmp_path: Path) -> None:
    home = CourtHome(tmp_path)
    home.ingest(release().write(tmp_path / "a.zip", "2026-08-03"))
    home.load()
    assert found(home, "failed") == []
    with home.court() as file:
        assert court.publish(home.home, file)


@pytest.mark.parametrize(
    ("stated", "without", "what"),
    [
        ({"A_TblCase": 4}, None, "A_TblCase: stated_rows: 3 records read, 4 stated in Count.txt"),
        ({}, "A_TblCase", "A_TblCase: no_records: the table holds no record"),
    ],
)
def test_a_release_that_lost_records_blocks(
    tmp_path: Path, stated: dict[str, int], without: str | None, what: str
) -> None:
    home = CourtHome(tmp_path)
    made = release()
    made.stated = stated
    if without:
        made.tables[without] = []
    bad = home.ingest(made.write(tmp_path / "a.zip", "2026-08-03"))
    home.load()
    assert found(home, "failed") == [f"{bad.release_id} {what}"]
    with home.court() as file, pytest.raises(court.CourtNotPublishable, match="border set-aside"):
        court.publish(home.home, file)
    assert not home.home.published_court_file.exists()
    home.archive.set_aside(bad.release_id, "records lost", NOW)
    home.ingest(release().write(tmp_path / "b.zip", "2026-08-03"))
    home.load()
    assert found(home, "failed") == []
    assert not (storage.raw_folder(home.home.court_build_file) / bad.release_id).exists()


def test_many_records_set_aside_block(tmp_path: Path) -> None:
    home = CourtHome(tmp_path)
    made = release(40)
    # two fields too many, and no way to tell which: text and dates are all alike junk
    made.tables["A_TblCase"] = [
        {**row, "ALIEN_CITY": "A\tB\tC", "UPDATED_CITY": "D", "E_28_DATE": "junk", "LATEST_HEARING": "junk"}
        if position < 20
        else row
        for position, row in enumerate(made.tables["A_TblCase"])
    ]
    home.ingest(made.write(tmp_path / "a.zip", "2026-08-03"))
    home.load()
    (line,) = [line for line in found(home, "failed") if "quarantined" in line]
    assert "of 40 records set aside" in line


def test_records_that_vanish_are_an_alert_and_listed(tmp_path: Path) -> None:
    home = CourtHome(tmp_path)
    old = home.ingest(release(decided=True).write(tmp_path / "old.zip", "2026-07-02"))
    new = home.ingest(release(decided=True, without=2).write(tmp_path / "new.zip", "2026-08-03"))
    home.load()
    alerts = [line for line in found(home, "warning") if ": vanished: " in line]
    assert any(
        line.startswith(
            f"{new.release_id} tbl_Court_Appln: vanished: 1 keys of {old.release_id} are gone (33.333 %), 1 of"
        )
        for line in alerts
    ), alerts
    assert found(home, "failed") == []
    with home.court() as file:
        assert court.warnings(file)[: len(alerts)] == alerts
    with home.warehouse() as warehouse:
        home.build(warehouse, "marts.court_vanished_records", "marts.court_release_changes")
        gone = warehouse.con.execute(
            "select court_table, key_text, was_decided, trust, is_synthetic from marts.court_vanished_records order by 1"
        ).fetchall()
        assert [row[0] for row in gone] == ["A_TblCase", "B_TblProceeding", "tbl_Court_Appln"]
        assert gone[2][2:] == (True, "mirrored", False)
        changes = warehouse.con.execute(
            "select deleted_keys, unchanged_keys, deleted_decided_keys, is_alert from marts.court_release_changes "
            "where court_table = 'tbl_Court_Appln'"
        ).fetchall()
        assert changes == [(1, 2, 1, True)]


def test_a_made_up_release_is_never_compared_with_a_real_one(tmp_path: Path) -> None:
    home = CourtHome(tmp_path)
    home.ingest(release(5).write(tmp_path / "old.zip", "2026-07-02"))
    home.ingest(release(1).write(tmp_path / "made.zip", "2026-08-03", SYNTHETIC__txt=b"made up"))
    newest = home.ingest(release(6).write(tmp_path / "new.zip", "2026-09-02"))
    home.load()
    with home.court() as file:
        pairs = file.con.execute("select distinct new_release_id from meta.eoir_release_changes").fetchall()
        made_up = file.con.execute("select release_id from meta.eoir_releases where is_synthetic").fetchall()
    assert pairs == [(newest.release_id,)]
    assert len(made_up) == 1


def test_a_release_taken_out_from_between_is_compared_around(tmp_path: Path) -> None:
    home = CourtHome(tmp_path)
    first = home.ingest(release(3).write(tmp_path / "1.zip", "2026-06-02"))
    middle = home.ingest(release(4).write(tmp_path / "2.zip", "2026-07-02"))
    last = home.ingest(release(5).write(tmp_path / "3.zip", "2026-08-02"))
    home.load()
    home.archive.set_aside(middle.release_id, "wrong", NOW)
    home.load()
    with home.court() as file:
        pairs = file.con.execute(
            "select distinct old_release_id, new_release_id from meta.eoir_release_changes"
        ).fetchall()
    assert pairs == [(first.release_id, last.release_id)]


def test_readers_get_a_copy_when_it_changed_and_keep_the_one_they_hold(tmp_path: Path) -> None:
    home = CourtHome(tmp_path)
    home.ingest(release().write(tmp_path / "a.zip", "2026-07-02"))
    home.load()
    target = home.home.published_court_file
    with home.court() as file:
        assert court.publish(home.home, file) is True
        assert court.publish(home.home, file) is False
    reader = duckdb.connect(str(target), read_only=True)
    assert reader.execute("select count(*) from core.eoir__cases").fetchone() == (3,)
    assert reader.execute("select count(*) from duckdb_views() where not internal").fetchone() == (0,)
    commented = reader.execute(
        "select comment from duckdb_columns() where schema_name = 'marts' and table_name = 'court_cases' "
        "and column_name = 'outcome_group_code'"
    ).fetchone()
    documented = {c.name: c.comment for c in contracts.table(storage.CASES).columns}
    assert commented == (documented["outcome_group_code"],)
    home.ingest(release(4).write(tmp_path / "b.zip", "2026-08-03"))
    home.load()
    with home.court() as file:
        assert court.publish(home.home, file) is True
    assert reader.execute("select count(*) from core.eoir__cases").fetchone() == (3,)
    reader.close()
    with duckdb.connect(str(target), read_only=True) as after:
        assert after.execute("select count(*) from core.eoir__cases").fetchone() == (7,)
    assert [p.name for p in target.parent.iterdir()] == ["court.duckdb"]


def test_a_copy_that_fails_leaves_readers_what_they_had(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = CourtHome(tmp_path)
    home.ingest(release().write(tmp_path / "a.zip", "2026-07-02"))
    home.load()
    with home.court() as file:
        court.publish(home.home, file)
    before = home.home.published_court_file.read_bytes()
    home.ingest(release(4).write(tmp_path / "b.zip", "2026-08-03"))
    home.load()

    def miscounts(con: object, name: str) -> int:
        return 0 if name.startswith("copy_of_court") else 1

    with home.court() as file:
        monkeypatch.setattr(storage, "_rows", miscounts)
        with pytest.raises(duckdb.IOException, match="lost rows"):
            court.publish(home.home, file)
    assert home.home.published_court_file.read_bytes() == before
    assert [p.name for p in home.home.published.iterdir()] == ["court.duckdb"]


def test_a_second_load_reads_nothing_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = CourtHome(tmp_path)
    made = home.ingest(release().write(tmp_path / "a.zip", "2026-07-02"))
    home.load()
    with home.court() as file:
        again = court.load(file, home.archive, made, storage.raw_folder(home.home.court_build_file))
        assert len(again.resumed) == len(again.tables)
        typed = file.con.execute(
            "select build_no from meta.builds where table_name = 'marts.court_cases'"
        ).fetchall()
        court.build_core(file, home.archive)
        assert (
            file.con.execute(
                "select build_no from meta.builds where table_name = 'marts.court_cases'"
            ).fetchall()
            == typed
        )
        monkeypatch.setattr(court, "code_of_core", lambda: "other models")
        court.build_core(file, home.archive)
        assert (
            file.con.execute(
                "select build_no from meta.builds where table_name = 'marts.court_cases'"
            ).fetchall()
            != typed
        )
        monkeypatch.setattr(court, "code_of_raw", lambda: "another reader")
        read_again = court.load(file, home.archive, made, storage.raw_folder(home.home.court_build_file))
        assert read_again.resumed == ()


def test_progress_is_told_with_rate_and_time_left(tmp_path: Path) -> None:
    home = CourtHome(tmp_path)
    home.ingest(release().write(tmp_path / "a.zip", "2026-07-02", SYNTHETIC__txt=b""))
    told: list[tuple[str, float]] = []
    with court.heard_by(lambda what, share: told.append((what, share))):
        home.load()
    assert any("MB/s" in what and what.startswith("SYNTHETIC a.zip: ") for what, _ in told)
    assert any(what == "core.eoir__cases" for what, _ in told)
    assert all(0 <= share <= 1 for _, share in told)
