"""Search: words are also found by their case-folded form, without optional marks and without accents.

No lock on `messages` is taken. The function that makes the words is replaced, so every message that is stored
from then on, by code of any version, has the new forms beside the former ones. Messages that were there get
them in short transactions after this one: `env.py` calls remake_search_words() until it returns null, and a
run that was interrupted goes on where it stopped. Only texts with characters beyond ASCII are written again,
and of these only the ones that gain a form. A downgrade leaves the words as they are: the former ones are
among them.
"""

import sqlalchemy as sa

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

# Vowel points, cantillation and Koranic marks of Hebrew, Arabic and Syriac, and Arabic's tatweel.
OPTIONAL_MARKS = (
    r"\u0591-\u05BD\u05BF\u05C1-\u05C2\u05C4-\u05C5\u05C7\u0610-\u061A\u0640\u064B-\u065F\u0670\u06D6-\u06DC"
    r"\u06DF-\u06E8\u06EA-\u06ED\u0711\u0730-\u074A\u0897-\u089F\u08CA-\u08E1\u08E3-\u08FF\uFB1E"
)
# Of Latin, Greek and Cyrillic: in other scripts a mark makes another letter.
ACCENTS = r"\u0300-\u036F\u0483-\u0487\u1AB0-\u1AFF\u1DC0-\u1DFF\uA66F\uA67C-\uA67D"

# Cherokee's and Georgian's capital letters, which not every locale knows, and old Cyrillic forms.
_FOLDED = r"\u13A0-\u13F5\u1C80-\u1C88\u1C90-\u1CBA\u1CBD-\u1CBF"
_FOLDED_FROM = "".join(map(chr, [*range(0x13A0, 0x13F6), *range(0x1C90, 0x1CBB), *range(0x1CBD, 0x1CC0)])) + (
    "\u1c80\u1c81\u1c82\u1c83\u1c84\u1c85\u1c86\u1c87\u1c88"
)
_FOLDED_TO = "".join(
    map(
        chr,
        [*range(0xAB70, 0xABC0), *range(0x13F8, 0x13FE), *range(0x10D0, 0x10FB), *range(0x10FD, 0x1100)],
    )
) + ("\u0432\u0434\u043e\u0441\u0442\u0442\u044a\u0463\ua64b")
# Letters with a stroke, Turkish dotless i, Cyrillic ghe with upturn; Arabic's alef wasla, alef maksura, teh
# marbuta, Farsi yeh and keheh.
_PLAIN_FROM = "\u0131\u00f8\u0142\u0111\u00f0\u0127\u0167\u0491\u0671\u0649\u0629\u06cc\u06a9"
_PLAIN_TO = "iolddht\u0433\u0627\u064a\u0647\u064a\u0643"
# Greek letters with an iota below, which capital letters have beside them.
_SUBSCRIPT = r"\u0345\u1F80-\u1FAF\u1FB2-\u1FB4\u1FB7\u1FBC\u1FC2-\u1FC4\u1FC7\u1FCC\u1FF2-\u1FF4\u1FF7\u1FFC"

# Of the output of search_text().
_SEARCH_FOLDED = f"""
CREATE FUNCTION search_folded(plain text) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
AS $body$
BEGIN
    IF octet_length(plain) = length(plain) THEN
        RETURN plain;
    END IF;
    plain := regexp_replace(plain, '[{OPTIONAL_MARKS}]+', '', 'g');
    IF plain ~ '[{_FOLDED}]' THEN
        plain := translate(plain, '{_FOLDED_FROM}', '{_FOLDED_TO}');
    END IF;
    plain := replace(replace(replace(plain, '\u00df', 'ss'), '\u1e9e', 'ss'), 'i\u0307', 'i');
    IF plain ~ '[{_SUBSCRIPT}]' THEN
        plain := replace(normalize(plain, NFD), '\u0345', '\u03b9');
    END IF;
    RETURN normalize(plain, NFC);
END
$body$
"""

# What is decomposed is composed again, but for the accents: Korean, Japanese and Hindi are as they were.
_SEARCH_STRIPPED = f"""
CREATE FUNCTION search_stripped(plain text) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
AS $body$
BEGIN
    IF octet_length(plain) = length(plain) THEN
        RETURN plain;
    END IF;
    plain := regexp_replace(normalize(plain, NFD), '[{OPTIONAL_MARKS}{ACCENTS}]+', '', 'g');
    plain := translate(normalize(plain, NFC), '{_PLAIN_FROM}', '{_PLAIN_TO}');
    plain := replace(replace(plain, '\u00df', 'ss'), '\u00e6', 'ae');
    RETURN replace(replace(plain, '\u0153', 'oe'), '\u00fe', 'th');
END
$body$
"""

# In a database with another encoding only the words in ASCII are found.
_UNLESS_UTF8 = """
CREATE FUNCTION {name}(plain text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS 'SELECT plain'
"""

# A letter of an unspaced script stands between two of these.
_APART = r"\x1f"
_PAIRS = f"""ARRAY(
            SELECT DISTINCT piece || letter_behind
            FROM (
                SELECT place, piece, lead(piece) OVER seq AS gap, lead(piece, 2) OVER seq AS letter_behind
                FROM string_to_table(plain, E'{_APART}') WITH ORDINALITY AS pieces (piece, place)
                WINDOW seq AS (ORDER BY place)
            ) AS letters
            WHERE place % 2 = 0 AND gap = '' AND letter_behind IS NOT NULL
        )"""  # noqa: S608  # of constants

# The words of one form of a text: what a query is compared by.
_SEARCH_WORDS = f"""
CREATE FUNCTION search_words(plain text) RETURNS tsvector
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $body$
DECLARE
    words tsvector := to_tsvector('simple', plain);
BEGIN
    IF strpos(plain, E'{_APART}') > 0 THEN
        words := array_to_tsvector({_PAIRS}) || words;
    END IF;
    RETURN words;
END
$body$
"""

# The words of a message, its owner's among them: of the form that the function made before, and of each form
# that differs from it. A row's words may take a mebibyte: without room for all the former ones stay.
_MESSAGE_WORDS = """
CREATE OR REPLACE FUNCTION message_words(owner uuid, plain text) RETURNS tsvector
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL UNSAFE AS $body$
DECLARE
    words tsvector := array_to_tsvector(ARRAY['@' || owner]);
    all_words tsvector;
    forms text[] := ARRAY[plain];
    folded text;
    form text;
BEGIN
    words := words || search_words(plain);
    IF octet_length(plain) = length(plain) THEN
        RETURN words;
    END IF;
    all_words := words;
    folded := search_folded(plain);
    FOREACH form IN ARRAY ARRAY[folded, search_stripped(folded), search_stripped(plain)] LOOP
        IF form <> ALL (forms) THEN
            forms := forms || form;
            all_words := all_words || strip(to_tsvector('simple', form));
        END IF;
    END LOOP;
    RETURN all_words;
EXCEPTION WHEN program_limit_exceeded THEN
    RETURN words;
END
$body$
"""

_FORMER_MESSAGE_WORDS = f"""
CREATE OR REPLACE FUNCTION message_words(owner uuid, plain text) RETURNS tsvector
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL UNSAFE AS $body$
DECLARE
    marks text[] := ARRAY['@' || owner];
BEGIN
    IF strpos(plain, E'{_APART}') > 0 THEN
        marks := marks || {_PAIRS};
    END IF;
    RETURN array_to_tsvector(marks) || to_tsvector('simple', plain);
EXCEPTION WHEN program_limit_exceeded THEN
    RETURN array_to_tsvector(ARRAY['@' || owner]);
END
$body$
"""

# One step: for a quarter of a second, or until a row is locked by another transaction. Waiting for that one
# with others locked could be a deadlock. The first step waits for transactions that may have made words with
# the former function and are not visible yet; rows behind the newest of that moment have all forms. Returns
# how many rows it passed, or null when all are done.
_REMAKE = """
CREATE FUNCTION remake_search_words() RETURNS integer LANGUAGE plpgsql AS $body$
DECLARE
    progress search_remake;
    message record;
    passed integer := 0;
    until timestamptz := clock_timestamp() + interval '250 ms';
BEGIN
    SELECT * INTO progress FROM search_remake FOR UPDATE;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    IF progress.writers IS NULL THEN
        progress.writers := ARRAY(
            SELECT virtualtransaction FROM pg_locks
            WHERE relation = 'messages'::regclass AND mode = 'RowExclusiveLock' AND pid <> pg_backend_pid()
        );
        UPDATE search_remake SET writers = progress.writers;
    END IF;
    IF EXISTS (
        SELECT FROM pg_locks
        WHERE relation = 'messages'::regclass AND virtualtransaction = ANY (progress.writers)
    ) THEN
        RETURN 0;
    END IF;
    IF progress.upto IS NULL THEN
        progress.upto := (SELECT id FROM messages ORDER BY id DESC LIMIT 1);
        UPDATE search_remake SET upto = progress.upto;
    END IF;
    FOR message IN
        SELECT id, words IS NOT NULL AND octet_length(content) <> length(content) AS may_gain
        FROM messages WHERE id > progress.after AND id <= progress.upto ORDER BY id LIMIT 10000
    LOOP
        IF message.may_gain AND EXISTS (
            SELECT FROM messages
            WHERE id = message.id AND words IS DISTINCT FROM message_words(user_id, search_text(content))
        ) THEN
            PERFORM FROM messages WHERE id = message.id FOR NO KEY UPDATE SKIP LOCKED;
            IF FOUND THEN
                UPDATE messages SET content = content WHERE id = message.id;
            ELSIF EXISTS (SELECT FROM messages WHERE id = message.id) THEN
                UPDATE search_remake SET after = progress.after;
                RETURN passed;
            END IF;
        END IF;
        progress.after := message.id;
        passed := passed + 1;
        EXIT WHEN clock_timestamp() > until;
    END LOOP;
    IF passed = 0 THEN
        DELETE FROM search_remake;
        RETURN NULL;
    END IF;
    UPDATE search_remake SET after = progress.after;
    RETURN passed;
END
$body$
"""


def upgrade() -> None:
    if op.get_bind().scalar(sa.text("SHOW server_encoding")) == "UTF8":
        op.execute(_SEARCH_FOLDED)
        op.execute(_SEARCH_STRIPPED)
    else:
        op.execute(_UNLESS_UTF8.format(name="search_folded"))
        op.execute(_UNLESS_UTF8.format(name="search_stripped"))
    op.execute(_SEARCH_WORDS)
    op.execute(_MESSAGE_WORDS)
    op.create_table(
        "search_remake",
        sa.Column("after", sa.Uuid(), nullable=False),
        sa.Column("upto", sa.Uuid(), nullable=True),
        sa.Column("writers", sa.ARRAY(sa.Text()), nullable=True),
    )
    op.execute("INSERT INTO search_remake (after) VALUES ('00000000-0000-0000-0000-000000000000')")
    op.execute(_REMAKE)


def downgrade() -> None:
    op.execute("DROP FUNCTION IF EXISTS remake_search_words()")
    op.execute("DROP TABLE IF EXISTS search_remake")
    op.execute(_FORMER_MESSAGE_WORDS)
    for name in ("search_words", "search_stripped", "search_folded"):
        op.execute(f"DROP FUNCTION {name}(text)")
