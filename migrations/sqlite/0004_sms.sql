-- Short messages. A message is a row before its gateway hears that we have it; an answer is a row in the same commit.

CREATE TABLE sms_in (
    id          INTEGER PRIMARY KEY,
    gateway     TEXT NOT NULL,
    -- The gateway's own name for it.
    external_id TEXT NOT NULL,
    -- As it came, and as tickets have it; NULL for names and noise.
    sender      TEXT NOT NULL,
    number      TEXT,
    recipient   TEXT,
    -- As it came. What a ticket's message holds is tidied.
    body        TEXT NOT NULL,
    -- By the gateway's clock.
    sent        INTEGER,
    received    INTEGER NOT NULL,
    -- The same for the same message under another name; NULL when nothing tells two messages apart but their names.
    fingerprint TEXT,
    -- What was done with it.
    outcome     TEXT NOT NULL,
    ticket      INTEGER REFERENCES ticket (id),
    UNIQUE (gateway, external_id)
) STRICT;
CREATE INDEX sms_in_fingerprint ON sms_in (fingerprint, received) WHERE fingerprint IS NOT NULL;
CREATE INDEX sms_in_gateway ON sms_in (gateway, received);
CREATE INDEX sms_in_ticket ON sms_in (ticket) WHERE ticket IS NOT NULL;

-- Pieces of long messages that no gateway joins, until all are here. Pieces of one message have the same `whole`.
CREATE TABLE sms_part (
    id          INTEGER PRIMARY KEY,
    gateway     TEXT NOT NULL,
    external_id TEXT NOT NULL,
    sender      TEXT NOT NULL,
    recipient   TEXT,
    -- A few bits wide: used again for the sender's next long message.
    reference   TEXT NOT NULL,
    number      INTEGER NOT NULL,
    parts       INTEGER NOT NULL,
    body        TEXT NOT NULL,
    sent        INTEGER,
    received    INTEGER NOT NULL,
    -- The row of the piece that came first; NULL while it is that row being written.
    whole       INTEGER REFERENCES sms_part (id),
    taken       INTEGER NOT NULL DEFAULT 0 CHECK (taken IN (0, 1)),
    UNIQUE (gateway, external_id)
) STRICT;
CREATE INDEX sms_part_sender ON sms_part (gateway, sender, reference, received);
CREATE INDEX sms_part_whole ON sms_part (whole);
CREATE INDEX sms_part_waiting ON sms_part (received) WHERE taken = 0;

CREATE TABLE sms_out (
    id          INTEGER PRIMARY KEY,
    -- Ours; the gateway tells it when it reports.
    reference   TEXT NOT NULL UNIQUE,
    gateway     TEXT NOT NULL,
    number      TEXT NOT NULL,
    body        TEXT NOT NULL,
    -- What the network counts it as.
    parts       INTEGER NOT NULL,
    kind        TEXT NOT NULL,
    -- The message that it answers: each has one answer at most.
    answers     INTEGER UNIQUE REFERENCES sms_in (id),
    ticket      INTEGER REFERENCES ticket (id),
    state       TEXT NOT NULL,
    attempts    INTEGER NOT NULL DEFAULT 0,
    queued      INTEGER NOT NULL,
    -- Not before.
    due         INTEGER NOT NULL,
    lease_until INTEGER,
    -- The gateway took it.
    accepted    INTEGER,
    -- Nothing more will happen to it.
    settled     INTEGER,
    -- The gateway's name for it.
    gateway_id  TEXT,
    last_error  TEXT
) STRICT;
CREATE INDEX sms_out_due ON sms_out (gateway, due) WHERE state = 'queued';
CREATE INDEX sms_out_sending ON sms_out (gateway, lease_until) WHERE state = 'sending';
CREATE INDEX sms_out_number ON sms_out (number, queued);
CREATE INDEX sms_out_state ON sms_out (state, queued);
CREATE INDEX sms_out_ticket ON sms_out (ticket) WHERE ticket IS NOT NULL;
CREATE INDEX sms_out_gateway_id ON sms_out (gateway, gateway_id) WHERE gateway_id IS NOT NULL;
-- The code of a ticket that was opened by telephone is sent once.
CREATE UNIQUE INDEX sms_out_code ON sms_out (ticket) WHERE kind = 'code';

-- Who asked for no more messages.
CREATE TABLE sms_stop (
    number      TEXT PRIMARY KEY,
    since       INTEGER NOT NULL
) STRICT;

-- Calls whose tickets' codes are to be told.
CREATE INDEX call_ended_ticket ON call (ended) WHERE ticket IS NOT NULL;
