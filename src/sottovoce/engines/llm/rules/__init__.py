"""The dialogue engine of the embedded profile: rules, fuzzy matching and tools instead of a model."""

from sottovoce.engines.llm.rules.responder import MODEL, RulesResponder

__all__ = ["MODEL", "RulesResponder"]
