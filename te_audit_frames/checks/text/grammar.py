"""English function words, such as "was", "not" and "of". No table changes them."""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


BE = _words("is are was were be been being got gets")
HAVE = _words("has have had")
NOT = _words(
    "not never cannot can't couldn't wasn't weren't isn't aren't unable didn't doesn't don't won't hasn't haven't"
)
PREPOSITIONS = _words(
    "to from of for in on at by with without via using through into onto as after before during when while because due "
    "over under against within per between that which who whose whether how what where if upon toward towards about "
    "across using following except excluding including until since unless despite"
)
ARTICLES = _words("a an the")
DETERMINERS = _words(
    "a an the this these those their his her its your my our all any some each every another other multiple several "
    "new existing current own many"
)
POSSESSIVES = _words("their his her its own")
CONJUNCTIONS = _words("and or / , &")
ADVERBS = _words("hard now again also then just auto self soft bulk force early already twice once anymore")
ABLE = _words("authorized authorised allowed permitted able be been to could have")
"""Words between a negation and its verb that only mean "possible": "not authorized to", "could not be"."""
