"""What stands in the slots of `templates`: a tuple of fillers, or a function that draws one."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from sottovoce.skills.numbers import in_words

Slot: TypeAlias = Sequence[str] | Callable[[random.Random], str]


def alternatives(text: str) -> tuple[str, ...]:
    """The items of "this | that | the other"."""
    return tuple(item.strip() for item in text.split("|"))


def draw_number(rng: random.Random) -> str:
    """A number up to 999 in words, small ones most often, as people use them."""
    part = rng.random()
    if part < 0.5:
        return in_words(rng.randint(2, 20))
    if part < 0.7:
        return in_words(rng.randint(2, 9) * 10)
    if part < 0.9:
        return in_words(rng.randint(21, 99))
    return in_words(rng.randint(1, 9) * 100 + rng.choice((0, 0, 50, rng.randint(1, 99))))


def draw_small(rng: random.Random) -> str:
    return in_words(rng.randint(2, 12))


def draw_count(rng: random.Random) -> str:
    return in_words(rng.choice((3, 5, 10, 12, 15, 20, 25, 30, 40, 50, rng.randint(6, 60))))


def draw_duration(rng: random.Random) -> str:
    part = rng.random()
    if part < 0.1:
        return rng.choice(("a minute", "an hour", "half an hour", "one minute", "one hour", "one second"))
    if part < 0.2:
        return f"{rng.choice(('an hour', 'one hour'))} and {in_words(rng.randint(2, 11) * 5)} minutes"
    if part < 0.28:
        return f"{rng.choice(('one', 'two', 'three'))} and a half {rng.choice(('hours', 'minutes'))}"
    if part < 0.4:
        return f"{in_words(rng.choice((10, 15, 20, 30, 40, 45, 90)))} seconds"
    if part < 0.85:
        return f"{in_words(rng.choice((2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 15, 20, 25, 30, 40, 45, 50)))} minutes"
    return f"{in_words(rng.randint(2, 12))} hours"


def draw_clock_time(rng: random.Random) -> str:
    hour = in_words(rng.randint(1, 12))
    return rng.choice(
        (
            f"{hour} o'clock",
            f"{hour} thirty",
            f"{hour} fifteen",
            f"half past {hour}",
            f"quarter to {hour}",
            f"a quarter past {hour}",
            f"{hour} in the evening",
            f"{hour} in the morning",
            f"{hour} tonight",
            "noon",
        )
    )


LENGTHS = alternatives("miles | kilometers | meters | feet | inches | centimeters | yards | millimeters")
WEIGHTS = alternatives("pounds | kilograms | grams | ounces | kilos | tons")
VOLUMES = alternatives(
    "cups | liters | gallons | pints | tablespoons | teaspoons | milliliters | fluid ounces | quarts"
)
TIMES = alternatives("seconds | minutes | hours | days | weeks")
SPEEDS = alternatives("miles per hour | kilometers per hour | meters per second | knots")
TEMPERATURES = alternatives("degrees celsius | degrees fahrenheit | celsius | fahrenheit")
FAMILIES = (LENGTHS, LENGTHS, WEIGHTS, WEIGHTS, VOLUMES, VOLUMES, TIMES, SPEEDS)
SINGULARS = {"feet": "foot", "inches": "inch"}


def singular(unit: str) -> str:
    return SINGULARS.get(unit, unit.removesuffix("s"))


def draw_conversion(rng: random.Random) -> str:
    source, target = rng.sample(rng.choice(FAMILIES), 2)
    number = draw_number(rng)
    many = (
        f"convert {number} {source} to {target}",
        f"how many {target} are in {number} {source}",
        f"how many {target} is {number} {source}",
        f"what is {number} {source} in {target}",
        f"what's {number} {source} in {target}",
        f"how much is {number} {source} in {target}",
        f"{number} {source} in {target}",
        f"{number} {source} to {target}",
        f"convert {number} {source} into {target}",
    )
    one = (
        f"how many {target} in a {singular(source)}",
        f"how many {target} are there in one {singular(source)}",
    )
    return rng.choice(many if source in SPEEDS or rng.random() < 0.75 else one)


def draw_temperature(rng: random.Random) -> str:
    source, target = rng.choice((("celsius", "fahrenheit"), ("fahrenheit", "celsius")))
    number = draw_number(rng)
    return rng.choice(
        (
            f"what is {number} degrees {source} in {target}",
            f"convert {number} degrees {source} to {target}",
            f"{number} {source} in {target}",
            f"how much is {number} degrees {source} in {target}",
            f"what's {number} {source} in {target}",
        )
    )


SLOTS: Mapping[str, Slot] = {
    "NUM": draw_number,
    "SMALL": draw_small,
    "COUNT": draw_count,
    "DURATION": draw_duration,
    "CLOCK": draw_clock_time,
    "CONVERSION": draw_conversion,
    "TEMPERATURE": draw_temperature,
    "OPERATOR": alternatives(
        "plus | plus | minus | minus | times | times | divided by | multiplied by | over"
    ),
    "FRACTION": alternatives(
        "half | a third | a quarter | three quarters | two thirds | a fifth | a tenth | one third"
    ),
    "CITY": alternatives(
        "london | paris | new york | berlin | tokyo | boston | chicago | rome | madrid | sydney | "
        "dublin | seattle | san francisco | moscow | toronto | los angeles | amsterdam | vienna | "
        "lisbon | athens | cairo | mumbai | beijing | shanghai | singapore | hong kong | dubai | "
        "denver | melbourne | stockholm | oslo | zurich | india | japan | germany | california | "
        "texas | hawaii"
    ),
    "DAY": alternatives("monday | tuesday | wednesday | thursday | friday | saturday | sunday"),
    "MONTH": alternatives(
        "january | february | march | april | may | june | july | august | september | october | "
        "november | december"
    ),
    "ORDINAL": alternatives(
        "first | second | third | fourth | fifth | sixth | seventh | eighth | ninth | tenth | "
        "eleventh | twelfth | thirteenth | fifteenth | twentieth | twenty first | twenty fourth | "
        "twenty fifth | thirtieth | thirty first"
    ),
    "WHEN": alternatives(
        "tomorrow | next monday | next tuesday | next wednesday | next thursday | next friday | "
        "next saturday | next sunday | on friday | on monday | this sunday | the day after tomorrow"
    ),
    "SPAN": alternatives("days | weeks | weeks | months | years"),
    "HOLIDAY": alternatives(
        "christmas | new year | halloween | easter | valentine's day | new year's eve | christmas eve"
    ),
    "TASK": alternatives(
        "call mum | call mom | call my mother | call my father | take my medicine | buy milk | "
        "go to the bank | feed the cat | feed the dog | water the plants | send the email | "
        "pay the bill | pick up the kids | do my homework | take out the trash | check the oven | "
        "turn off the oven | call the doctor | drink water | stretch | leave for the airport | "
        "walk the dog | call john | clean the kitchen | buy bread"
    ),
    "LABEL": alternatives("pasta | egg | pizza | tea | laundry | rice | coffee | bread | workout | cake"),
    "THINGS": alternatives("keys | glasses | tickets | shoes | headphones"),
    "THING": alternatives(
        "passport | wallet | phone | car | bike | umbrella | book | charger | bag | hammer"
    ),
    "PLACE": alternatives(
        "in the drawer | on the table | in the kitchen | under the bed | in the car | on the desk | "
        "in my bag | in the garage | by the door | on the top shelf | at the office | in my coat"
    ),
    "NAME": alternatives(
        "anna | john | mary | david | sarah | michael | peter | james | robert | linda | susan | tom | "
        "alice | bob | emma | kate | paul | mark | laura | george | jack | lucy | daniel | max"
    ),
    "FAVORITE": alternatives("color | food | song | book | movie | number | animal | team | drink"),
    "FAVORED": alternatives(
        "green | blue | red | pizza | coffee | chess | the beatles | seven | the blue one"
    ),
    "RELATION": alternatives(
        "sister | brother | mother | father | wife | husband | doctor | dentist | boss | dog | cat"
    ),
    "WORD": alternatives(
        "necessary | rhythm | banana | accommodate | privacy | elephant | separate | definitely | "
        "restaurant | beautiful | february | receive | calendar | neighbor | knowledge | island | "
        "science | thorough | pneumonia"
    ),
    "SIDES": alternatives("four | six | eight | ten | twelve | twenty"),
    "PAIR": alternatives(
        "tea or coffee | red or blue | pizza or pasta | yes or no | left or right | heads or tails"
    ),
    "ECHO": alternatives("hello world | good evening | i love you | the dinner is ready | happy birthday"),
}
