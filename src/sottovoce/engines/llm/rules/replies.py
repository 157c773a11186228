"""Ready replies of the assistant, by intent; one is picked."""

from __future__ import annotations

from collections.abc import Mapping

HINT = (
    "For open questions, point SOTTOVOCE_LLM_URL at an OpenAI-compatible server, such as "
    "llama-server or Ollama."
)
"""How to get a real model; true of this release."""

NO_TIMERS = "I can't set timers or reminders in this conversation: I was given no tool for them."

HELP = """
I can tell the time and the date anywhere, do sums, convert units, set timers and reminders, remember things
you tell me, spell words, roll dice, flip coins, count and tell jokes.
"""
EXAMPLES = """
Ask me the time in Tokyo, twelve percent of eighty, or ten miles in kilometers. I can also set timers and
reminders, remember facts, spell, count, roll dice and tell jokes.
"""
IDENTITY = """
I'm Sottovoce, a private voice assistant. I run on your own machine, by rules, without a language model.
"""
NAME = """
My name is Sottovoce. I'm a program that runs on your own machine and keeps what it hears to itself.
"""
PRIVACY = """
I work on your own machine: what you say stays there, unless whoever set me up pointed a part of me elsewhere.
"""

REPLIES: Mapping[str, tuple[str, ...]] = {
    "stop": ("Okay.", "All right.", "Sure."),
    "thanks": ("You're welcome.", "My pleasure.", "Any time."),
    "goodbye": ("Goodbye!", "See you later!", "Bye, take care!"),
    "how_are_you": ("I'm fine, thank you. And you?", "Very well, thanks. What can I do for you?"),
    "affirm": ("Okay.", "Good.", "All right."),
    "deny": ("Okay.", "All right, then.", "No problem."),
    "test": ("I hear you. The test worked.", "Loud and clear."),
    "help": (HELP, EXAMPLES),
    "identity": (IDENTITY, NAME),
    "privacy": (PRIVACY, f"{PRIVACY} I need no internet for it."),
    "feeling_low": (
        "I'm sorry to hear that. Would you like a joke?",
        "That's no fun. I could tell you a joke, if you like.",
    ),
    "feeling_good": ("I'm glad to hear that.", "That's good to hear."),
    "praise": ("That's kind of you.", "Thank you! I like talking with you, too."),
    "insult": (
        "I'm sorry. I'll try to do better.",
        "Sorry about that. Ask me again in other words, perhaps.",
    ),
    "weather": ("I don't know the weather: I have no connection to the internet.",),
    "news": ("I don't know the news: I have no connection to the internet.",),
    "music": ("I can't play music. I can tell you a joke instead.",),
    "home": ("I can't switch anything in your home.",),
    "reach": ("I can't reach other people or services. I can remind you to do it, though.",),
    "unknown": (
        "Sorry, I can't answer that.",
        "That is beyond me, I'm afraid.",
        "I didn't get that. Ask me what I can do.",
    ),
    "set_timer": (NO_TIMERS,),
    "set_reminder": (NO_TIMERS,),
    "list_timers": ("I can't see any timers in this conversation: I was given no tool for them.",),
    "cancel_timer": ("I can't cancel timers in this conversation: I was given no tool for them.",),
    "forget": ("I have forgotten that.", "It is forgotten."),
    "forget_last": ("All right, never mind.",),
}
