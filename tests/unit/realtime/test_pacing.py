from __future__ import annotations

from sottovoce.realtime.pacing import FRAME, GROUP, LEAD, Pacer

LEAD_FRAMES = round(LEAD / FRAME)
GROUP_FRAMES = round(GROUP / FRAME)


def test_the_whole_lead_may_go_at_once() -> None:
    assert Pacer().due(now=50.0) == LEAD_FRAMES


def test_then_groups_go_out_in_real_time_without_drift() -> None:
    pacer, now, sent = Pacer(), 50.0, 0
    while now < 50.0 + 600:
        due = pacer.due(now)
        assert due == (LEAD_FRAMES if sent == 0 else GROUP_FRAMES)
        pacer.sent(due)
        sent += due
        assert abs(sent * FRAME - (now - 50.0) - LEAD) < 1e-6
        now += pacer.wait(now)


def test_a_late_wake_is_made_good_and_no_more() -> None:
    pacer = Pacer()
    pacer.sent(pacer.due(10.0))
    assert pacer.due(10.09) == 4  # 90 ms of 100 ms were played: 4 frames bring it back to 90 of lead
    pacer.sent(4)
    assert pacer.due(10.10) == 1


def test_a_client_that_ran_dry_gets_the_lead_and_no_burst() -> None:
    pacer = Pacer()
    pacer.sent(pacer.due(10.0))
    assert pacer.due(13.0) == LEAD_FRAMES


def test_a_reset_gives_the_next_reply_its_lead_at_once() -> None:
    pacer = Pacer()
    pacer.sent(pacer.due(10.0))
    assert pacer.due(10.0) == 0
    pacer.reset()
    assert pacer.due(10.0) == LEAD_FRAMES
