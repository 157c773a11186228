"""What a voice that knows no figures is given to say, rule by rule."""

import random

import pytest

from sottovoce.engines.tts.chinese_figures import chinese_number
from sottovoce.engines.tts.normalise import normalise

CASES = [
    ("I have 3 dogs and 12 cats.", "I have three dogs and twelve cats."),
    ("It weighs 3.14 kg.", "It weighs three point one four kilograms."),
    ("In 1999 it cost $3.50.", "In nineteen ninety-nine it cost three dollars and fifty cents."),
    ("The year was 2024.", "The year was twenty twenty-four."),
    ("Call 555-123-4567 now.", "Call five five five, one two three, four five six seven now."),
    ("Call +1 415 555 0132.", "Call plus one, four one five, five five five, zero one three two."),
    ("Agent 007 is here.", "Agent zero zero seven is here."),
    ("He came 1st, she came 22nd.", "He came first, she came twenty-second."),
    ("It is the 101st.", "It is the one hundred and first."),
    ("50% off, 3.5% more", "fifty percent off, three point five percent more"),
    ("-5 degrees", "minus five degrees"),
    ("It is -5°C outside.", "It is minus five degrees Celsius outside."),
    ("20°F", "twenty degrees Fahrenheit"),
    ("Dr. Smith lives on Elm Dr. in town.", "Doctor Smith lives on Elm Drive in town."),
    ("St. Patrick's Day on 5th St. NW", "Saint Patrick's Day on fifth Street NW"),
    ("Mr. and Mrs. Brown met Prof. Lee.", "Mister and Missus Brown met Professor Lee."),
    ("J. K. Rowling and J.R.R. Tolkien", "J K Rowling and J R R Tolkien"),
    ("The U.S. Army and the U.K.", "The U S Army and the U K."),
    ("She has a Ph.D. and a B.Sc.", "She has a P H D and a B Sc"),
    ("at 5 p.m. or 6 a.m.", "at five PM or six AM."),
    ("Henry VIII and Elizabeth II", "Henry the eighth and Elizabeth the second"),
    ("When George I think of it", "When George I think of it"),
    ("Chapter IV, World War II, Part I.", "Chapter four, World War two, Part one."),
    ("The part I like", "The part I like"),
    ("Super Bowl LVIII", "Super Bowl fifty-eight"),
    ("Type C and Class X", "Type C and Class ten"),
    ("the 1990s and the '80s", "the nineteen nineties and the eighties"),
    ("1/2 cup, 2½ cups, 3/4", "one half cup, two and one half cups, three quarters"),
    ("5-10 minutes", "five to ten minutes"),
    ("Visit https://example.com/docs?q=1 today.", "Visit example dot com slash docs today."),
    ("Mail me at jane.doe@example.org.", "Mail me at jane dot doe at example dot org."),
    ("It uses Node.js and README.md.", "It uses Node dot js and README dot md."),
    ("version v1.2.3", "version one point two point three"),
    ("Fig. 3 on p. 12, vol. 2, No. 5", "figure three on page twelve, volume two, number five"),
    ("on Mon., March 3", "on Monday, March third"),
    ("5'11\" tall", "five feet eleven inches tall"),
    ("10k users and $2.5k", "ten thousand users and two point five thousand dollars"),
    ("2+2=4", "two plus two equals four"),
    ("3 * 4 = 12", "three times four equals twelve"),
    ("AT&T and R&D", "A T and T and R and D"),
    ("user@home", "user at home"),
    ("C# and C++", "C sharp and C plus plus"),
    ("#1 and #party", "number one and hashtag party"),
    ("20 USD or 30 EUR", "twenty US dollars or thirty euros"),
    ("€5, 5 €, £3.20", "five euros, five euros, three pounds and twenty pence"),
    ("It's 3:30pm.", "It's three thirty PM."),
    ("a 24/7 service", "a twenty-four seven service"),
    ("12 in. long, 6 ft tall", "twelve inches long, six feet tall"),
    ("3 lbs of flour, 2 tbsp sugar", "three pounds of flour, two tablespoons sugar"),
    ("Apple Inc. makes it, etc.", "Apple Incorporated makes it, et cetera."),
    ("e.g. this, i.e. that", "for example this, that is that"),
    ("vs. them", "versus them"),
    ("~50 people", "about fifty people"),
    ("9/11 was", "nine eleven was"),
    ("10:00-12:00", "ten o'clock to twelve o'clock"),
    ("2024-2025", "twenty twenty-four to twenty twenty-five"),
    ("pages 10–15", "pages ten to fifteen"),
    ("0.5", "zero point five"),
    (".5 points", "point five points"),
    ("100,000.25", "one hundred thousand point two five"),
    ("$1", "one dollar"),
    ("the 2nd of May, 1905", "the second of May, nineteen oh five"),
    ("3 PM", "three PM"),
    ("**Bold** and _it_ `code`", "Bold and it code"),
    ("Hello 😀 world", "Hello world"),
    ("192.168.1.1", "one hundred and ninety-two dot one hundred and sixty-eight dot one dot one"),
    ("1st Ave. and 2nd Blvd.", "first Avenue and second Boulevard."),
    ("Mt. Everest, Ft. Worth", "Mount Everest, Fort Worth"),
    ("approx. 5 m²", "approximately five square meters"),
    ("5 m2", "five square meters"),
    ("tel. 555-1234", "telephone five five five, one two three four"),
    ("Sat., Sun.", "Saturday, Sun."),
    ("and/or", "and or"),
    ("w/o sugar", "without sugar"),
    ("n/a", "not applicable"),
    ("ASAP", "as soon as possible"),
    ("Smith et al.", "Smith and others."),
    ("7 a.m.-5 p.m.", "seven AM to five PM."),
    ("$1,000,000", "one million dollars"),
    ("¥500 and ₹20", "five hundred yen and twenty rupees"),
    ("-$5", "minus five dollars"),
    ("15%", "fifteen percent"),
    ("1.5 million", "one point five million"),
    ("2x faster", "two times faster"),
]


@pytest.mark.parametrize(("written", "said"), CASES)
def test_english(written: str, said: str) -> None:
    assert normalise(written, "en-us", are_figures_spelled=True) == said


def test_what_is_said_is_not_said_differently_the_second_time() -> None:
    for _, said in CASES:
        assert normalise(said, "en-us", are_figures_spelled=True).rstrip(".") == said.rstrip(".")


@pytest.mark.parametrize(
    ("language", "written", "said"),
    [
        ("en-gb", "On 3/4/2026.", "On April third, twenty twenty-six."),
        ("es", "1.234,56", "mil doscientos treinta y cuatro coma cinco seis"),
        ("es", "5,50 €", "cinco euros con cincuenta céntimos"),
        ("es", "€20 y -3", "veinte euros y menos tres"),
        ("fr-fr", "1 234,5 et 21 ans", "mille deux cent trente-quatre virgule cinq et vingt et un ans"),
        ("fr-fr", "5 €", "cinq euros"),
        ("it", "23 anni e 3,5 %", "ventitré anni e tre virgola cinque per cento"),
        ("es", "€1.234,50", "mil doscientos treinta y cuatro euros con cincuenta céntimos"),
        ("es", "1.234,50 €", "mil doscientos treinta y cuatro euros con cincuenta céntimos"),
        ("fr-fr", "1 234 €", "mille deux cent trente-quatre euros"),
        ("it", "€1.234,567", "€milleduecentotrentaquattro virgola cinque sei sette"),
        ("pt-br", "1.000 e 2,5", "mil e dois vírgula cinco"),
        ("pt-br", "R$ 3,50 e R$1.000,00", "três reais e cinquenta centavos e mil reais"),
        ("pt-br", "R$ 0,01 ou R$ 1", "um centavo ou um real"),
        ("pt-br", "€2 e $1", "dois euros e um dólar"),
        ("pt-br", "£202", "duzentas e duas libras"),
        ("pt-br", "R$ 2.000.000", "dois milhões de reais"),
        ("zh", "我有3只猫", "我有三只猫"),
        ("zh", "50%", "百分之五十"),
        ("zh", "2026年", "二零二六年"),
        ("ja", "3と１２", "さんとじゅうに"),
        ("hi", "5 आम", "5 आम"),
        ("de", "5 Äpfel", "5 Äpfel"),
    ],
)
def test_other_languages(language: str, written: str, said: str) -> None:
    assert normalise(written, language, are_figures_spelled=True) == said


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (0, "零"),
        (10, "十"),
        (15, "十五"),
        (101, "一百零一"),
        (110, "一百一十"),
        (1001, "一千零一"),
        (1010, "一千零一十"),
        (10_000, "一万"),
        (10_005, "一万零五"),
        (100_000, "十万"),
        (12_345_678, "一千二百三十四万五千六百七十八"),
        (100_000_001, "一亿零一"),
    ],
)
def test_chinese_numbers(number: int, said: str) -> None:
    assert chinese_number(number) == said


PIECES = (
    "1 12 2026 1.234 1,50 0.5 . , - – / € $ £ R$ % ° km² 's st A. U.S. XII Jan. 3:45 v1.2.3 @ & ½ ² ٣ １２"
).split()
LANGUAGES = ("en-us", "en-gb", "es", "fr-fr", "it", "pt-br", "ja", "zh", "hi", "de")


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_that_is_written_is_too_odd_to_be_said(language: str) -> None:
    chance = random.Random(language)
    for _ in range(300):
        written = "".join(chance.choice([*PIECES, " "]) for _ in range(chance.randint(1, 12)))
        assert isinstance(normalise(written, language, are_figures_spelled=True), str), written
