"""The answers: rules over the conversation, always the same for the same request."""

import re
from collections.abc import Sequence

from sandbox.gemini.passages import FILLERS
from sandbox.gemini.requests import Content, GenerateContentRequest
from sandbox.gemini.words import without_words

ORDER = r"(?:write|give|suggest|make|create|generate|propose|produce|update|need|want)\b[^.?!\n]{0,80}"
TITLE_ORDER = re.compile(rf"\b{ORDER}\btitle\b|^\s*title\b", re.IGNORECASE)
SUMMARY_ORDER = re.compile(
    rf"(?:^|[.!?\n])\s*(?:please\s+|can you\s+|could you\s+)?summari[sz]e\b|\b{ORDER}\bsummary\b|\btl;?dr\b",
    re.IGNORECASE,
)
GREETING = re.compile(r"^(?:hi|hello|hey|good (?:morning|afternoon|evening)|greetings)\b", re.IGNORECASE)
VALUE = r"([^.,;!?\n]{1,80}?)(?=[.,;!?\n]|\s+and\b|\s*$)"
FACT = re.compile(rf"\b(?:my|their) ([a-z][a-z -]{{0,40}}?) (?:is|are) {VALUE}", re.IGNORECASE | re.MULTILINE)
NAMED = re.compile(rf"\b(?:i am called|call me) {VALUE}", re.IGNORECASE | re.MULTILINE)
RECALL = re.compile(
    r"\bwhat(?:'s|\u2019s| is| are| was) my ([a-z][a-z -]{0,40}?)\s*(?:\?|$)|\bwho am i\b", re.IGNORECASE
)
LABEL = re.compile(r"^\s*(?:user|assistant|model|system)\s*:\s*", re.IGNORECASE | re.MULTILINE)
QUOTED = 120


def answer(request: GenerateContentRequest) -> str:
    """Answer the last turn."""
    instruction = without_words(request.system_instruction.text) if request.system_instruction else ""
    asked = without_words(request.last_user_text)
    if TITLE_ORDER.search(instruction) or TITLE_ORDER.search(_head(asked)):
        return _title(asked, request.contents)
    if SUMMARY_ORDER.search(instruction) or SUMMARY_ORDER.search(_head(asked)):
        return _summary(asked, request.contents)
    return _conversation(asked, instruction, request.contents[:-1])


def _head(text: str) -> str:
    """Cut to the first paragraph: an instruction comes before its subject."""
    return text.split("\n\n", 1)[0][:400]


def _matter(asked: str, contents: Sequence[Content]) -> str:
    """Find what an order is about: what follows it in its turn, else the turns before, else itself."""
    head, _, rest = asked.partition("\n\n")
    before = "\n".join(without_words(turn.text) for turn in contents[:-1])
    _, _, same_line = head.partition(":")
    return LABEL.sub("", rest or before or same_line or head).strip()


def _title(asked: str, contents: Sequence[Content]) -> str:
    words = re.findall(r"[^\W_][\w'\u2019-]*", _matter(asked, contents))
    long_words = [word for word in words if len(word) > 3] or words  # noqa: PLR2004  # longer than most articles
    title = " ".join(dict.fromkeys(long_words[:5]))
    return title[:1].upper() + title[1:60] if title else "Untitled"


def _summary(asked: str, contents: Sequence[Content]) -> str:
    lines = [line.strip() for line in _matter(asked, contents).splitlines() if line.strip()]
    if not lines:
        return "In short: nothing has been said yet."
    facts = ", ".join(f"their {name} is {value}" for name, value in _facts(lines).items())
    known = f" The user said that {facts}." if facts else ""
    return f"In short: it began with {_quote(lines[0])} and came to {_quote(lines[-1])}.{known}"


def _conversation(asked: str, instruction: str, earlier: Sequence[Content]) -> str:
    facts = _facts([instruction, *(without_words(turn.text) for turn in earlier if turn.role != "model")])
    paragraphs = [_opening(asked, facts), _history(earlier)]
    if instruction:
        paragraphs.append(f"I follow the instruction I was given: {_quote(instruction)}.")
    seed = len(asked) + len(earlier)
    paragraphs.append(" ".join(FILLERS[(seed + step) % len(FILLERS)] for step in range(3)))
    paragraphs.append("(This is the sandbox; no model was asked. 🙂)")
    return "\n\n".join(paragraphs)


def _opening(asked: str, facts: dict[str, str]) -> str:
    recall = RECALL.search(asked)
    if recall:
        name = (recall[1] or "name").lower()
        return f"Your {name} is {facts[name]}." if name in facts else f"You have not told me your {name} yet."
    new = _facts([asked])  # a summary writes "their" for "my"
    if new:
        return "Thank you, I will remember: " + ", ".join(f"your {k} is {v}" for k, v in new.items()) + "."
    if GREETING.match(asked):
        greeted = f", {facts['name']}" if "name" in facts else ""
        return f"Hello{greeted}! You said {_quote(asked)}; how can I help?"
    verb = "asked" if asked.rstrip().endswith("?") else "wrote"
    return f"You {verb}: {_quote(asked)}." if asked else "You sent nothing but orders to the sandbox."


def _history(earlier: Sequence[Content]) -> str:
    if not earlier:
        return "This is the first turn of our conversation."
    said = [without_words(turn.text) for turn in earlier if turn.role != "model"]
    count = f"{len(earlier)} earlier turn{'s' if len(earlier) > 1 else ''}"
    return f"There {'are' if len(earlier) > 1 else 'is'} {count} in our conversation" + (
        f"; before this you said {_quote(said[-1])}." if said else "."
    )


def _facts(texts: Sequence[str]) -> dict[str, str]:
    facts: dict[str, str] = {}
    for text in texts:
        for match in FACT.finditer(text):
            facts[match[1].lower()] = match[2].strip()
        for match in NAMED.finditer(text):
            facts["name"] = match[1].strip()
    return facts


def _quote(text: str) -> str:
    line = " ".join(text.split()).removesuffix(".")
    return f"“{line}”" if len(line) <= QUOTED else f"“{line[:QUOTED].rstrip()}…”"
