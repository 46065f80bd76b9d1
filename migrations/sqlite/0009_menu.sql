-- The menu: what its text was and who put it in place; and which ways callers took through it.

-- Rows are only ever added. The newest published one answers calls.
CREATE TABLE menu_version (
    number      INTEGER PRIMARY KEY,
    text        TEXT NOT NULL,
    -- draft or published.
    state       TEXT NOT NULL,
    -- console: written there; file: found in the file that the configuration names.
    origin      TEXT NOT NULL,
    -- A login, or what the program calls itself.
    author      TEXT NOT NULL,
    at          INTEGER NOT NULL,
    note        TEXT NOT NULL
) STRICT;
CREATE INDEX menu_version_published ON menu_version (number) WHERE state = 'published';
CREATE TRIGGER menu_version_is_not_changed BEFORE UPDATE ON menu_version BEGIN SELECT RAISE(ABORT, 'versions are never changed'); END;
CREATE TRIGGER menu_version_is_not_deleted BEFORE DELETE ON menu_version BEGIN SELECT RAISE(ABORT, 'versions are never deleted'); END;

-- How many calls took a way, counted when a call ends: a page must not read a week of key paths.
CREATE TABLE menu_way (
    -- The six hours of the call's end, counted since 1970 UTC.
    period      INTEGER NOT NULL,
    step        TEXT NOT NULL,
    -- As in call_step: `key 1`, `no_input`; `enter` where nothing was asked for.
    what        TEXT NOT NULL,
    -- The step entered next; empty for coming into the step at all, and for what ended the call.
    next        TEXT NOT NULL,
    calls       INTEGER NOT NULL,
    PRIMARY KEY (period, step, what, next)
) STRICT, WITHOUT ROWID;
