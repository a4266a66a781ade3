"""Rows that are too short or too long: nothing is lost, everything is counted."""


def test_short_rows_are_filled_and_counted(read_bytes, finding):
    table, report = read_bytes(b"a,b,c\n1,2,3\n4\n5,6\n7,8,9\n")
    assert table.rows() == [("1", "2", "3"), ("4", None, None), ("5", "6", None), ("7", "8", "9")]
    assert report["ragged"] == {"short": 2, "long": 0, "short_lines": [3, 4], "long_lines": []}
    assert finding(report, "rows-too-short")["count"] == 2


def test_the_surplus_of_long_rows_goes_into_a_column_of_its_own(read_bytes, finding):
    table, report = read_bytes("姓名,城市\n张三,北京\n李四,上海,浦东,1\n王五,广州\n".encode())
    assert table.columns == ["姓名", "城市", "多余_1"]
    assert table["多余_1"].to_list() == [None, "浦东,1", None]
    assert report["ragged"]["long_lines"] == [3]
    assert finding(report, "rows-too-long")["severity"] == "error"


def test_empty_surplus_is_nothing(read_bytes):
    table, report = read_bytes(b"a,b\n1,2,,\n3,4\n")
    assert table.columns == ["a", "b"]
    assert report["ragged"]["long"] == 0


def test_a_missing_last_cell_is_no_short_row(read_bytes):
    table, report = read_bytes(b"a,b\n1,\n2,x\n")
    assert table["b"].to_list() == [None, "x"]
    assert report["findings"] == []


def test_short_rows_are_seen_among_quoted_cells_with_delimiters(read_bytes):
    table, report = read_bytes(b'a,b,c\n"1,1",2,3\n"4,4,4,4"\n"x\ny,",5,\n')
    assert table.rows() == [("1,1", "2", "3"), ("4,4,4,4", None, None), ("x\ny,", "5", None)]
    assert report["ragged"]["short_lines"] == [3]


def test_blank_lines_are_left_out_and_counted(read_bytes, finding):
    table, report = read_bytes(b"a,b\n1,2\n\n3,4\n\n\n5,6\n\n")
    assert table["a"].to_list() == ["1", "3", "5"]
    assert finding(report, "blank-lines")["details"]["lines"] == [3, 5, 6, 8]


def test_blank_lines_at_the_very_end_are_no_finding(read_bytes):
    table, report = read_bytes(b"a,b\n1,2\n3,4\n\n\n")
    assert table.height == 2
    assert report["findings"] == []


def test_only_the_first_twenty_lines_are_listed(read_bytes):
    _, report = read_bytes(b"a,b\n" + b"1\n" * 50 + b"1,2\n" * 60)
    assert report["ragged"]["short"] == 50
    assert report["ragged"]["short_lines"] == list(range(2, 22))


def test_rows_of_delimiters_at_the_end_are_left_out(read_bytes, finding):
    table, report = read_bytes(b"a,b\n1,2\n,\n3,4\n,\n,\n")
    assert table.rows() == [("1", "2"), (None, None), ("3", "4")]
    assert finding(report, "empty-rows-left-out")["count"] == 2
