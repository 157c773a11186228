"""Rules for everything that is talk: greetings, thanks, help, the assistant itself, what it cannot do."""

from __future__ import annotations

import re
from collections.abc import Mapping

from sottovoce.engines.llm.rules.intent import Intent, Rule, rule

PHRASES: Mapping[str, tuple[str, ...]] = {
    "repeat": (
        (
            r"(?:can you |please )?(?:repeat|say)(?: that| it| this| the last thing)?(?: one more time"
            r"| once more| again)?(?: slowly)?"
        ),
        r"say (?:that|it) again",
        r"what did you (?:just )?say",
        r"pardon(?: me)?",
        r"come again",
        r"once more",
        r"again",
        r"i did not (?:hear|catch|get)(?: you| that| it)?",
        r"(?:sorry )?what was that",
        r"what",
        r"huh",
        r"excuse me",
    ),
    "stop": (
        (
            r"(?:please )?(?:stop|cancel|quit|hush|enough|silence|shush|pause|halt)(?: it| that| talking"
            r"| now| speaking| please| there)*"
        ),
        r"(?:be |keep )?quiet",
        r"shut up",
        r"never ?mind(?: that)?",
        r"forget it",
        r"that is enough",
        r"no thanks",
        r"ok(?:ay)? stop",
        r"drop it",
    ),
    "joke": (
        r"(?:tell|give|know|say|hear|want|like)?.*\bjokes?\b.*",
        r"(?:make|please make) me (?:laugh|smile)",
        r"say something funny",
        r"(?:tell me |say )?something funny",
        r"be funny",
        r"cheer me up",
    ),
    "help": (
        r"help(?: me)?(?: out)?",
        (
            r"what (?:else )?can (?:you|i)(?: do| ask| say| help)*(?: you| me)?(?: with"
            r"| about)?(?: for me)?"
        ),
        r"how can you help(?: me)?",
        r"what (?:do you know|are you able to do|are your (?:skills|features|commands))",
        r"how does this work",
        r"what (?:things )?do you do",
        r"what are you good (?:at|for)",
        r"how (?:do|can) i use (?:you|this)",
    ),
    "thanks": (
        (
            r"(?:ok(?:ay)? |great |all right |many )?(?:thank you|thanks)(?: very much| a lot| so much"
            r"| you| again)*"
        ),
        r"that (?:was|is) (?:very )?(?:helpful|great|good|perfect|right|correct|wonderful|nice)",
        r"well done",
        r"good job",
        r"nice(?: one| work)?",
        r"(?:very )?(?:great|perfect|awesome|wonderful|excellent|cool|amazing|good|brilliant)",
        r"you are (?:great|the best|awesome|amazing|good|helpful|clever|smart|wonderful|nice)",
    ),
    "how_are_you": (
        (
            r"how (?:are you(?: doing| feeling)?|is it going|do you feel|have you been|are things"
            r"|is your day)(?: today| now)?"
        ),
        r"are you (?:ok|okay|well|all right)",
        r"how do you do",
    ),
    "goodbye": (
        (
            r"(?:good ?bye|bye(?: bye)?|see you(?: later| tomorrow| soon)?|good night|farewell"
            r"|that is all(?: for now)?|talk to you later|i (?:have to|am going to) (?:go|bed|leave"
            r"|sleep)(?: now| to bed)?)(?: assistant)?"
        ),
    ),
    "identity": (
        r"(?:what|who) are you",
        r"what is your name",
        r"(?:do you have|have you got) a name",
        (
            r"are you (?:an? )?(?:robot|human|real|alive|person|machine|computer|ai|a i|program"
            r"|man or (?:a )?woman|intelligent|conscious)"
        ),
        r"who (?:made|built|created|programmed|owns) you",
        r"how old are you",
        r"where (?:do you (?:live|come from|run)|are you(?: from)?)",
        r"(?:tell me (?:more )?)?about yourself",
        r"what (?:should|can|do) i call you",
        r"what does sotto ?voce mean",
        r"introduce yourself",
        r"when were you (?:made|born)",
    ),
    "privacy": (
        r"are you (?:always )?(?:listening|recording|spying|watching)(?: to me| on me| me)?",
        r"do you (?:record|spy|listen)(?: on| to)?(?: me| us)?(?: all the time)?",
        r"is (?:this|it|that|our conversation) (?:private|safe|secure)",
        (
            r"where (?:does|do|is|are) my (?:voice|data|words|recordings?|conversations?) (?:go|stored"
            r"|kept|sent)(?: to)?"
        ),
        (
            r"do you (?:send|share|sell|upload|keep|store|save|record)(?: what i say| my (?:voice|data"
            r"|words|conversations?))?(?: anywhere| to anyone| to the cloud| to the internet)?"
        ),
        r"are you (?:connected to the internet|online|offline|in the cloud)",
        r"who can hear (?:me|us|this)",
        r"is my (?:data|voice) (?:safe|private|secure)",
        (
            r"(?:do|can) you (?:need|use|work (?:without|with)|work) ?(?:the )?(?:internet|offline"
            r"|a connection)"
        ),
        r"what do you (?:do with|know about) my (?:voice|data)",
    ),
    "model": (
        (
            r"how (?:do|can|would) i (?:install|get|use|connect|add|download|make|choose|change)(?: an?"
            r"| the| you)*(?: better| real| language| different| bigger| smarter)*(?: model| smarter"
            r"| llm)?"
        ),
        (
            r"can (?:you|i)(?: get| use| become| install| be)*(?: an?)?(?: real| better"
            r"| language)*(?: smarter| model)"
        ),
        r"how can i make you smarter",
        r"get smarter",
        r"learn more",
        r"(?:which|what)(?: language)? model (?:are|do|is)(?: you| this)?(?: use| using| running)?",
        r"are you (?:chat ?gpt|gpt|a language model|an llm)",
    ),
    "affirm": (
        (
            r"(?:(?:yes|yeah|yep|yup|ok|okay|sure|all right|right|fine|correct|exactly|indeed|i see|got it"
            r"|of course|i know|uh huh|understood|please)(?: please)?)(?: okay| yes)?"
        ),
    ),
    "deny": (r"(?:no|nope|nah|not now|no thank you|not really|not yet)(?: thank you| thanks)?",),
    "test": (
        r"(?:just )?(?:a )?test(?:ing)?(?: 1 2 3| 1 2| test| microphone)*",
        r"1 2 3(?: test)?",
        r"mic check",
    ),
    "feeling_low": (
        (
            r"i (?:am|feel) (?:so |very |really |a bit |feeling )?(?:bored|sad|tired|hungry|lonely|sick"
            r"|stressed|anxious|angry|cold|ill|down|unhappy|thirsty|exhausted|not well|upset|worried)"
        ),
    ),
    "feeling_good": (
        (
            r"i (?:am|feel) (?:so |very |really |feeling )?(?:happy|fine|good|great|well|excited|glad|ok"
            r"|okay|all right|doing well|awake)"
        ),
    ),
    "praise": (
        r"i (?:love|like) you",
        r"you are (?:so |very )?(?:funny|cute|lovely|sweet|my friend|pretty|beautiful)",
        r"will you marry me",
    ),
    "insult": (
        (
            r"(?:you are|you)(?: so| really| very| an?| such a)* ?(?:stupid|useless|dumb|bad|terrible"
            r"|idiot|wrong|annoying|slow|boring|not very (?:smart|good|clever))"
        ),
        r"i hate you",
        r"that is (?:wrong|not right|incorrect|not what i (?:said|asked|meant))",
    ),
    "weather": (
        (
            r".*\b(?:weather|forecast|rain(?:ing)?|snow(?:ing)?|umbrella today|temperature outside"
            r"|how (?:hot|cold|warm) is it(?: outside)?)\b.*"
        ),
    ),
    "music": (
        (
            r"(?:.*\b)?(?:play|sing)\b.*(?:music|song|songs|radio|jazz|playlist|album|for me|podcast"
            r"|something)?.*"
        ),
    ),
    "home": (
        r"(?:turn|switch) (?:on|off) .+",
        (
            r".*\b(?:dim|lower|raise|open|close|lock|unlock) the (?:lights?|blinds|door|curtains|heating"
            r"|garage|volume)\b.*"
        ),
    ),
    "reach": (r"(?:call|phone|text|email|message|send|order|buy|book|search|google|look up|browse|open) .+",),
    "news": (r".*\b(?:news|headlines|stock (?:market|price)s?|sports? results?|score of)\b.*",),
}
"""What is said, by intent. The order matters: the first that fits wins."""

GREEDY = ("weather", "news", "music", "home", "reach")
"""Intents whose patterns take in much: tried after every other rule."""

GREETING = re.compile(
    r"(?:(?:hello|hi|hey|hiya|howdy|greetings|good (?:morning|afternoon|evening|day)|welcome|yo)"
    r"(?: there| assistant| computer| sottovoce| again| everyone| you)*)?"
    r"(?: ?(?:can you hear me|are you there|anybody there|is anyone there|nice to meet you))?(?: now)?"
)


def _greet(match: re.Match[str]) -> Intent | None:
    words = match.string
    found = re.search(r"good (?:morning|afternoon|evening)", words)
    is_check = re.search(r"hear me|are you there|anybody|anyone", words) is not None
    arguments = {"greeting": found.group() if found else "", "is_check": is_check}
    return Intent("greet", arguments) if words else None


def _echo(match: re.Match[str]) -> Intent:
    return Intent("echo", {"words": match["words"]})


RULES: tuple[Rule, ...] = (
    Rule(GREETING, _greet),
    *(rule("|".join(patterns), name) for name, patterns in PHRASES.items() if name not in GREEDY),
)
LAST: tuple[Rule, ...] = (
    rule(r"(?:say|repeat after me)(?: the words?)? (?P<words>(?!please|that).+)", _echo),
    *(rule("|".join(PHRASES[name]), name) for name in GREEDY),
)
"""Tried after every other rule: they take in much."""
