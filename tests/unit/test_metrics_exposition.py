"""Metrics that are read at the scrape are exposed as what they are."""

from app.metrics import StoredMetric, exposition


def test_stored_gauges_and_counters_have_their_types() -> None:
    text = exposition(
        [
            StoredMetric("workers_alive", "Workers.", 2),
            StoredMetric("subscriptions_repaired", "Repairs.", 7, is_counter=True),
        ]
    ).decode()
    assert "# TYPE workers_alive gauge\nworkers_alive 2.0\n" in text
    assert "# TYPE subscriptions_repaired_total counter\nsubscriptions_repaired_total 7.0\n" in text


def test_a_scrape_keeps_no_value_of_the_one_before() -> None:
    exposition([StoredMetric("replies_pending", "Replies.", 1)])
    assert "replies_pending" not in exposition([]).decode()
