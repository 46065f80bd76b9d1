-- Words that stand together. FTS5 finds two words in a row by looking through every text that has both, which for common
-- words is most of the texts. SQLite only, like `search`, and with the same row numbers; it is filled at the next start,
-- and the setting search.pairs tells how far that has come.
CREATE VIRTUAL TABLE search_pair USING fts5 (
    pairs,
    -- Nothing but the index: the texts are in `search`.
    content = '',
    contentless_delete = 1,
    detail = none,
    tokenize = 'unicode61 remove_diacritics 0'
);
