-- Recordings that somebody should hear: what an engine wrote down says little about them, or may be wrong.

-- The engine was unsure of a segment that nobody has mended, heard nobody, understood nothing, or gave up.
ALTER TABLE recording ADD COLUMN doubt INTEGER NOT NULL DEFAULT 0 CHECK (doubt IN (0, 1));
-- When somebody said that they had heard it.
ALTER TABLE recording ADD COLUMN heard INTEGER;
-- Whether one of its recordings is doubtful, and nobody has heard it.
ALTER TABLE ticket ADD COLUMN unheard INTEGER NOT NULL DEFAULT 0 CHECK (unheard IN (0, 1));

UPDATE recording SET doubt = 1 WHERE id IN (
    SELECT recording FROM transcript WHERE outcome <> 'words'
    UNION SELECT t.recording FROM transcript t JOIN transcript_segment s ON s.transcript = t.id
        WHERE s.doubtful = 1 AND NOT EXISTS (SELECT 1 FROM segment_mend m
            WHERE m.recording = t.recording AND m.position = s.position AND m.heard = s.text)
    UNION SELECT subject FROM job WHERE kind = 'transcribe' AND state = 'failed');
UPDATE ticket SET unheard = 1 WHERE id IN (
    SELECT x.ticket FROM ticket_recording x JOIN recording r ON r.id = x.recording 
    WHERE r.doubt = 1 AND r.state = 'kept' AND r.replaced = 0);
CREATE INDEX ticket_unheard ON ticket (opened, id, agency, class, channel, status)
    WHERE unheard = 1 AND status NOT IN ('selesai', 'diarsipkan', 'ditolak', 'digabung', 'diteruskan_luar');
