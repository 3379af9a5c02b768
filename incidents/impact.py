"""What an outage cost: outage x opening hours x people served = member-minutes."""

from datetime import datetime

from alerting.hours import OpeningHours


def member_minutes(start: datetime, end: datetime, hours: OpeningHours, people: int) -> float:
    """Minutes lost by all people together between two instants; time in which the site is closed costs nothing."""
    return hours.open_seconds(start, end) / 60 * people
