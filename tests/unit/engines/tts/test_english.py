import pytest

from sottovoce.engines.tts.english import expand


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("It costs $3.50.", "It costs 3 dollars and 50 cents."),
        ("$1, $1.01, $0.99, $5.00", "1 dollar, 1 dollar and 1 cent, 99 cents, 5 dollars"),
        ("-$5", "minus 5 dollars"),
        ("$1,234.56", "1234 dollars and 56 cents"),
        ("$1.2 million or $2.5k", "1.2 million dollars or 2.5 thousand dollars"),
        ("£2.01", "2 pounds and 1 penny"),
        ("5 € or 5,50 €", "5 euros or 5 euros and 50 cents"),
        ("¥1000", "1000 yen"),
        ("50¢", "50 cents"),
    ],
)
def test_money(written: str, said: str) -> None:
    assert expand(written) == said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("at 12:05", "at twelve oh five"),
        ("3:00", "three o'clock"),
        ("3:00 PM", "three PM"),
        ("3:30 p.m. sharp", "three thirty PM sharp"),
        ("15:00", "fifteen hundred"),
        ("00:00", "midnight"),
        ("12:05:30", "twelve oh five and thirty seconds"),
        ("25:00", "25:00"),
    ],
)
def test_times(written: str, said: str) -> None:
    assert expand(written) == said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("2026-11-22", "November twenty-second, twenty twenty-six"),
        ("2026-11-22T15:30:00Z", "November twenty-second, twenty twenty-six at fifteen thirty"),
        ("3/4/2026", "March fourth, twenty twenty-six"),
        ("25/12/2026", "December twenty-fifth, twenty twenty-six"),
        ("11/22/26", "November twenty-second, twenty twenty-six"),
        ("May 3rd, 1905", "May 3rd, nineteen oh five"),
        ("in 1999, the 1990s", "in nineteen ninety-nine, the nineteen nineties"),
        ("in 2005", "in two thousand and five"),
        ("1999 people", "1999 people"),
        ("in 1500%", "in 1500%"),
    ],
)
def test_dates(written: str, said: str) -> None:
    assert expand(written) == said


def test_day_comes_first_in_britain() -> None:
    assert expand("3/4/2026", is_day_first=True) == "April third, twenty twenty-six"


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("5/6 and 1/2", "five sixths and one half"),
        ("3/4 cup", "three quarters cup"),
        ("1 1/2 cups", "one and one half cups"),
        ("24/7", "twenty-four seven"),
        ("7/5", "7 over 5"),
        ("5-10 minutes", "5 to 10 minutes"),
        ("10 - 5", "10 minus 5"),
        ("5 × 3", "5 times 3"),
        ("~5", "about 5"),
        ("#1", "number 1"),
        ("No. 5", "number 5"),
        ("20°C", "20 degrees Celsius"),
        ("1 kg, 5 km/h, 2.5 m", "1 kilogram, 5 kilometers per hour, 2.5 meters"),
        ("v1.2.3", "v1.2.3"),
    ],
)
def test_figures(written: str, said: str) -> None:
    assert expand(written) == said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("call 555-1234", "call five five five, one two three four"),
        ("(555) 123-4567", "five five five, one two three, four five six seven"),
        ("+44 20 7946 0958", "plus four four, two zero, seven nine four six, zero nine five eight"),
        ("https://www.example.com/docs/a_b?x=1#y.", "example dot com slash docs slash a b."),
        ("http://user:secret@example.com", "example dot com"),
        ("see www.x.org", "see x dot org"),
        ("bob.smith@example.co.uk", "bob dot smith at example dot co dot uk"),
        ("192.168.0.1", "192 dot 168 dot 0 dot 1"),
        ("and/or, yes/no, TCP/IP", "and or, yes or no, TCP IP"),
        ("Dr. Smith, e.g. Mr. Bean", "Doctor Smith, for example Mister Bean"),
    ],
)
def test_names_and_addresses(written: str, said: str) -> None:
    assert expand(written) == said
