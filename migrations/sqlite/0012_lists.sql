-- Lists of a database that has grown for years: each queue and each filter walks through an index in the order of its
-- page, and what else is asked for is looked at there, without going to the tickets.

-- The queue that it waits in, if any: the call centre's or its agency's. Few tickets wait, however many there are.
ALTER TABLE ticket ADD COLUMN queue TEXT GENERATED ALWAYS AS (CASE
    WHEN status IN ('diterima', 'verifikasi', 'dikembalikan', 'dibuka_kembali') THEN 'baru'
    WHEN status IN ('didisposisi', 'ditindaklanjuti') THEN 'opd' END) VIRTUAL;
CREATE INDEX ticket_queue ON ticket (queue, opened, id, agency, class, channel, status) WHERE queue IS NOT NULL;
CREATE INDEX ticket_queue_agency ON ticket (queue, agency, opened, id, class, channel, status) WHERE queue IS NOT NULL;
CREATE INDEX ticket_mine ON ticket (assignee, opened, id, agency, class, channel, status)
    WHERE status NOT IN ('selesai', 'diarsipkan', 'ditolak', 'digabung', 'diteruskan_luar');
DROP INDEX ticket_assignee;

-- All tickets, by what is asked for.
DROP INDEX ticket_agency;
CREATE INDEX ticket_agency ON ticket (agency, opened, id, class, channel, status) WHERE agency IS NOT NULL;
DROP INDEX ticket_status;
CREATE INDEX ticket_status ON ticket (status, opened, id, agency, class, channel);
CREATE INDEX ticket_class ON ticket (class, opened, id, agency, channel, status);
CREATE INDEX ticket_channel ON ticket (channel, opened, id, agency, class, status);

-- Pieces that wait for others, without the pieces of years.
DROP INDEX sms_part_waiting;
CREATE INDEX sms_part_waiting ON sms_part (whole, received) WHERE taken = 0;

-- Recordings that no ticket has yet: kept ones among them are words that wait for theirs.
ALTER TABLE recording ADD COLUMN loose INTEGER NOT NULL DEFAULT 1 CHECK (loose IN (0, 1));
UPDATE recording SET loose = 0 WHERE id IN (SELECT recording FROM ticket_recording);
DROP INDEX recording_state;
CREATE INDEX recording_loose ON recording (state, replaced) WHERE loose = 1;
CREATE INDEX recording_failed ON recording (id) WHERE state = 'failed';
CREATE TRIGGER recording_is_attached AFTER INSERT ON ticket_recording
    BEGIN UPDATE recording SET loose = 0 WHERE id = new.recording; END;

-- SQLite only: the words that the search knows.
CREATE VIRTUAL TABLE search_word USING fts5vocab('search', 'instance');
