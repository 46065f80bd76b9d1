-- What recordings say, the leases of those who write it down, and the words to find tickets by.

-- Not before this: a job that failed waits a while.
ALTER TABLE job ADD COLUMN due INTEGER NOT NULL DEFAULT 0;
-- Who holds the lease. With the attempt it tells one lease from the next.
ALTER TABLE job ADD COLUMN worker TEXT;
-- When it was done or given up.
ALTER TABLE job ADD COLUMN ended INTEGER;
DROP INDEX job_state;
CREATE INDEX job_state ON job (state, kind, due);

CREATE TABLE transcript (
    id          INTEGER PRIMARY KEY,
    recording   INTEGER NOT NULL UNIQUE REFERENCES recording (id),
    engine      TEXT NOT NULL,
    model       TEXT NOT NULL,
    outcome     TEXT NOT NULL,
    -- The segments' texts in a row.
    text        TEXT NOT NULL,
    duration_ms INTEGER NOT NULL,
    made        INTEGER NOT NULL,
    -- What it cost.
    cpu_ms      INTEGER NOT NULL
) STRICT;

CREATE TABLE transcript_segment (
    transcript  INTEGER NOT NULL REFERENCES transcript (id),
    position    INTEGER NOT NULL,
    start_ms    INTEGER NOT NULL,
    end_ms      INTEGER NOT NULL,
    text        TEXT NOT NULL,
    confidence  REAL NOT NULL,
    doubtful    INTEGER NOT NULL CHECK (doubtful IN (0, 1)),
    -- A list of {start_ms, end_ms, text, confidence}, as JSON.
    words       TEXT NOT NULL,
    PRIMARY KEY (transcript, position)
) STRICT;

-- SQLite only; a second database brings its own search. The row's number is twice the recording's, or twice the
-- message's and one more, so that a text is replaced without looking for it.
CREATE VIRTUAL TABLE search USING fts5 (
    body,
    -- The same words without their affixes.
    stems,
    ticket UNINDEXED,
    source UNINDEXED,
    at UNINDEXED,
    tokenize = 'unicode61 remove_diacritics 2',
    prefix = '2 3'
);
-- What was written before there was a search is found by its words; by their stems, what comes from now on.
INSERT INTO search (rowid, body, stems, ticket, source, at)
    SELECT id * 2 + 1, body, '', ticket, kind, at FROM message;
