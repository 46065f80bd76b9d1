-- A recording that is written down a second time waits behind those that nobody has read yet.

ALTER TABLE job ADD COLUMN again INTEGER NOT NULL DEFAULT 0 CHECK (again IN (0, 1));
UPDATE job SET again = 1 WHERE kind = 'transcribe' AND state <> 'done'
    AND EXISTS (SELECT 1 FROM transcript WHERE recording = job.subject);
-- The next job is the first in here that is due.
CREATE INDEX job_next ON job (kind, state, again, attempts, due);
-- When the newest was made: one that is made again keeps its number.
CREATE INDEX transcript_made ON transcript (made);
