-- By when a report is to be sent on and answered. Days, holidays and their sources are the office's own rows.

CREATE TABLE deadline (
    class       TEXT PRIMARY KEY,
    -- Working days until it is sent on to an agency, and until it is answered.
    verify      INTEGER NOT NULL CHECK (verify BETWEEN 0 AND 1000),
    finish      INTEGER NOT NULL CHECK (finish BETWEEN 0 AND 1000),
    source      TEXT NOT NULL
) STRICT;

-- National holidays and collective leave, as YYYY-MM-DD.
CREATE TABLE holiday (
    date        TEXT PRIMARY KEY,
    name        TEXT NOT NULL,
    source      TEXT NOT NULL
) STRICT;

-- Since when the clocks run: of the whole, and of the call centre's desk.
ALTER TABLE ticket ADD COLUMN since INTEGER NOT NULL DEFAULT 0;
ALTER TABLE ticket ADD COLUMN desk INTEGER NOT NULL DEFAULT 0;
UPDATE ticket SET since = opened, desk = opened;
-- By when something must happen; NULL where nobody waits for the office.
ALTER TABLE ticket ADD COLUMN due INTEGER;
CREATE INDEX ticket_due ON ticket (due, id, agency, class, channel, status) WHERE due IS NOT NULL;
CREATE INDEX ticket_due_agency ON ticket (agency, due, id, class, channel, status) WHERE due IS NOT NULL;
