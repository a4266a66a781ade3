"""However bytes are cut on their way, the same frames and parts come out; garbage is an error, never a crash."""

from __future__ import annotations

import contextlib
import io
import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from retort_core.errors import RetortError
from retort_core.wire import FrameDecoder, FrameType, PartWriter, encode, read_parts

frames = st.lists(st.tuples(st.sampled_from(FrameType), st.binary(max_size=60)), max_size=6)
names = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=20)
cuts = st.lists(st.integers(0, 400), max_size=8)


def pieces(data: bytes, at: list[int]) -> list[bytes]:
    edges = sorted({0, len(data), *(cut for cut in at if cut < len(data))})
    return [data[a:b] for a, b in itertools.pairwise(edges)]


@given(frames, cuts)
@settings(max_examples=60)
def test_frames_survive_any_cut(sent: list[tuple[FrameType, bytes]], at: list[int]) -> None:
    decoder = FrameDecoder()
    data = b"".join(encode(kind, payload) for kind, payload in sent)
    assert [frame for piece in pieces(data, at) for frame in decoder.feed(piece)] == sent
    decoder.finish()


@given(st.dictionaries(names, st.binary(max_size=100), max_size=5))
@settings(max_examples=60)
def test_parts_come_back(parts: dict[str, bytes]) -> None:
    out = io.BytesIO()
    writer = PartWriter(out)
    for name, data in parts.items():
        writer.add(name, data)
    writer.close()
    assert read_parts(out.getvalue()) == parts


@given(st.binary(max_size=80), st.booleans())
@settings(max_examples=150)
def test_garbage_is_an_error_of_ours(data: bytes, start: bool) -> None:
    with contextlib.suppress(RetortError):
        list(FrameDecoder().feed(data))
    with contextlib.suppress(RetortError):
        read_parts(b"RPT1" + data if start else data)
