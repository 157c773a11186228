"""What people say to the dialogue engine: sentence templates by intent, slots in capitals."""

from __future__ import annotations

from collections.abc import Mapping

from sottovoce.engines.llm.slots import alternatives as _list

TEMPLATES: Mapping[str, tuple[str, ...]] = {
    "time": _list(
        "what time is it | what is the time | what's the time | tell me the time | "
        "do you know what time it is | what time is it now | can you tell me the time | "
        "what time is it right now | could you tell me the time please | what time is it in CITY | "
        "what is the time in CITY | what's the time in CITY | what time is it in CITY now | "
        "tell me the time in CITY | time in CITY"
    ),
    "date": _list(
        "what is the date | what's the date | what day is it | what day is it today | "
        "what is today's date | what's today's date | what is the date today | tell me the date | "
        "what month is it | what year is it | what is the date WHEN | what day is it WHEN | "
        "what's the date WHEN | what date is WHEN | what day was it yesterday | "
        "what was the date yesterday | what day is tomorrow | what day was yesterday | "
        "what is the date in SMALL SPAN | what day is it in SMALL SPAN | "
        "what day will it be in SMALL days | what's the date in SMALL SPAN | "
        "what was the date SMALL SPAN ago | what day is HOLIDAY | when is HOLIDAY | "
        "what day is HOLIDAY this year | what day is the ORDINAL of MONTH | "
        "what day is MONTH ORDINAL | what day of the week is the ORDINAL of MONTH | what week is it | "
        "what is the week number"
    ),
    "countdown": _list(
        "how many days until HOLIDAY | how long until HOLIDAY | how many days are left until HOLIDAY | "
        "how many weeks until HOLIDAY | how many days until DAY | "
        "how many days until the ORDINAL of MONTH"
    ),
    "calculate": _list(
        "what is NUM OPERATOR NUM | what's NUM OPERATOR NUM | how much is NUM OPERATOR NUM | "
        "calculate NUM OPERATOR NUM | NUM OPERATOR NUM | can you tell me what NUM OPERATOR NUM is | "
        "what does NUM OPERATOR NUM make | what is NUM OPERATOR NUM OPERATOR SMALL | "
        "what is NUM percent of NUM | what's NUM percent of NUM | how much is NUM percent of NUM | "
        "NUM percent of NUM | what is the square root of NUM | square root of NUM | "
        "what is NUM squared | what is SMALL cubed | what is SMALL to the power of SMALL | "
        "what is FRACTION of NUM | how much is FRACTION of NUM | add NUM and NUM | add NUM to NUM | "
        "subtract NUM from NUM | multiply NUM by NUM | divide NUM by NUM | "
        "what is the sum of NUM and NUM | what is NUM point SMALL OPERATOR SMALL"
    ),
    "convert": _list("CONVERSION | CONVERSION | TEMPERATURE"),
    "set_timer": _list(
        "set a timer for DURATION | set a timer for DURATION please | start a timer for DURATION | "
        "timer for DURATION | set timer for DURATION | can you set a timer for DURATION | "
        "please set a timer for DURATION | set a SMALL minute timer | start a SMALL minute timer | "
        "set a LABEL timer for DURATION | set a timer for DURATION for the LABEL | "
        "wake me up in DURATION | set an alarm in DURATION | give me a SMALL minute timer | "
        "set another timer for DURATION | i need a timer for DURATION"
    ),
    "list_timers": _list(
        "how much time is left | how much time is left on the timer | how long is left | "
        "how long is left on my timer | what timers are running | which timers are running | "
        "list my timers | what timers do i have | show my timers | what reminders do i have | "
        "list my reminders | how much longer | do i have any timers | are there any timers | "
        "how much time is left on the LABEL timer | when does the timer go off"
    ),
    "cancel_timer": _list(
        "cancel the timer | stop the timer | cancel my timer | cancel the LABEL timer | "
        "stop the LABEL timer | cancel all timers | stop all timers | cancel the reminder | "
        "delete the reminder | delete the timer | cancel my reminder | remove the timer | "
        "turn off the timer | cancel the SMALL minute timer | cancel all reminders | "
        "clear all timers | turn off the alarm"
    ),
    "set_reminder": _list(
        "remind me to TASK in DURATION | remind me in DURATION to TASK | "
        "please remind me to TASK in DURATION | set a reminder to TASK in DURATION | "
        "can you remind me to TASK in DURATION | remind me to TASK at CLOCK | "
        "remind me at CLOCK to TASK | set a reminder for DURATION to TASK | "
        "remind me to TASK tomorrow at CLOCK"
    ),
    "remember": _list(
        "remember that my THINGS are PLACE | remember that my THING is PLACE | "
        "remember my THINGS are PLACE | please remember that my THING is PLACE | my THING is PLACE | "
        "my name is NAME | remember that my name is NAME | call me NAME | "
        "my favorite FAVORITE is FAVORED | remember that my favorite FAVORITE is FAVORED | "
        "my RELATION is called NAME | remember that my RELATION's name is NAME | "
        "my RELATION's name is NAME | remember that i parked on level SMALL | "
        "remember that the meeting is on DAY | note that the code is SMALL SMALL SMALL"
    ),
    "recall": _list(
        "where is my THING | where are my THINGS | where did i put my THING | where are the THINGS | "
        "what is my name | what's my name | do you know my name | do you remember my name | who am i | "
        "what is my favorite FAVORITE | what's my favorite FAVORITE | what is my RELATION's name | "
        "what is my RELATION called | who is my RELATION | what do you remember | "
        "what do you remember about me | what did i tell you to remember | what do you know about me | "
        "when is the meeting | what is the code | where did i park"
    ),
    "forget": _list(
        "forget my name | forget that | forget everything | forget everything you know about me | "
        "forget where my THING is | please forget my favorite FAVORITE"
    ),
    "spell": _list(
        "spell WORD | how do you spell WORD | how is WORD spelled | can you spell WORD | "
        "how do i spell WORD | spell the word WORD | please spell WORD"
    ),
    "roll_dice": _list(
        "roll a die | roll the dice | roll a dice | roll SMALL dice | throw the dice | "
        "roll a SIDES sided die | roll SMALL SIDES sided dice | throw a die | can you roll a die | "
        "roll it again"
    ),
    "flip_coin": _list(
        "flip a coin | toss a coin | throw a coin | can you flip a coin | flip a coin for me | "
        "flip SMALL coins"
    ),
    "pick": _list(
        "pick a number between one and NUM | pick a random number | "
        "give me a random number between one and NUM | choose between PAIR | "
        "pick a number from one to ten | PAIR | should i have PAIR"
    ),
    "joke": _list(
        "tell me a joke | tell a joke | tell me another joke | another joke | make me laugh | "
        "do you know a joke | do you know any jokes | say something funny | can you tell me a joke | "
        "i want to hear a joke | one more joke"
    ),
    "help": _list(
        "what can you do | help | help me | what can i ask you | what can i say | "
        "how can you help me | what do you know | what are you able to do | what else can you do | "
        "how does this work"
    ),
    "greet": _list(
        "hello | hi | hey | hello there | hi there | good morning | good afternoon | good evening | "
        "hello assistant | hey there | hello can you hear me | can you hear me | are you there"
    ),
    "how_are_you": _list(
        "how are you | how are you today | how are you doing | how is it going | how do you feel"
    ),
    "thanks": _list(
        "thank you | thanks | thank you very much | thanks a lot | thank you so much | great thanks | "
        "that was helpful | well done | good job | great | perfect | awesome | you are great"
    ),
    "goodbye": _list(
        "goodbye | bye | bye bye | see you later | good night | see you tomorrow | that's all for now"
    ),
    "identity": _list(
        "what is your name | what's your name | who are you | what are you | are you a robot | "
        "are you human | who made you | how old are you | where do you live | tell me about yourself | "
        "what should i call you | are you alive | are you real"
    ),
    "privacy": _list(
        "are you listening to me | do you record me | is this private | where does my voice go | "
        "do you send my voice anywhere | are you connected to the internet | do you keep what i say | "
        "who can hear me | is my data safe | do you store what i say | do you need the internet | "
        "are you spying on me"
    ),
    "model": _list(
        "how do i install a model | can you use a real model | can you get smarter | "
        "how can i make you smarter | how do i get a better model | which model are you | "
        "which model do you use | how do i connect a language model"
    ),
    "repeat": _list(
        "repeat that | say that again | what did you say | can you repeat that | pardon | "
        "repeat please | please say that again | come again | once more | "
        "could you repeat that please | i did not hear you | sorry what was that | again please"
    ),
    "stop": _list(
        "stop | cancel | never mind | stop it | stop talking | be quiet | shut up | quiet | "
        "that's enough | enough | okay stop | forget it | please stop | cancel that | no thanks | hush"
    ),
    "count": _list(
        "count to COUNT | count from one to COUNT | count down from COUNT | count to COUNT please | "
        "can you count to COUNT | count from COUNT to one | count to one hundred by tens | "
        "count to fifty by fives | count down from ten to one | please count to COUNT | "
        "count backwards from COUNT | count up to COUNT"
    ),
    "echo": _list("say ECHO | repeat after me ECHO | please say ECHO"),
    "affirm": _list("yes | yeah | okay | yes please | sure | all right | right | i see | got it"),
    "deny": _list("no | nope | not now | no thank you"),
    "weather": _list(
        "what is the weather | what's the weather like | how is the weather in CITY "
        "| will it rain tomorrow | "
        "is it going to rain today"
    ),
    "news": _list("what's in the news | tell me the news | what is the news today"),
    "music": _list("play some music | play a song | sing a song | play jazz"),
    "home": _list("turn on the lights | turn off the lights | turn on the radio | switch off the heating"),
    "feeling": _list(
        "i am bored | i'm bored | i am sad | i'm tired | i am tired | i am happy | i'm hungry | "
        "i feel sick | i love you | you are funny | i like you | you are stupid | you are useless | "
        "i am lonely | i hate you"
    ),
}
"""Sentences by intent. `rules` understands each as the intent it stands under."""
