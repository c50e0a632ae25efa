"""Search: the words of every message that is complete, and two indexes that find them.

The column is filled for the rows that are there, which holds the table while it lasts (some minutes a
million messages). The code before this one neither reads nor writes it.
"""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

# More would be found in no snippet, and might pass the megabyte that the words of one row may take.
_LONGEST = 50_000

# Scripts that write words without blanks between them, or grow them like Korean: Thai, Lao, Burmese, Khmer,
# kana, Bopomofo, ideographs, Hangul.
_UNSPACED = (
    r"\u0E01-\u0E3A\u0E40-\u0E4E\u0E80-\u0EFF\u1000-\u1049\u1050-\u109F\uA9E0-\uA9FF\uAA60-\uAA7F"
    r"\u1780-\u17D3\u3005-\u3007\u3041-\u309F\u30A1-\u30FA\u30FC-\u312F\u31A0-\u31BF\u31F0-\u31FF"
    r"\u3400-\u4DBF\u4E00-\u9FFF\uAC00-\uD7A3\uF900-\uFAFF\U00020000-\U000323AF"
)

# Neither letters, digits nor marks, in composed compatibility form. Named one by one, since a database
# whose locale is C takes everything beyond ASCII for letters.
_BLANKS = (
    r"\u0080-\u00BF\u00D7\u00F7\u02C2-\u02C5\u02D2-\u02DF\u0375\u037E\u0387\u055A-\u055F\u0589-\u058F"
    r"\u05BE\u05C0\u05C3\u05C6\u05F3\u05F4\u0600-\u060F\u061B-\u061F\u066A-\u066D\u06D4\u06DD\u0700-\u070D"
    r"\u0964\u0965\u0970\u0E3F\u0E4F\u0E5A\u0E5B\u0F01-\u0F14\u104A-\u104F\u10FB\u1360-\u1368\u166E\u1680"
    r"\u17D4-\u17DB\u1800-\u180E\u2000-\u2BFF\u2E00-\u2E7F\u2FF0-\u3004\u3008-\u3020\u3030\u303D-\u303F"
    r"\u30A0\u30FB\uE000-\uF8FF\uFD3E\uFD3F\uFE00-\uFE6F\uFEFF\uFFF0-\uFFFF\U00010100-\U0001019F"
    r"\U0001F000-\U0001FAFF\U000E0000-\U0010FFFF"
)
_BLANKS_OF_ASCII = r"""!-/:-@\[-`{-~"""

# A letter of an unspaced script stands between two of these, which PostgreSQL's parser takes for a blank.
_APART = r"\x1f"
# Another blank, for what is neither letter nor blank: "node.js" stays one thing to ask for.
_BREAK = r"\x1e"

# Greek has another small sigma at the end of words, which capital letters do not know.
_COLLATION = "pg_catalog.collation"  # stands for one that the database has

_SEARCH_TEXT = f"""
CREATE FUNCTION search_text(told text) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $body$
DECLARE
    plain text := translate(left(told, {_LONGEST}), E'{_APART}', ' ');
BEGIN
    IF octet_length(plain) > length(plain) THEN
        plain := left(lower(normalize(plain, NFKC) COLLATE {_COLLATION}), {_LONGEST});
        plain := regexp_replace(translate(plain, '\u03c2', '\u03c3'), '[{_BLANKS}]+', E'{_BREAK}', 'g');
        plain := regexp_replace(plain, '[{_UNSPACED}]', E'{_APART}\\\\&{_APART}', 'g');
    END IF;
    RETURN regexp_replace(plain, '[{_BLANKS_OF_ASCII}]+', E'{_BREAK}', 'g');
END
$body$
"""

# Of a database with another encoding only the words in ASCII are found.
_SEARCH_TEXT_UNLESS_UTF8 = f"""
CREATE FUNCTION search_text(told text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $body$
SELECT regexp_replace(
    translate(left(told, {_LONGEST}), E'{_APART}', ' '), '[{_BLANKS_OF_ASCII}]+', E'{_BREAK}', 'g'
)
$body$
"""

# The owner is a word, too, and no message has one with '@': so the index itself brings owner and words
# together, and never walks through what other people wrote. Letters that stood side by side are a word,
# since single ones are in nearly every message. Whatever else may happen, a message can be stored.
_MESSAGE_WORDS = f"""
CREATE FUNCTION message_words(owner uuid, plain text) RETURNS tsvector
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL UNSAFE AS $body$
DECLARE
    marks text[] := ARRAY['@' || owner];
BEGIN
    IF strpos(plain, E'{_APART}') > 0 THEN
        marks := marks || ARRAY(
            SELECT DISTINCT piece || letter_behind
            FROM (
                SELECT place, piece, lead(piece) OVER seq AS gap, lead(piece, 2) OVER seq AS letter_behind
                FROM string_to_table(plain, E'{_APART}') WITH ORDINALITY AS pieces (piece, place)
                WINDOW seq AS (ORDER BY place)
            ) AS letters
            WHERE place % 2 = 0 AND gap = '' AND letter_behind IS NOT NULL
        );
    END IF;
    RETURN array_to_tsvector(marks) || to_tsvector('simple', plain);
EXCEPTION WHEN program_limit_exceeded THEN
    RETURN array_to_tsvector(ARRAY['@' || owner]);
END
$body$
"""  # noqa: S608  # of constants

_WORDS = (
    "CASE WHEN status NOT IN ('pending', 'generating') AND content <> ''"
    " THEN message_words(user_id, search_text(content)) END"
)


def upgrade() -> None:
    op.execute(_search_text(op.get_bind()))
    op.execute(_MESSAGE_WORDS)
    words = sa.Column("words", postgresql.TSVECTOR(), sa.Computed(_WORDS, persisted=True), nullable=True)
    op.add_column("messages", words)
    op.create_index(
        "ix_messages_words",
        "messages",
        ["words"],
        postgresql_using="gin",
        postgresql_with={"gin_pending_list_limit": 512},
        postgresql_where=sa.text("words IS NOT NULL"),
    )
    op.create_index(
        "ix_messages_newest",
        "messages",
        ["user_id", "id"],
        postgresql_where=sa.text("words IS NOT NULL"),
    )


def _search_text(database: sa.Connection) -> str:
    if database.scalar(sa.text("SHOW server_encoding")) != "UTF8":
        return _SEARCH_TEXT_UNLESS_UTF8
    return _SEARCH_TEXT.replace(_COLLATION, _collation(database))


def _collation(database: sa.Connection) -> str:
    """One that knows more letters than ASCII's: the database's own may be C, which does not."""
    own = 'pg_catalog."default"'
    names = database.scalars(
        sa.text(
            "SELECT collname FROM pg_collation WHERE collname IN ('pg_c_utf8', 'C.utf8', 'und-x-icu')"
            " AND collencoding IN (-1, pg_char_to_encoding('UTF8'))"
            " ORDER BY collname = 'pg_c_utf8' DESC, collname"
        )
    )
    for collation in (own, *(f'pg_catalog."{name}"' for name in names)):
        if database.scalar(sa.text(f"SELECT lower('ÄΣЖ' COLLATE {collation})")) == "äσж":
            return collation
    return own


def downgrade() -> None:
    op.drop_index("ix_messages_newest", table_name="messages")
    op.drop_index("ix_messages_words", table_name="messages")
    op.drop_column("messages", "words")
    op.execute("DROP FUNCTION message_words(uuid, text)")
    op.execute("DROP FUNCTION search_text(text)")
