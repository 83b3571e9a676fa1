"""The heartbeat of a frozen attempt."""

from __future__ import annotations

from threading import Event, Thread

from local_stack.simulation.hearts import Heart


def test_a_frozen_heart_beats_before_anything_else_happens() -> None:
    heart, beats = Heart(), list[str]()

    def beat() -> None:
        heart.waits_to_beat(Event())
        beats.append("beat")
        heart.has_beaten()

    thread = Thread(target=beat)
    with heart.stopped(for_good=False):
        thread.start()
        assert beats == []

    assert beats == ["beat"]
    thread.join()


def test_a_heart_that_is_stopped_for_good_never_beats() -> None:
    heart, is_over = Heart(), Event()
    with heart.stopped(for_good=True):
        pass
    is_over.set()

    assert not heart.waits_to_beat(is_over)
