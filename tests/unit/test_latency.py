"""How far away a file server is: what is measured, and that nothing outlasts its deadline."""

import socket
import struct
import time

import pytest

from coldferry.errors import BadInput, Unreachable
from coldferry.latency import Latency, Spread, meaning, measure, spread
from tests.unit.file_server import serving

HOST = "127.0.0.1"


def test_median_and_95th_percentile_of_what_was_taken():
    taken_s = [n / 1000 for n in range(1, 101)]

    assert spread(taken_s, 120) == Spread(50.5, 95.0, 120, 100)
    assert spread([0.003], 1) == Spread(3.0, 3.0, 1, 1)


def test_a_server_that_answers_late_is_measured_as_late():
    with serving(delay_s=0.03) as server:
        found = measure(HOST, server.port, tries=5)

    assert found.read is not None
    assert (found.read.tries, found.read.answered) == (5, 5)
    assert found.ms == found.read.median_ms >= 30
    assert found.connect.median_ms < found.read.median_ms
    assert server.connected == 6  # five to connect, one to ask by


def test_the_question_is_the_one_that_every_nfs_server_answers():
    with serving() as server:
        measure(HOST, server.port, tries=1)

    (asked,) = server.asked
    head, _, call, rpc, program, version, procedure, *rest = struct.unpack(">11I", asked)
    assert head == 1 << 31 | 40
    assert (call, rpc, program, version, procedure, rest) == (0, 2, 100003, 4, 0, [0, 0, 0, 0])


def test_where_it_is_not_to_be_asked_it_is_only_connected_to():
    with serving() as server:
        found = measure(HOST, server.port, tries=3, asks=False)

    assert (found.read, server.asked) == (None, [])
    assert found.ms == found.connect.median_ms


@pytest.mark.parametrize(
    "how",
    [
        {"silent": True},
        {"answers": b"HTTP/1.1 400 Bad Request\r\n\r\n"},
        {"answers": struct.pack(">I", 1 << 31 | 1 << 20)},
        {"answers": struct.pack(">7I", 1 << 31 | 24, 77, 1, 0, 0, 0, 0)},
    ],
    ids=["silent", "http", "endless", "another's"],
)
def test_what_takes_connections_and_is_no_file_server_is_said_so_in_time(how):
    begun = time.monotonic()
    with serving(**how) as server, pytest.raises(Unreachable) as refused:
        measure(HOST, server.port, tries=3, deadline_s=0.6)

    assert "does not answer as a file server" in refused.value.what
    assert time.monotonic() - begun < 5


def test_nothing_that_listens_is_unreachable():
    with socket.create_server((HOST, 0)) as listener:
        port = listener.getsockname()[1]

    with pytest.raises(Unreachable, match=f"port {port} does not answer"):
        measure(HOST, port, tries=3, deadline_s=2)


def test_tries_that_the_deadline_cut_off_count_as_not_answered():
    with serving(delay_s=0.1) as server:
        found = measure(HOST, server.port, tries=100, deadline_s=0.5)

    assert found.read is not None
    assert 0 < found.read.answered < 10
    assert "of 100 tries were answered" in found.words


@pytest.mark.parametrize("address", ["", "-oProxy=x", "a b", "a/b", "http://x", "x" * 300, "a\nb"])
def test_an_address_that_is_none_is_refused_before_anything_is_asked(address):
    with pytest.raises(BadInput):
        measure(address)


def test_what_a_latency_means_is_said_as_iops_and_throughput():
    assert "100 IOPS" in meaning(10)
    assert "400 KiB/s in reads of 4 KiB" in meaning(10)
    assert "100 MiB/s in reads of 1 MiB" in meaning(10)


def test_it_says_from_where_it_was_seen():
    told = Latency("a", 2049, Spread(1, 2, 3, 3), Spread(4, 5, 3, 3), "near-1").words

    assert told == "4 ms to read (95 % within 5 ms), 1 ms to connect, seen from near-1"
