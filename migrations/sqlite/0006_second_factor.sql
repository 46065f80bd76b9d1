-- A second factor at the door: the code of an authenticator beside the password.

CREATE TABLE second_factor (
    staff       INTEGER PRIMARY KEY REFERENCES staff (id),
    -- Base32, as authenticators take it. Codes are computed from it, so it cannot be a hash.
    secret      TEXT NOT NULL,
    -- The newest time step whose code was used: neither it nor an older one is taken again.
    used_step   INTEGER NOT NULL,
    since       INTEGER NOT NULL
) STRICT;

-- For whoever has lost the authenticator: each works once.
CREATE TABLE recovery_code (
    -- SHA-256 of 80 random bits.
    code        TEXT PRIMARY KEY,
    staff       INTEGER NOT NULL REFERENCES staff (id),
    used        INTEGER
) STRICT;
CREATE INDEX recovery_code_staff ON recovery_code (staff);

-- Wrong codes, after the right password.
CREATE TABLE code_try (
    id          INTEGER PRIMARY KEY,
    staff       INTEGER NOT NULL REFERENCES staff (id),
    at          INTEGER NOT NULL
) STRICT;
CREATE INDEX code_try_staff ON code_try (staff, at);

-- Until when somebody without a second factor may set one up by the password alone. Opened by a password that was handed
-- over and by the first admin's link, closed by the first second factor: a password that is stolen later opens nothing.
ALTER TABLE staff ADD COLUMN enrol_until INTEGER NOT NULL DEFAULT 0;

-- How far the browser has come: full, code, enrol.
ALTER TABLE session ADD COLUMN stage TEXT NOT NULL DEFAULT 'full';
-- The secret of a second factor that is being set up.
ALTER TABLE session ADD COLUMN secret TEXT;
-- What the browser calls itself.
ALTER TABLE session ADD COLUMN browser TEXT NOT NULL DEFAULT '';
