-- The people who work on tickets: who they are, their sessions, what they did and what they mended.

CREATE TABLE staff (
    id          INTEGER PRIMARY KEY,
    -- In lower case; never changed, since the history names people by it.
    login       TEXT NOT NULL UNIQUE,
    name        TEXT NOT NULL,
    role        TEXT NOT NULL,
    agency      TEXT REFERENCES agency (id),
    -- A PHC string (argon2id).
    password    TEXT NOT NULL,
    must_change INTEGER NOT NULL CHECK (must_change IN (0, 1)),
    disabled    INTEGER NOT NULL DEFAULT 0 CHECK (disabled IN (0, 1)),
    made        INTEGER NOT NULL,
    CHECK ((role = 'petugas_opd') = (agency IS NOT NULL))
) STRICT;

CREATE TABLE session (
    -- SHA-256 of what the browser holds: who reads this table cannot use it.
    token       TEXT PRIMARY KEY,
    staff       INTEGER NOT NULL REFERENCES staff (id),
    started     INTEGER NOT NULL,
    seen        INTEGER NOT NULL,
    ends        INTEGER NOT NULL,
    address     TEXT NOT NULL
) STRICT;
CREATE INDEX session_staff ON session (staff);

-- Attempts to sign in that did not succeed, or not yet. People type their password into the wrong box, so names are
-- kept as hashes.
CREATE TABLE login_try (
    id          INTEGER PRIMARY KEY,
    account     TEXT NOT NULL,
    address     TEXT NOT NULL,
    at          INTEGER NOT NULL
) STRICT;
CREATE INDEX login_try_account ON login_try (account, at);
CREATE INDEX login_try_address ON login_try (address, at);

-- Forms that were handed in: the same one a second time does nothing and gets the same answer.
CREATE TABLE form (
    nonce       TEXT PRIMARY KEY,
    at          INTEGER NOT NULL,
    outcome     TEXT NOT NULL
) STRICT;
CREATE INDEX form_at ON form (at);

-- Who did or heard what. Rows are only ever added, and each holds the hash of the one before.
CREATE TABLE audit (
    id          INTEGER PRIMARY KEY,
    at          INTEGER NOT NULL,
    actor       TEXT NOT NULL,
    address     TEXT NOT NULL,
    action      TEXT NOT NULL,
    object      TEXT NOT NULL,
    detail      TEXT NOT NULL,
    previous    TEXT NOT NULL,
    hash        TEXT NOT NULL
) STRICT;
CREATE INDEX audit_object ON audit (object, action, actor, at);
CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'audit rows are never changed'); END;
CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'audit rows are never deleted'); END;

-- Counts the changes by staff: who saves an older one is told.
ALTER TABLE ticket ADD COLUMN version INTEGER NOT NULL DEFAULT 0;
ALTER TABLE ticket ADD COLUMN assignee INTEGER REFERENCES staff (id);
-- The ticket that this one repeats.
ALTER TABLE ticket ADD COLUMN parent INTEGER REFERENCES ticket (id);
-- Where it is, in an operator's words.
ALTER TABLE ticket ADD COLUMN place TEXT;
CREATE INDEX ticket_assignee ON ticket (assignee) WHERE assignee IS NOT NULL;
CREATE INDEX ticket_opened ON ticket (opened, id);
CREATE INDEX ticket_agency ON ticket (agency, opened) WHERE agency IS NOT NULL;

-- What an operator heard instead. The engine's segment stays as it is; the newest mend of a segment holds, as long as
-- the segment still says what it said then.
CREATE TABLE segment_mend (
    id          INTEGER PRIMARY KEY,
    recording   INTEGER NOT NULL REFERENCES recording (id),
    position    INTEGER NOT NULL,
    heard       TEXT NOT NULL,
    text        TEXT NOT NULL,
    staff       INTEGER NOT NULL REFERENCES staff (id),
    at          INTEGER NOT NULL
) STRICT;
CREATE INDEX segment_mend_recording ON segment_mend (recording, position);
