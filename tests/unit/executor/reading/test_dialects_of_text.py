"""Delimiters, quotation marks, line ends."""

import pytest

ROWS = [["城市", "评分", "备注"], ["北京", "5", "好，很好"], ["上海", "3", "一般"], ["广州", "4", "还行"]]


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"], ids=["comma", "semicolon", "tab", "bar"])
def test_the_delimiter_is_found(read_bytes, mark):
    table, report = read_bytes("\n".join(mark.join(row) for row in ROWS).encode())
    assert table.columns == ROWS[0]
    assert table.rows() == [tuple(row) for row in ROWS[1:]]
    assert report["delimiter"] == mark


def test_a_full_width_comma(read_bytes):
    table, report = read_bytes("城市，评分\n北京，5\n上海，3\n".encode())
    assert table.to_dict(as_series=False) == {"城市": ["北京", "上海"], "评分": ["5", "3"]}
    assert report["delimiter"] == "，"


def test_multi_answers_do_not_pass_for_delimiters(read_bytes):
    table, report = read_bytes("id,渠道,城市\n1,1;2;3;,北京\n2,1;2;4;,上海\n3,2;3;4;,广州\n".encode())
    assert report["delimiter"] == ","
    assert table["渠道"].to_list() == ["1;2;3;", "1;2;4;", "2;3;4;"]


def test_one_column_of_sentences_with_commas_in_a_tsv(read_bytes):
    table, _ = read_bytes(b"note\tn\na, b\t1\nc, d, e\t2\n", "x.tsv")
    assert table.rows() == [("a, b", "1"), ("c, d, e", "2")]


def test_quoted_cells_keep_delimiters_quotes_and_line_breaks(read_bytes):
    table, _ = read_bytes(b'a,b\n"x,1","say ""hi"""\n"two\nlines",\n"",plain\n')
    assert table.rows() == [("x,1", 'say "hi"'), ("two\nlines", None), (None, "plain")]


def test_quoted_empty_and_empty_are_both_missing(read_bytes):
    table, _ = read_bytes(b'a,b\n"",1\n,2\n')
    assert table["a"].to_list() == [None, None]


def test_spaces_and_leading_zeros_are_kept(read_bytes):
    table, _ = read_bytes(b"id,t\n007, x \n 08,\t\n")
    assert table.rows() == [("007", " x "), (" 08", "\t")]


def test_single_quotes(read_bytes):
    table, report = read_bytes(b"a,b\n'x,1','y'\n'z','w'\n")
    assert table.rows() == [("x,1", "y"), ("z", "w")]
    assert report["quote"] == "'"


def test_apostrophes_are_not_quotes(read_bytes):
    table, report = read_bytes(b"a,b\n'tis so,1\nrock 'n' roll,2\n")
    assert table["a"].to_list() == ["'tis so", "rock 'n' roll"]
    assert report["quote"] == '"'


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["unix", "windows", "old-mac"])
@pytest.mark.parametrize("last", [True, False], ids=["closed", "open"])
def test_line_ends(read_bytes, end, last):
    text = end.join(["a,b", "1,x", "2,y"]) + (end if last else "")
    table, _ = read_bytes(text.encode())
    assert table.rows() == [("1", "x"), ("2", "y")]


def test_the_separator_line_of_excel(read_bytes):
    table, report = read_bytes(b"sep=;\na;b\n1,5;2\n")
    assert table.rows() == [("1,5", "2")]
    assert report["header_rows"] == [2]


def test_delimiter_and_quote_may_be_given(read_bytes):
    table, _ = read_bytes(b'a:b\n"1:2"\n', delimiter=":", quote="")
    assert table.rows() == [('"1', '2"')]


def test_inch_marks_inside_cells(read_bytes):
    table, report = read_bytes(b'a,b\n1,5" pipe\n2,6" pipe\n3,x\n')
    assert table["b"].to_list() == ['5" pipe', '6" pipe', "x"]
    assert report["findings"] == []


def test_a_quote_that_is_never_closed_loses_nothing(read_bytes, finding):
    table, report = read_bytes(b'a,b\n1,"open\n2,x\n3,"fine, closed"\n4,y\n')
    assert table["a"].to_list() == ["1", "2", "3", "4"]
    assert table["b"].to_list() == ['"open', "x", "fine, closed", "y"]
    assert finding(report, "unpaired-quotes")["details"]["lines"] == [2]


@pytest.mark.parametrize(
    "rows",
    [
        ["url", "http://a.b/c?x=1;y=2", "http://a.b/c?x=1;y=3"],
        ["评价", "今天天气很好，适合出门。", "但是，价格有点贵，服务一般。", "还行"],
        ["comment", "Hello, world", "fine, thanks", "ok"],
    ],
    ids=["addresses", "chinese", "english"],
)
def test_one_column_of_prose_is_not_cut(read_bytes, rows):
    table, _ = read_bytes("\n".join(rows).encode())
    assert table.columns == rows[:1]
    assert table.to_series().to_list() == rows[1:]


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b'"na\rme",b\n1,2\n3,4\n', "na me"),
        (b"title\ra,b\n1,2\n3,4\n", "a"),
        (b"a,b\r1,2\n3,4\n", "a"),
        (b'"na\r\nme",b\r\n1,2\r\n3,4\r\n', "na me"),
    ],
    ids=["in a name", "behind a title", "behind the header", "with a line feed"],
)
def test_a_lone_carriage_return_above_the_data_hides_no_row(read_bytes, content, name):
    table, _ = read_bytes(content)
    assert table.columns == [name, "b"]
    assert table.rows() == [("1", "2"), ("3", "4")]
