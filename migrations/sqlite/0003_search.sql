-- The search keeps its rows in the order of their times, so that the newest are found without looking at the others.
-- It is filled at the next start, from transcripts and messages; the setting search.index tells how far that has come.

DROP TABLE search;

-- SQLite only; a second database brings its own. The row's number begins with the time (see store::search), and is
-- the same for the same text, so that it is replaced without looking for it.
CREATE VIRTUAL TABLE search USING fts5 (
    body,
    -- What its words are without their affixes, where that differs.
    stems,
    ticket UNINDEXED,
    -- The table that the text is from, `recording` or `message`, and its row there.
    source UNINDEXED,
    subject UNINDEXED,
    at UNINDEXED,
    tokenize = 'unicode61 remove_diacritics 2',
    prefix = '2 3'
);
