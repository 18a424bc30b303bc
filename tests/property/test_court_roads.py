"""The fast and the careful road give the same rows, and no record is ever lost on either."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from warehouse.court import load, packing, records, registry
from warehouse.court.load import load_release

HEADER = b"IDNCUSTODY\tIDNCASE\tCUSTODY\tDATDETAINED\tDATRELEASED"

_NASTY = (
    *(b"", b"\x00", b" ", b"\x00\x00", b"A\x00", b"\x1b", b"\x02", b"\x02\x02", b"\r", b"\n", b"\t", b"\x1a"),
    *(b'"', b'""', b"'", b"\\", b"\xff", b"\xc3\xa9", b"\xe9", b"\x81", b"\xef\xbb\xbf"),
    *(b"N/A", b"0", b"00", b"D", b"1", b"a b ", b"2019-05-01 00:00:00.000"),
)
_nasty = st.sampled_from(_NASTY)
_value = st.one_of(_nasty, st.binary(max_size=6), st.lists(_nasty, max_size=3).map(b"".join))
_usual = st.tuples(
    st.integers(1, 10**7).map(lambda n: b"%d" % n),
    st.integers(1, 10**7).map(lambda n: b"%d" % n),
    st.sampled_from([b"D", b"N", b"R", b"\x00", b"", b" "]),
    st.sampled_from([b"", b"2019-05-01 00:00:00.000"]),
    st.sampled_from([b"", b"2020-05-01 00:00:00.000"]),
).map(b"\t".join)
_row = st.one_of(_usual, _usual, st.lists(_value, min_size=0, max_size=8).map(b"\t".join))


def _load(body: bytes, home: Path, *, by_hand: bool) -> tuple[object, ...]:
    home.mkdir()
    with packing.ZipWriter(home / "r.zip") as z:
        z.add("tbl_CustodyHistory.csv", [body], 9)
    con = duckdb.connect()
    report = load_release(con, home / "r.zip", "eoir-1", store=home / "store", by_hand=by_hand)
    rows = con.execute("select * from raw.eoir__tbl_custodyhistory order by record_no").fetchall()
    repaired = con.execute("select * from meta.eoir_repair_log order by record_no").fetchall()
    kept = con.execute("select * from meta.eoir_quarantine order by record_no").fetchall()
    assert len(rows) + len(kept) == report.tables[0].records
    numbers = [r[1] for r in rows] + [k[2] for k in kept]
    assert sorted(numbers) == list(range(1, report.tables[0].records + 1))
    con.close()
    return rows, repaired, kept, report.tables


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(_row, max_size=12), st.sampled_from([b"\r\n", b"\n"]), st.booleans())
def test_both_roads_read_the_same_bytes_alike(rows: list[bytes], row_end: bytes, is_ended: bool) -> None:
    body = row_end.join([HEADER, *rows]) + (row_end if is_ended else b"")
    with TemporaryDirectory() as folder:
        fast = _load(body, Path(folder) / "fast", by_hand=False)
        careful = _load(body, Path(folder) / "careful", by_hand=True)
    assert fast == careful


@settings(max_examples=200, deadline=None)
@given(
    st.lists(_usual, min_size=1, max_size=40),
    st.lists(st.integers(1, 64), min_size=1, max_size=30),
    st.sampled_from([b"\r\n", b"\n"]),
)
def test_where_a_chunk_ends_does_not_matter(rows: list[bytes], sizes: list[int], row_end: bytes) -> None:
    body = row_end.join([HEADER, *rows]) + row_end
    chunks, at = [], 0
    while at < len(body):
        step = sizes[len(chunks) % len(sizes)]
        chunks.append(body[at : at + step])
        at += step
    scanner = records.Scanner(chunks, "x")
    seen = b"".join(b.clean for b in scanner.blocks())
    whole = records.Scanner([body], "x")
    assert seen == b"".join(b.clean for b in whole.blocks())
    assert scanner.tally.records == len(rows)


def test_pieces_and_blocks_of_any_size_give_the_same_rows(tmp_path: Path, monkeypatch: object) -> None:
    rows = [b"%d\t%d\t%s\t\t" % (i, i * 7, b"D" if i % 3 else b"\x00") for i in range(1, 3000)]
    rows[100], rows[2000] = b"x\ty", rows[2000] + b"\t"
    body = b"\r\n".join([HEADER, *rows]) + b"\r\n"
    whole = _load(body, tmp_path / "whole", by_hand=False)
    monkeypatch.setattr(records, "_BLOCK", 1000)  # type: ignore[attr-defined]
    monkeypatch.setattr(records, "_SAMPLE", 200)  # type: ignore[attr-defined]
    monkeypatch.setattr(load, "_PIECE", 5000)  # type: ignore[attr-defined]
    assert _load(body, tmp_path / "pieces", by_hand=False) == whole
    assert registry.slug("tbl_CustodyHistory") == "eoir__tbl_custodyhistory"


def test_a_piece_the_parser_refuses_is_split_row_by_row(tmp_path: Path, monkeypatch: object) -> None:
    rows = [b"%d\t%d\t%s\t\x00\t" % (i, i * 7, b"D" if i % 3 else b"\x00") for i in range(1, 300)]
    rows[100] = b"x\ty"
    rows[5] += b"A" * (9 << 20)  # wider than the parser's block
    body = b"\r\n".join([HEADER, *rows]) + b"\r\n"
    refused = _load(body, tmp_path / "refused", by_hand=False)
    assert refused == _load(body, tmp_path / "careful", by_hand=True)
    assert len(refused[0]) == 298  # type: ignore[arg-type]
