"""Tables and lines: the same in text and in HTML, bounded, and without control characters."""

from __future__ import annotations

from magics.display import MAX_ROWS, Line, Table


def test_a_table_is_aligned_text():
    table = Table(("name", "value"), (("a", "1"), ("long one", "2")), title="what", note="end")
    assert repr(table) == "what\nname      value\na         1\nlong one  2\nend"


def test_a_table_without_rows_is_its_note():
    table = Table(("name",), (), title="what", note="nothing is there")
    assert repr(table) == "what\nnothing is there"
    assert "<table>" not in table._repr_html_()


def test_many_rows_are_counted():
    table = Table(("n",), tuple((str(n),) for n in range(MAX_ROWS + 7)))
    assert f"showing {MAX_ROWS} of {MAX_ROWS + 7}" in repr(table)
    assert table._repr_html_().count("<tr>") == MAX_ROWS + 1


def test_a_cell_is_one_bounded_line():
    table = Table(("v",), (("a\nb",), ("x" * 500,)))
    assert repr(table).split("\n")[1] == "a⏎b"
    assert len(repr(table).split("\n")[2]) == 200


def test_html_has_no_script_and_no_outside_resource():
    html = Table(("v",), (("<b>",),), title="<i>", note="<u>")._repr_html_()
    html += Line("<b>", ("<i>",))._repr_html_()
    for tag in ("<b>", "<i>", "<u>", "<script", "http:", "url("):
        assert tag not in html


def test_a_line_has_its_details_below():
    assert repr(Line("one", ("two", "three\x1b[31m"))) == "one\ntwo\nthree"
