-- Times are milliseconds since 1970 UTC, flags are 0 or 1, enums are the words that the Rust types give them.
-- A second database gets the same tables under the same numbers beside this folder, with BIGINT for INTEGER and
-- BOOLEAN for flags.

-- Agencies (OPD) and what they answer for. Seeded from deploy/seed, then the office's own.
CREATE TABLE agency (
    id          TEXT PRIMARY KEY,
    name        TEXT NOT NULL,
    -- The prompt that says its name.
    clip        TEXT NOT NULL
) STRICT;

CREATE TABLE category (
    id          TEXT PRIMARY KEY,
    name        TEXT NOT NULL,
    agency      TEXT NOT NULL REFERENCES agency (id)
) STRICT;

CREATE TABLE setting (
    key         TEXT PRIMARY KEY,
    value       TEXT NOT NULL
) STRICT;

-- One row for each INVITE that was let in, written before the first prompt.
CREATE TABLE call (
    id          INTEGER PRIMARY KEY,
    -- Counts up with each start of the program: a call without an end from an earlier run was cut off by a crash.
    run         INTEGER NOT NULL,
    sip_call_id TEXT NOT NULL,
    trunk       TEXT,
    -- The caller's; NULL when withheld.
    number      TEXT,
    asserted    INTEGER NOT NULL CHECK (asserted IN (0, 1)),
    -- The number that was dialled.
    called      TEXT NOT NULL,
    started     INTEGER NOT NULL,
    answered    INTEGER,
    ended       INTEGER,
    end_reason  TEXT,
    ended_by    TEXT,
    codec       TEXT,
    packets_sent     INTEGER NOT NULL DEFAULT 0,
    packets_received INTEGER NOT NULL DEFAULT 0,
    packets_lost     INTEGER NOT NULL DEFAULT 0,
    recorded_ms      INTEGER NOT NULL DEFAULT 0,
    -- The first ticket opened from it.
    ticket      INTEGER REFERENCES ticket (id)
) STRICT;
CREATE INDEX call_started ON call (started);
CREATE INDEX call_unfinished ON call (run) WHERE ended IS NULL;

-- The key path: where the caller was, what happened, when. Never the digits of a code or PIN.
CREATE TABLE call_step (
    id          INTEGER PRIMARY KEY,
    call        INTEGER NOT NULL REFERENCES call (id),
    at          INTEGER NOT NULL,
    step        TEXT NOT NULL,
    what        TEXT NOT NULL
) STRICT;
CREATE INDEX call_step_call ON call_step (call);

CREATE TABLE recording (
    id          INTEGER PRIMARY KEY,
    call        INTEGER NOT NULL REFERENCES call (id),
    slot        TEXT NOT NULL,
    -- The name under the files directory (or the object's key).
    file        TEXT NOT NULL,
    started     INTEGER NOT NULL,
    ended       INTEGER,
    state       TEXT NOT NULL,
    duration_ms INTEGER NOT NULL DEFAULT 0,
    speech_ms   INTEGER NOT NULL DEFAULT 0,
    ended_by    TEXT,
    -- The caller spoke again under the same slot. The file stays until the retention job takes it.
    replaced    INTEGER NOT NULL DEFAULT 0 CHECK (replaced IN (0, 1))
) STRICT;
CREATE INDEX recording_call ON recording (call);
CREATE INDEX recording_open ON recording (call) WHERE ended IS NULL;
CREATE INDEX recording_state ON recording (state);

CREATE TABLE ticket (
    id          INTEGER PRIMARY KEY,
    code        TEXT NOT NULL UNIQUE CHECK (length(code) = 8),
    status      TEXT NOT NULL,
    class       TEXT NOT NULL,
    channel     TEXT NOT NULL,
    -- The reporter's; NULL when withheld.
    number      TEXT,
    asserted    INTEGER NOT NULL CHECK (asserted IN (0, 1)),
    anonymous   INTEGER NOT NULL CHECK (anonymous IN (0, 1)),
    confidential INTEGER NOT NULL CHECK (confidential IN (0, 1)),
    pin_hash    TEXT,
    agency      TEXT REFERENCES agency (id),
    category    TEXT REFERENCES category (id),
    opened      INTEGER NOT NULL,
    updated     INTEGER NOT NULL,
    call        INTEGER REFERENCES call (id)
) STRICT;
CREATE INDEX ticket_status ON ticket (status, opened);
CREATE INDEX ticket_number ON ticket (number) WHERE number IS NOT NULL;
CREATE INDEX ticket_call ON ticket (call) WHERE call IS NOT NULL;

-- A recording belongs to one ticket at most: this is what makes opening a ticket twice harmless.
CREATE TABLE ticket_recording (
    recording   INTEGER PRIMARY KEY REFERENCES recording (id),
    ticket      INTEGER NOT NULL REFERENCES ticket (id)
) STRICT;
CREATE INDEX ticket_recording_ticket ON ticket_recording (ticket);

-- The history: rows are only ever added.
CREATE TABLE ticket_event (
    id          INTEGER PRIMARY KEY,
    ticket      INTEGER NOT NULL REFERENCES ticket (id),
    at          INTEGER NOT NULL,
    actor       TEXT NOT NULL,
    what        TEXT NOT NULL,
    from_status TEXT,
    to_status   TEXT NOT NULL,
    note        TEXT
) STRICT;
CREATE INDEX ticket_event_ticket ON ticket_event (ticket);

-- What was written about a ticket: the report itself, what was added, the answer.
CREATE TABLE message (
    id          INTEGER PRIMARY KEY,
    ticket      INTEGER NOT NULL REFERENCES ticket (id),
    kind        TEXT NOT NULL,
    body        TEXT NOT NULL,
    at          INTEGER NOT NULL
) STRICT;
CREATE INDEX message_ticket ON message (ticket, kind);

-- Each code that somebody typed. The code itself is not kept: a wrong one may be another caller's right one.
CREATE TABLE lookup_try (
    id          INTEGER PRIMARY KEY,
    call        INTEGER REFERENCES call (id),
    number      TEXT,
    asserted    INTEGER NOT NULL CHECK (asserted IN (0, 1)),
    outcome     TEXT NOT NULL,
    -- What it counts against the limits, in half guesses.
    weight      INTEGER NOT NULL,
    at          INTEGER NOT NULL
) STRICT;
CREATE INDEX lookup_try_at ON lookup_try (at) WHERE weight > 0;
CREATE INDEX lookup_try_number ON lookup_try (number, at) WHERE weight > 0;
CREATE INDEX lookup_try_asserted ON lookup_try (asserted, at) WHERE weight > 0;
CREATE INDEX lookup_try_call ON lookup_try (call) WHERE weight > 0;

-- Work for later. A worker leases a row; a lease that ran out may be taken by another.
CREATE TABLE job (
    id          INTEGER PRIMARY KEY,
    kind        TEXT NOT NULL,
    -- The row it is about, by kind: a recording's id for transcribe.
    subject     INTEGER NOT NULL,
    state       TEXT NOT NULL,
    attempts    INTEGER NOT NULL DEFAULT 0,
    queued      INTEGER NOT NULL,
    lease_until INTEGER,
    last_error  TEXT,
    UNIQUE (kind, subject)
) STRICT;
CREATE INDEX job_state ON job (state, queued);
