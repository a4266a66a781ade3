"""Frames and parts: what is written is read, and what is hostile is an error with a sentence."""

from __future__ import annotations

import io
import struct

import pytest

from retort_core.errors import DataError, Infrastructure, SessionLost
from retort_core.wire import (
    MAX_PARTS,
    MAX_PAYLOAD,
    FrameDecoder,
    FrameType,
    PartReader,
    PartWriter,
    decode_json,
    encode,
    encode_data,
    encode_done,
    encode_json,
    input_of,
    read_parts,
)


def container(**parts: bytes) -> bytes:
    out = io.BytesIO()
    writer = PartWriter(out)
    for name, data in parts.items():
        writer.add(name, data)
    writer.close()
    return out.getvalue()


def test_a_frame_is_type_length_payload() -> None:
    assert encode(FrameType.CHUNK, b"abc") == b"\x13\x00\x00\x00\x03abc"


def test_frames_of_one_read_come_one_by_one() -> None:
    decoder = FrameDecoder()
    data = encode(FrameType.START) + encode_json(FrameType.JOB, {"a": "北"}) + encode_done(7)
    assert list(decoder.feed(data)) == [
        (FrameType.START, b""),
        (FrameType.JOB, '{"a":"北"}'.encode()),
        (FrameType.DONE, b"\x00\x07"),
    ]
    decoder.finish()


def test_frames_left_unread_are_kept() -> None:
    decoder = FrameDecoder()
    assert next(iter(decoder.feed(encode(FrameType.START) + encode(FrameType.CANCEL)))) == (
        FrameType.START,
        b"",
    )
    assert decoder.complete
    assert list(decoder.feed(b"")) == [(FrameType.CANCEL, b"")]
    assert not decoder.complete


def test_a_payload_too_large_is_refused_on_both_sides() -> None:
    with pytest.raises(Infrastructure, match="at most 1048576 bytes"):
        encode(FrameType.CHUNK, bytes(MAX_PAYLOAD + 1))
    with pytest.raises(Infrastructure, match="announces 1048577 bytes"):
        list(FrameDecoder().feed(struct.pack(">BI", 19, MAX_PAYLOAD + 1)))


def test_an_unknown_type_is_an_error() -> None:
    with pytest.raises(Infrastructure, match="unknown frame type 99"):
        list(FrameDecoder().feed(struct.pack(">BI", 99, 0)))


def test_a_stream_that_ends_inside_a_frame_is_lost() -> None:
    decoder = FrameDecoder()
    assert list(decoder.feed(encode(FrameType.CHUNK, b"abc")[:-1])) == []
    with pytest.raises(SessionLost, match="inside a frame"):
        decoder.finish()


@pytest.mark.parametrize("payload", [b"", b"[1]", b"{", b"\xff", b"[" * 100_000, b'"x"'])
def test_json_that_is_no_object_is_an_error(payload: bytes) -> None:
    with pytest.raises(Infrastructure):
        decode_json(payload)


def test_data_is_cut_to_frames_that_name_their_input() -> None:
    data = bytes(range(256)) * 8192
    frames = [frame for piece in encode_data(3, data) for frame in FrameDecoder().feed(piece)]
    assert {kind for kind, _ in frames} == {FrameType.DATA}
    assert {input_of(payload)[0] for _, payload in frames} == {3}
    assert b"".join(input_of(payload)[1] for _, payload in frames) == data
    with pytest.raises(Infrastructure, match="too short"):
        input_of(b"\x00")


def test_parts_come_back_by_name() -> None:
    big = bytes(3 * MAX_PAYLOAD + 5)
    assert read_parts(container(table=big, report=b"{}", empty=b"")) == {
        "table": big,
        "report": b"{}",
        "empty": b"",
    }


def test_a_part_may_be_written_in_pieces_like_a_file() -> None:
    out = io.BytesIO()
    writer = PartWriter(out)
    part = writer.open("table")
    assert [part.write(b"ab"), part.write(bytearray(b"c")), part.write(b"")] == [2, 1, 0]
    writer.end()
    writer.close()
    assert read_parts(out.getvalue()) == {"table": b"abc"}


def test_names_are_held_to_what_was_asked_for() -> None:
    data = container(**{"answer:均值": b"1", "table": b"2"})
    assert read_parts(data, ("table", "answer:")) == {"answer:均值": b"1", "table": b"2"}
    with pytest.raises(DataError, match="nobody asked for"):
        read_parts(data, ("table",))


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "cut short"),
        (b"RPT", "cut short"),
        (b"PNG!", "does not start"),
        (container(table=b"abc")[:-1], "cut short"),
        (container(table=b"abc")[:-8], "cut short"),
        (container(table=b"abc") + b"\0", "after its end mark"),
        (container(table=b"1")[:-2] + container(table=b"2")[4:], "twice"),
        (b"RPT1" + struct.pack(">H", 201), "name of 201 bytes"),
        (b"RPT1" + struct.pack(">H", 1) + b"\x1b", "nobody asked for"),
        (
            b"RPT1" + struct.pack(">H", 2) + b"\xff\xfe" + struct.pack(">I", MAX_PAYLOAD + 1),
            "piece of 1048577",
        ),
        (container(**{str(i): b"" for i in range(MAX_PARTS + 1)}), "more than 64 parts"),
    ],
)
def test_a_malformed_result_is_a_data_error(data: bytes, sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        read_parts(data)


def test_a_name_too_long_is_the_writers_error() -> None:
    with pytest.raises(DataError, match="1 to 200 bytes"):
        PartWriter(io.BytesIO()).add("北" * 67, b"")
    with pytest.raises(DataError, match="1 to 200 bytes"):
        PartWriter(io.BytesIO()).add("", b"")


def test_parts_flow_into_sinks_without_being_gathered() -> None:
    sizes: dict[str, list[int]] = {}

    class Counter:
        def __init__(self, name: str) -> None:
            self.name = name

        def write(self, data: memoryview, /) -> None:
            sizes.setdefault(self.name, []).append(len(data))

    reader = PartReader(Counter, ("table",))
    data = container(table=bytes(1000))
    for start in range(0, len(data), 100):
        reader.feed(data[start : start + 100])
    reader.finish()
    assert sum(sizes["table"]) == 1000
    assert len(sizes["table"]) > 5
    assert reader.seen == ("table",)
