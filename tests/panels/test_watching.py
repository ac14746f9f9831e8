"""Watching: it looks while somebody does, ends, wakes, and leaves slow stores alone."""

from __future__ import annotations

import os
import signal
import sys
import threading
from time import monotonic, sleep, thread_time

import pytest

from magics.panels import watching
from magics.panels.watching import Watching


class Listener:
    """Notes when it was let tell."""

    def __init__(self, work=lambda: None):
        self.looked_s = monotonic()
        self.told = []
        self.work = work

    def tell(self):
        self.told.append(monotonic())
        return self.work()


def until(true, patience_s=5.0):
    end = monotonic() + patience_s
    while not true():
        assert monotonic() < end, "it did not come"
        sleep(0.01)


def threads():
    return [one for one in threading.enumerate() if one.name == "hero panels"]


@pytest.fixture
def watch(monkeypatch):
    monkeypatch.setattr(watching, "BETWEEN_S", 0.02)
    one = Watching()
    yield one
    one.stop()
    until(lambda: not threads())


def test_it_looks_while_somebody_does_and_wakes_again(watch, monkeypatch):
    monkeypatch.setattr(watching, "UNSEEN_S", 0.2)
    listener = Listener()
    watch.add(listener)
    until(lambda: len(listener.told) > 3)
    until(lambda: not threads())  # nobody looks: no thread
    said = len(listener.told)
    watch.wake()
    until(lambda: not threads())
    assert len(listener.told) == said
    listener.looked_s = monotonic()
    watch.wake()
    watch.wake()
    assert len(threads()) == 1
    until(lambda: len(listener.told) > said)


def test_one_that_fails_does_not_keep_the_others_from_news(watch, caplog):
    def fail():
        raise RuntimeError("burst")

    bad, good = Listener(fail), Listener()
    watch.add(bad)
    watch.add(good)
    until(lambda: len(good.told) > 3 and len(bad.told) > 1)
    assert "could not be told" in caplog.text


def test_a_slow_store_is_asked_half_of_the_time_and_holds_up_itself_alone(watch):
    slow, quick = Listener(lambda: sleep(0.2)), Listener()
    watch.add(slow)
    until(lambda: len(slow.told) > 1)
    watch.add(quick)
    until(lambda: len(slow.told) > 3)
    gaps = [after - before for before, after in zip(slow.told, slow.told[1:], strict=False)]
    assert min(gaps) >= 0.38
    assert len(quick.told) > 2 * 3


def test_what_takes_the_processor_takes_a_tenth_of_it(watch):
    used = []

    def work():
        begin = thread_time()
        while thread_time() - begin < 0.03:
            pass
        used.append(thread_time() - begin)

    busy = Listener(work)
    began = monotonic()
    watch.add(busy)
    until(lambda: len(used) >= 4)
    assert sum(used[:-1]) <= 0.13 * (busy.told[-1] - began)


def test_looking_in_vain_takes_little_and_a_change_still_shows_within_a_second(watch):
    news = []

    def work():
        begin = thread_time()
        while thread_time() - begin < 0.001:
            pass
        return bool(news)

    idle = Listener(work)
    watch.add(idle)
    until(lambda: len(idle.told) >= 4)
    gaps = [after - before for before, after in zip(idle.told, idle.told[1:], strict=False)]
    assert min(gaps) > 0.3
    assert max(gaps) < 1
    news.append("it goes on")  # while there is something to tell, it is looked for as ever
    until(lambda: len(idle.told) >= 5)
    begin, said = monotonic(), len(idle.told)
    until(lambda: len(idle.told) >= said + 8)
    assert monotonic() - begin < 0.5


def test_one_that_is_gone_is_not_kept(watch):
    listeners = [Listener()]
    watch.add(listeners[0])
    until(lambda: listeners[0].told)
    assert len(watch._talks) == 1
    listeners.clear()
    until(lambda: len(watch._talks) == 0)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_child_has_no_such_thread_and_begins_its_own(watch):
    listener = Listener()
    watch.add(listener)
    until(lambda: listener.told)
    child = os.fork()
    if child == 0:
        signal.alarm(10)
        told = len(listener.told)
        alone = not threads()
        watch._lock = threading.Lock()  # it may have been held at that instant
        watch.wake()
        sleep(0.5)
        os._exit(0 if alone and len(listener.told) > told else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_the_process_ends_though_somebody_looks(tmp_path):
    import subprocess  # noqa: PLC0415  # here alone

    code = (
        "from time import monotonic\nfrom magics.panels.watching import Watching\n"
        "class One:\n    looked_s = monotonic()\n    def tell(self): pass\n"
        "one, watch = One(), Watching()\nwatch.add(one)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=10, check=True)
    assert done.stderr == b""
