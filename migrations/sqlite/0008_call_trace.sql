-- What was said by SIP in each call, for the technician, and when the caller was first heard.

CREATE TABLE call_trace (
    call        INTEGER PRIMARY KEY REFERENCES call (id),
    at          INTEGER NOT NULL,
    -- Messages that there was no room for.
    left_out    INTEGER NOT NULL,
    -- A list of {at, from_caller, peer, transport, text}, as JSON: without passwords and typed keys.
    messages    TEXT NOT NULL
) STRICT;
CREATE INDEX call_trace_at ON call_trace (at);

ALTER TABLE call ADD COLUMN first_audio INTEGER;

-- Lists of calls by what became of them.
CREATE INDEX call_missed ON call (id) WHERE answered IS NULL AND ended IS NOT NULL;
CREATE INDEX call_ended_by ON call (ended_by, id);
