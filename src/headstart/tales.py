"""The text that chapter 08 learns from: small tales, written for this book, put together the same way every time.

Origin: every sentence below was written for Head Start; the text is under the book's licence, CC BY 4.0. A tale names
somebody, a beast and a place at its beginning and comes back to them at its end: whoever wants to foresee the end must
remember the beginning.
"""

import random

NAMES = ("Anna", "Boris", "Clara", "Dmitri", "Elena", "Farid", "Greta", "Hugo", "Ines", "Jonas", "Kamala", "Liu")
BEASTS = ("goat", "hen", "cat", "mule", "dog", "goose", "pig", "crow")
COLOURS = ("grey", "white", "black", "brown", "red")
PLACES = ("mill", "river", "bridge", "market", "well", "orchard", "ferry")
BEGINNINGS = (
    "{name} had a {colour} {beast} and lived by the {place}.",
    "By the {place} lived {name} with a {colour} {beast}.",
    "A {colour} {beast} belonged to {name}, who worked at the {place}.",
)
MIDDLES = (
    "One morning the {beast} was gone.",
    "In spring the {beast} ran away in the rain.",
    "At night somebody opened the gate, and out went the {beast}.",
    "One day the {beast} would not eat.",
)
TURNS = (
    "Have you seen my {beast}? asked {name} at the {other}.",
    "{name} looked behind the {other} and called all day.",
    "{name} went as far as the {other}, and nobody knew a thing.",
    "Try the {other}, said {friend}, but there was nothing.",
)
ENDS = (
    "In the end the {beast} came home to the {place}, and {name} laughed.",
    "Then {friend} brought the {beast} back, and {name} said thank you.",
    "When {name} came back to the {place}, the {beast} was asleep.",
    "So {name} sold the {beast} to {friend} and left the {place}.",
)


def tales(count=200, seed=0):
    """Tell `count` tales, one a line, 200 characters each, more or less; the same ones for the same seed."""
    chance = random.Random(seed)
    return "".join(_tale(chance) for _ in range(count))


def _tale(chance):
    """Choose the persons of one tale, its beast and its places, and a sentence for each of its four parts."""

    def pick(options):
        return options[int(chance.random() * len(options))]  # Python keeps random() the same in all its versions

    name, place = pick(NAMES), pick(PLACES)
    friend = pick([other for other in NAMES if other != name])
    other = pick([each for each in PLACES if each != place])
    words = {"name": name, "friend": friend, "place": place, "other": other}
    words |= {"beast": pick(BEASTS), "colour": pick(COLOURS)}
    parts = [pick(options) for options in (BEGINNINGS, MIDDLES, TURNS, ENDS)]
    return " ".join(parts).format(**words) + "\n"
