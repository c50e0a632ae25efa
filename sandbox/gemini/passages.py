"""Ready-made text: what answers are filled with, and what tries a client's handling of bytes."""

from itertools import count

FILLERS = (
    "A real model would now go into the matter itself; the sandbox only keeps up the form.",
    "One sentence follows the other, so that a client has something to show while the text arrives.",
    "Nothing here is looked up, and the same question in the same conversation gets the same answer.",
    "Some lines are short.",
    "Others take their time, have a clause in the middle (this one), and come to their point at the end.",
    "Prices in €, a naïve café, 25 °C and a 😀 are in here to see that bytes survive.",
)

UNICODE = (
    "Accents: Ångström, naïve, Žižek, e\u0301 as two code points.\n"
    "Greek: Καλημέρα κόσμε. Cyrillic: Добрый день. Hebrew: שלום עולם. Arabic: مرحبا بالعالم.\n"
    "Chinese: 你好\uff0c世界。 Japanese: こんにちは世界。 Korean: 안녕하세요 세계.\n"
    "Hindi: नमस्ते दुनिया। Thai: สวัสดีชาวโลก\n"
    "Emoji: 😀 🎉 👍\U0001f3fd \U0001f469\u200d\U0001f469\u200d\U0001f467 \U0001f3f3\ufe0f\u200d\U0001f308 "
    "\U0001f1e9\U0001f1ea and \U0001d510\U0001d51e\U0001d531\U0001d525 \U0001d11e beyond the first plane.\n"
    "Spaces: no\u00a0break, thin\u2009space, zero\u200bwidth. Line\u2028separator and a tab\tinside.\n"
    'Marks: “quotes”, «quotes», "quotes", it\'s, back\\slash, <b>not bold</b> &amp; data: [DONE]\n\n'
)


def lengthened(text: str, *, characters: int = 0, words: int = 0) -> str:
    """Add numbered paragraphs until the text has this many characters and words."""
    parts, size, held = [text], len(text), len(text.split())
    for number in count(1):
        if size >= characters and held >= words:
            break
        paragraph = f"\n\n{number}. {FILLERS[number % len(FILLERS)]}"
        parts.append(paragraph)
        size += len(paragraph)
        held += len(paragraph.split())
    return "".join(parts)
