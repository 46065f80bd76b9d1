-- The last sign of life of each part that works by itself: the transcription workers, and the sender of each gateway.
CREATE TABLE heartbeat (
    part        TEXT PRIMARY KEY,
    at          INTEGER NOT NULL
) STRICT;
