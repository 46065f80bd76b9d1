//! Every statement, once. `$1` is understood by SQLite and Postgres alike; a test prepares each of them.

/// Defines a constant for each statement, and `ALL` of them with their names.
macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident = $text:expr;)*) => {
        $($(#[$doc])* pub(in crate::store) const $name: &str = $text;)*
        #[cfg(test)]
        pub(in crate::store) const ALL: &[(&str, &str)] = &[$((stringify!($name), $name)),*];
    };
}

/// Tickets by what stands in one of their columns, as hits of the first rank.
macro_rules! found_tickets {
    ($column:literal, $wanted:literal) => {
        concat!(
            "SELECT * FROM (SELECT 0 AS rank, t.id AS key, t.id, t.code, t.status, t.class, t.channel, t.anonymous, t.confidential,
                t.agency, a.name AS agency_name, c.name AS category_name, t.place, w.login AS assignee,
                w.name AS assignee_name, t.opened, t.updated, t.due, t.version, (t.unheard = 1) AS unheard,
                'ticket' AS source, t.id AS subject, NULL AS kind, t.opened AS at, COALESCE(
                    (SELECT body FROM message WHERE id = (SELECT MIN(id) FROM message WHERE ticket = t.id)),
                    (SELECT text FROM transcript WHERE recording =
                        (SELECT MIN(recording) FROM ticket_recording WHERE ticket = t.id)), '') AS excerpt, FALSE AS passed
            FROM ticket t LEFT JOIN agency a ON a.id = t.agency LEFT JOIN category c ON c.id = t.category
                LEFT JOIN staff w ON w.id = t.assignee
            WHERE t.", $column, " = ", $wanted, " AND t.id < $8 AND ($12 IS NULL OR t.agency = $12)
            ORDER BY t.id DESC LIMIT $11)"
        )
    };
}

/// Texts by a full-text index, of which so many are looked at, and behind them the last of those.
macro_rules! found_texts {
    ($rank:literal, $index:literal, $wanted:expr, $before:literal) => {
        concat!(
            found_texts!($rank, $index, $wanted, $before, "TRUE", "LIMIT $13", "$12 IS NULL OR t.agency = $12", "FALSE"),
            " UNION ALL ",
            found_texts!($rank, $index, $wanted, $before, "$12 IS NOT NULL", "LIMIT 1 OFFSET $13 - 1", "TRUE", "TRUE")
        )
    };
    ($rank:literal, $index:literal, $wanted:expr, $before:literal, $when:literal, $looked_at:literal, $whose:literal,
        $passed:literal) => {
        concat!(
            "SELECT * FROM (SELECT ", $rank, " AS rank, p.key, t.id, t.code, t.status, t.class, t.channel, t.anonymous,
                t.confidential, t.agency, a.name AS agency_name, c.name AS category_name, t.place, w.login AS assignee,
                w.name AS assignee_name, t.opened, t.updated, t.due, t.version, (t.unheard = 1) AS unheard,
                s.source, s.subject, m.kind, s.at, s.body AS excerpt, ", $passed, " AS passed
            FROM (SELECT rowid AS key FROM ", $index, " WHERE ", $index, " MATCH ", $wanted, " AND rowid < ", $before, "
                    AND ", $when, " ORDER BY rowid DESC ", $looked_at, ") AS p
                CROSS JOIN search s ON s.rowid = p.key CROSS JOIN ticket t ON t.id = s.ticket
                LEFT JOIN message m ON s.source = 'message' AND m.id = s.subject
                LEFT JOIN agency a ON a.id = t.agency LEFT JOIN category c ON c.id = t.category
                LEFT JOIN staff w ON w.id = t.assignee
            WHERE ", $whose, " ORDER BY p.key DESC LIMIT $11)"
        )
    };
}

/// An expression of the search with the words that its unfinished one may become, known as `ending`.
macro_rules! with_endings {
    ($expression:literal) => {
        concat!(
            "replace(replace(",
            $expression,
            ", char(57345), (SELECT first FROM ending)), char(57346),
                (SELECT every FROM ending))"
        )
    };
}

/// Recordings of a ticket with what was written down of them, a row for each `$line` of it.
macro_rules! spoken {
    ($line:literal, $from:literal) => {
        concat!(
            "SELECT r.id, r.call, r.slot, r.file, r.started, r.ended, r.state, r.duration_ms, r.speech_ms, r.ended_by,
                r.replaced, (r.doubt = 1 AND r.heard IS NULL) AS unheard,
                t.engine, t.model, t.outcome, t.duration_ms AS transcript_ms, t.made, t.cpu_ms, ", $line, "
            FROM ticket_recording x JOIN recording r ON r.id = x.recording
                LEFT JOIN transcript t ON t.recording = r.id ", $from, " WHERE x.ticket = $1"
        )
    };
}

/// Queues jobs to be done again, with all attempts; $2 is now.
macro_rules! redo {
    ($which:literal) => {
        concat!(
            "UPDATE job SET state = 'queued', attempts = 0, queued = $2, due = $2, ended = NULL, last_error = NULL,
                again = EXISTS (SELECT 1 FROM transcript WHERE recording = job.subject)
            WHERE kind = 'transcribe' AND state <> 'leased' AND ",
            $which
        )
    };
}

pub(super) mod deadlines;
pub(super) mod lists;
pub(super) mod menu;
pub(super) mod prompts;
pub(super) mod staff;

/// All of them, for the tests.
#[cfg(test)]
pub(super) fn every() -> impl Iterator<Item = &'static (&'static str, &'static str)> {
    let parts = [ALL, staff::ALL, deadlines::ALL, lists::ALL, menu::ALL, prompts::ALL];
    parts.into_iter().flatten()
}

statements! {
    // The database itself (SQLite).
    BEGIN = "BEGIN IMMEDIATE";
    COMMIT = "COMMIT";
    ROLLBACK = "ROLLBACK";
    SYNCHRONOUS_NORMAL = "PRAGMA synchronous = NORMAL";
    SYNCHRONOUS_FULL = "PRAGMA synchronous = FULL";
    INTEGRITY_CHECK = "PRAGMA integrity_check";
    FOREIGN_KEY_CHECK = "PRAGMA foreign_key_check";

    // Calls.
    NEXT_RUN = "SELECT COALESCE((SELECT run FROM call ORDER BY id DESC LIMIT 1), 0) + 1";
    INSERT_CALL = "INSERT INTO call (run, sip_call_id, trunk, number, asserted, called, started)
        VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id";
    ANSWER_CALL = "UPDATE call SET codec = $2, answered = $3 WHERE id = $1 AND ended IS NULL";
    NOTE_CODEC = "UPDATE call SET codec = $2 WHERE id = $1 AND ended IS NULL";
    END_CALL = "UPDATE call SET ended = $2, end_reason = $3, ended_by = $4, packets_sent = $5,
        packets_received = $6, packets_lost = $7, first_audio = $8, recorded_ms =
            (SELECT CAST(COALESCE(SUM(duration_ms), 0) AS BIGINT) FROM recording WHERE call = $1)
        WHERE id = $1 AND ended IS NULL";
    INSERT_STEP = "INSERT INTO call_step (call, at, step, what) VALUES ($1, $2, $3, $4)";
    STEPS_OF_CALL = "SELECT at, step, what FROM call_step WHERE call = $1 ORDER BY id";
    CALL = "SELECT id, sip_call_id, trunk, number, asserted, called, started, answered, ended, end_reason,
        ended_by, codec, packets_sent, packets_received, packets_lost, first_audio, recorded_ms, ticket
        FROM call WHERE id = $1";
    /// With its ticket's code and its SIP messages.
    CALL_TRACED = "SELECT c.id, c.sip_call_id, c.trunk, c.number, c.asserted, c.called, c.started, c.answered, c.ended,
        c.end_reason, c.ended_by, c.codec, c.packets_sent, c.packets_received, c.packets_lost, c.first_audio, c.recorded_ms,
        c.ticket, t.code, r.left_out, r.messages
        FROM call c LEFT JOIN ticket t ON t.id = c.ticket LEFT JOIN call_trace r ON r.call = c.id WHERE c.id = $1";
    /// One row without a step for a call that has none.
    PATH_OF_CALL = "SELECT c.started, c.end_reason, s.at, s.step, s.what
        FROM call c LEFT JOIN call_step s ON s.call = c.id WHERE c.id = $1 ORDER BY s.id";
    CALLS_RECENT = "SELECT id, sip_call_id, trunk, number, asserted, called, started, answered, ended, end_reason,
        ended_by, codec, packets_sent, packets_received, packets_lost, first_audio, recorded_ms, ticket
        FROM call ORDER BY id DESC LIMIT $1";
    INSERT_TRACE = "INSERT INTO call_trace (call, at, left_out, messages) VALUES ($1, $2, $3, $4)";
    TRACE_OF_CALL = "SELECT left_out, messages FROM call_trace WHERE call = $1";
    DELETE_TRACES = "DELETE FROM call_trace WHERE call IN
        (SELECT call FROM call_trace WHERE at < $1 ORDER BY at LIMIT $2)";
    CALLS_UNFINISHED = "SELECT id, started, answered, number, asserted, ticket FROM call
        WHERE ended IS NULL AND run < $1 ORDER BY run, id";

    // Recordings.
    INSERT_RECORDING = "INSERT INTO recording (call, slot, file, started, state)
        SELECT id, $2, $3, $4, 'open' FROM call WHERE id = $1 AND ended IS NULL RETURNING id";
    END_RECORDING = "UPDATE recording SET ended = $2, state = $3, ended_by = $4, duration_ms = $5, speech_ms = $6
        WHERE id = $1 AND ended IS NULL";
    REPLACE_EARLIER_RECORDINGS = "UPDATE recording SET replaced = TRUE
        WHERE id < $1 AND call = (SELECT call FROM recording WHERE id = $1)
          AND slot = (SELECT slot FROM recording WHERE id = $1)
          AND id NOT IN (SELECT recording FROM ticket_recording)";
    RECORDINGS_OF_CALL = "SELECT id, call, slot, file, started, ended, state, duration_ms, speech_ms, ended_by, replaced,
        (doubt = 1 AND heard IS NULL) AS unheard
        FROM recording WHERE call = $1 ORDER BY id";
    /// Each segment, then each mend, both in their order. A recording without a transcript, and a transcript without a
    /// segment, have one row and no position in it.
    SPOKEN_OF_TICKET = concat!(
        spoken!("0 AS mend, s.position, s.start_ms, s.end_ms, s.text, s.confidence, s.doubtful, s.words,
                NULL AS heard, NULL AS by, NULL AS at",
            "LEFT JOIN transcript_segment s ON s.transcript = t.id"),
        " UNION ALL ",
        spoken!("m.id, m.position, NULL, NULL, m.text, NULL, NULL, NULL, m.heard, w.login, m.at",
            "JOIN segment_mend m ON m.recording = r.id JOIN staff w ON w.id = m.staff"),
        " ORDER BY 1, mend, position"
    );
    RECORDING = "SELECT id, call, slot, file, started, ended, state, duration_ms, speech_ms, ended_by, replaced,
        (doubt = 1 AND heard IS NULL) AS unheard
        FROM recording WHERE id = $1";
    RECORDING_OF_TICKET = "SELECT r.id, r.call, r.slot, r.file, r.started, r.ended, r.state, r.duration_ms, r.speech_ms,
        r.ended_by, r.replaced, (r.doubt = 1 AND r.heard IS NULL) AS unheard
        FROM recording r JOIN ticket_recording t ON t.recording = r.id WHERE r.id = $1 AND t.ticket = $2";
    OPEN_RECORDINGS_OF_CALL = "SELECT id, call, slot, file, started, ended, state, duration_ms, speech_ms, ended_by, replaced,
        (doubt = 1 AND heard IS NULL) AS unheard
        FROM recording WHERE call = $1 AND ended IS NULL ORDER BY id";
    RECORDINGS_LEFT_OPEN = "SELECT r.id, r.call, r.slot, r.file, r.started, r.ended, r.state, r.duration_ms, r.speech_ms,
        r.ended_by, r.replaced, (r.doubt = 1 AND r.heard IS NULL) AS unheard, c.ticket
        FROM recording r JOIN call c ON c.id = r.call
        WHERE r.id IN (SELECT id FROM recording WHERE ended IS NULL) AND c.ended < $1 ORDER BY r.id";
    FAIL_OPEN_RECORDINGS = "UPDATE recording SET ended = $2, state = 'failed', ended_by = 'crash'
        WHERE call = $1 AND ended IS NULL";
    STORIES_WITHOUT_TICKET = "SELECT r.id, r.slot, r.file, r.duration_ms, r.speech_ms, r.call, c.number, c.asserted, c.ticket
        FROM recording r JOIN call c ON c.id = r.call
        WHERE r.loose = 1 AND r.state = 'kept' AND NOT r.replaced AND c.ended IS NOT NULL AND (c.ended < $1 OR c.run < $2)
          AND NOT EXISTS (SELECT 1 FROM ticket_recording t WHERE t.recording = r.id)
        ORDER BY r.id";

    // Tickets.
    TICKET_OF_RECORDING = "SELECT t.id, t.code, t.status, t.class, t.channel, t.opened, t.call
        FROM ticket t JOIN ticket_recording r ON r.ticket = t.id WHERE r.recording = $1";
    INSERT_TICKET = "INSERT INTO ticket (code, status, class, channel, number, asserted, anonymous, confidential,
            opened, updated, call)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9, $10) ON CONFLICT (code) DO NOTHING RETURNING id";
    ATTACH_RECORDING = "INSERT INTO ticket_recording (recording, ticket)
        SELECT id, $2 FROM recording WHERE id = $1 AND (call = $3 OR $3 IS NULL)
        ON CONFLICT (recording) DO NOTHING";
    REPLACE_UNSENT_RECORDINGS = "UPDATE recording SET replaced = TRUE
        WHERE call = $1 AND state = 'kept' AND id NOT IN (SELECT recording FROM ticket_recording)";
    IS_ATTACHED = "SELECT COUNT(*) FROM ticket_recording WHERE recording = $1 AND ticket = $2";
    TICKET_OF_CALL = "UPDATE call SET ticket = $2 WHERE id = $1 AND ticket IS NULL";
    INSERT_EVENT = "INSERT INTO ticket_event (ticket, at, actor, what, from_status, to_status)
        VALUES ($1, $2, $3, $4, $5, $6)";
    INSERT_MESSAGE = "INSERT INTO message (ticket, kind, body, at) VALUES ($1, $2, $3, $4) RETURNING id";
    TOUCH_TICKET = "UPDATE ticket SET updated = $2, anonymous = COALESCE($3, anonymous),
        confidential = COALESCE($4, confidential) WHERE id = $1 RETURNING status";
    TICKET_BY_CODE = "SELECT t.due, t.id, t.code, t.status, t.class, t.channel, t.number, t.asserted, t.anonymous, t.confidential,
        t.agency, a.name AS agency_name, t.category, t.opened, t.updated, t.call,
        t.version, t.place, s.login AS assignee, s.name AS assignee_name, t.pin_hash IS NOT NULL AS locked, p.code AS parent
        FROM ticket t LEFT JOIN agency a ON a.id = t.agency LEFT JOIN staff s ON s.id = t.assignee
            LEFT JOIN ticket p ON p.id = t.parent
        WHERE t.code = $1";
    TICKET_SCOPE = "SELECT id, code, agency, anonymous FROM ticket WHERE code = $1";
    TICKET_FACTS = "SELECT t.status, t.opened, t.updated, t.agency, t.number, t.confidential,
        EXISTS (SELECT 1 FROM message m WHERE m.ticket = t.id AND m.kind = 'answer') AS answered,
        t.pin_hash IS NOT NULL AS locked
        FROM ticket t WHERE t.code = $1";
    LOCK_TICKET = "UPDATE ticket SET pin_hash = $2 WHERE id = $1";
    LOCK_OF_TICKET = "SELECT id, pin_hash FROM ticket WHERE code = $1 AND pin_hash IS NOT NULL";
    WRONG_PINS = "SELECT count(*) FROM pin_try WHERE ticket = $1 AND at > $2";
    INSERT_PIN_TRY = "INSERT INTO pin_try (ticket, at) VALUES ($1, $2)";
    EVENTS_OF_TICKET = "SELECT at, actor, what, from_status, to_status, note FROM ticket_event
        WHERE ticket = $1 ORDER BY id";
    MESSAGES_OF_TICKET = "SELECT kind, body, at FROM message WHERE ticket = $1 ORDER BY id";

    // Tries. Sums of weights; the sub-select bounds the work when somebody floods.
    INSERT_TRY = "INSERT INTO lookup_try (call, number, asserted, outcome, weight, at)
        VALUES ($1, $2, $3, $4, $5, $6)";
    TRIES_IN_CALL = "SELECT CAST(COALESCE(SUM(weight), 0) AS BIGINT) FROM lookup_try WHERE call = $1 AND weight > 0";
    TRIES_FROM_NUMBER = "SELECT CAST(COALESCE(SUM(weight), 0) AS BIGINT) FROM lookup_try
        WHERE number = $1 AND at > $2 AND weight > 0";
    TRIES_WITHHELD = "SELECT CAST(COALESCE(SUM(weight), 0) AS BIGINT) FROM lookup_try
        WHERE number IS NULL AND at > $1 AND weight > 0";
    TRIES_UNVOUCHED = "SELECT CAST(COALESCE(SUM(weight), 0) AS BIGINT) FROM lookup_try
        WHERE asserted = FALSE AND at > $1 AND weight > 0";
    TRIES_OF_ALL = "SELECT CAST(COALESCE(SUM(weight), 0) AS BIGINT) FROM
        (SELECT weight FROM lookup_try WHERE at > $1 AND weight > 0 ORDER BY at DESC LIMIT $2) AS latest";

    // Jobs. A lease is told from an earlier one of the same job by worker and attempt.
    QUEUE_JOB = "INSERT INTO job (kind, subject, state, queued, due) VALUES ($1, $2, 'queued', $3, $3)
        ON CONFLICT (kind, subject) DO NOTHING";
    GIVE_UP_JOBS = "UPDATE job SET state = 'failed', worker = NULL, lease_until = NULL, ended = $2, last_error = $4
        WHERE kind = $1 AND state = 'leased' AND lease_until <= $2 AND attempts >= $3 RETURNING subject";
    /// What nobody has read yet comes before what is only written better. Then the least tried: a job that kills the
    /// program must not stand before all others at each start.
    LEASE_JOB = "UPDATE job SET state = 'leased', attempts = attempts + 1, worker = $3, lease_until = $4
        WHERE id = (SELECT id FROM (
            SELECT id, again, attempts, due FROM (SELECT id, again, attempts, due FROM job
                WHERE kind = $1 AND state = 'queued' AND due <= $2 ORDER BY again, attempts, due LIMIT 1) AS first
            UNION ALL SELECT id, again, attempts, due FROM job
                WHERE kind = $1 AND state = 'leased' AND lease_until <= $2) AS next
            ORDER BY again, attempts, due, id LIMIT 1)
          AND (state = 'queued' OR lease_until <= $2)
        RETURNING id, kind, subject, attempts, worker";
    EXTEND_LEASE = "UPDATE job SET lease_until = $4
        WHERE id = $1 AND worker = $2 AND attempts = $3 AND state = 'leased'";
    FINISH_JOB = "UPDATE job SET state = 'done', worker = NULL, lease_until = NULL, last_error = NULL, ended = $4
        WHERE id = $1 AND worker = $2 AND attempts = $3 AND state = 'leased'";
    RETRY_JOB = "UPDATE job SET state = 'queued', worker = NULL, lease_until = NULL, last_error = $4, due = $5
        WHERE id = $1 AND worker = $2 AND attempts = $3 AND state = 'leased'";
    FAIL_JOB = "UPDATE job SET state = 'failed', worker = NULL, lease_until = NULL, last_error = $4, ended = $5
        WHERE id = $1 AND worker = $2 AND attempts = $3 AND state = 'leased'";
    RELEASE_JOB = "UPDATE job SET state = 'queued', attempts = attempts - 1, worker = NULL, lease_until = NULL
        WHERE id = $1 AND worker = $2 AND attempts = $3 AND state = 'leased'";
    JOBS_DUE = "SELECT COUNT(*) FROM job
        WHERE kind = $1 AND ((state = 'queued' AND due <= $2) OR (state = 'leased' AND lease_until <= $2))";
    NEWEST_FAILURE = "SELECT j.subject, j.last_error AS reason, j.ended AS at, t.code
        FROM job j LEFT JOIN ticket_recording r ON r.recording = j.subject LEFT JOIN ticket t ON t.id = r.ticket
        WHERE j.kind = $1 AND j.state = 'failed' ORDER BY j.ended DESC, j.id DESC LIMIT 1";
    REDO_RECORDING = redo!("subject = $1");
    REDO_TICKET = redo!("subject IN
            (SELECT r.recording FROM ticket_recording r JOIN ticket t ON t.id = r.ticket WHERE t.code = $1)");
    /// All of them, or those in one state. Those with mends only by name: what a person heard is worth more than what a
    /// better engine hears.
    REDO_ALL = redo!("(state = $1 OR $1 IS NULL)
            AND NOT EXISTS (SELECT 1 FROM segment_mend WHERE recording = job.subject)");
    REDO_LEFT_OUT = "SELECT COUNT(*) FROM job WHERE kind = 'transcribe' AND state <> 'leased'
        AND (state = $1 OR $1 IS NULL) AND EXISTS (SELECT 1 FROM segment_mend WHERE recording = job.subject)";

    // Transcripts.
    PUT_TRANSCRIPT = "INSERT INTO transcript (recording, engine, model, outcome, text, duration_ms, made, cpu_ms)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        ON CONFLICT (recording) DO UPDATE SET engine = excluded.engine, model = excluded.model,
            outcome = excluded.outcome, text = excluded.text, duration_ms = excluded.duration_ms,
            made = excluded.made, cpu_ms = excluded.cpu_ms
        RETURNING id";
    DELETE_SEGMENTS = "DELETE FROM transcript_segment WHERE transcript = $1";
    INSERT_SEGMENT = "INSERT INTO transcript_segment
            (transcript, position, start_ms, end_ms, text, confidence, doubtful, words)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    TRANSCRIPT = "SELECT id, recording, engine, model, outcome, duration_ms, made, cpu_ms
        FROM transcript WHERE recording = $1";
    SEGMENTS = "SELECT start_ms, end_ms, text, confidence, doubtful, words FROM transcript_segment
        WHERE transcript = $1 ORDER BY position";

    // Search. SQLite's: `search` is a full-text table, `search_word` its words, and MATCH its language.
    /// The ranks one after another, as far as there is room: SQLite begins a part of UNION ALL when it is reached.
    ///
    /// Looked for: $1 a code, $2 a number, $3 a pair of words, $4 words as typed, $5 words in other forms; in the last two
    /// the word that begins with $6 (all such words stand before $7) may become $14 others. Behind $8 for tickets, $9 for texts
    /// as typed, $10 for other forms. $11 hits, $12 for this agency, among the next $13 texts of each rank, whoever's.
    FIND = concat!(
        "WITH RECURSIVE found (word, n) AS (
            SELECT (SELECT term FROM search_word WHERE term >= $6 LIMIT 1), 1 WHERE $6 IS NOT NULL
            UNION ALL SELECT (SELECT term FROM search_word WHERE term >= word || ' ' LIMIT 1), n + 1
                FROM found WHERE word < $7 AND n <= $14),
        known (word, n) AS MATERIALIZED (SELECT '\"' || word || '\"', n FROM found WHERE word < $7
                -- A text may hold what the words are put in place of.
                AND instr(word, char(57345)) = 0 AND instr(word, char(57346)) = 0),
        listed (words, more) AS MATERIALIZED (SELECT '(' || group_concat(word, ' OR ') || ')',
            (SELECT MAX(n) FROM known) > $14 FROM known WHERE n <= $14),
        ending (first, every) AS MATERIALIZED (SELECT COALESCE(words, '\"' || $6 || '\" *', ''),
            COALESCE(CASE WHEN more THEN NULL ELSE words END, '\"' || $6 || '\" *', '') FROM listed)
        ",
        found_tickets!("code", "$1"), " UNION ALL ",
        found_tickets!("number", "$2"), " UNION ALL ",
        found_texts!("1", "search_pair", "$3", "$9"), " UNION ALL ",
        found_texts!("1", "search", with_endings!("$4"), "$9"), " UNION ALL ",
        found_texts!("2", "search", with_endings!("$5"), "$10"),
        " LIMIT $11"
    );
    PUT_TEXT = "INSERT OR REPLACE INTO search (rowid, stems, body, ticket, source, subject, at)
        VALUES ($1, $2, $3, $4, $5, $6, $7)";
    DROP_TEXT = "DELETE FROM search WHERE rowid = $1";
    PUT_PAIRS = "INSERT OR REPLACE INTO search_pair (rowid, pairs) VALUES ($1, $2)";
    DROP_PAIRS = "DELETE FROM search_pair WHERE rowid = $1";
    TEXTS_TO_PAIR = "SELECT rowid, body FROM search WHERE rowid > $1 ORDER BY rowid LIMIT $2";
    TICKET_AND_TIME = "SELECT t.ticket, r.started FROM ticket_recording t JOIN recording r ON r.id = t.recording
        WHERE t.recording = $1";
    TRANSCRIPTS_TO_INDEX = "SELECT x.id, r.id, t.ticket, r.started, x.text
        FROM transcript x JOIN recording r ON r.id = x.recording JOIN ticket_recording t ON t.recording = r.id
        WHERE x.id > $1 ORDER BY x.id LIMIT $2";
    MESSAGES_TO_INDEX = "SELECT id, id, ticket, at, body FROM message WHERE id > $1 ORDER BY id LIMIT $2";
    PLACES_TO_INDEX = "SELECT id, id, id, opened, place FROM ticket
        WHERE id > $1 AND place IS NOT NULL ORDER BY id LIMIT $2";

    // Short messages that came.
    SMS_KNOWN = "SELECT id FROM sms_in WHERE gateway = $1 AND external_id = $2";
    SMS_LIKE = "SELECT ticket FROM sms_in WHERE fingerprint = $1 AND received > $2 ORDER BY id LIMIT 1";
    INSERT_SMS = "INSERT INTO sms_in (gateway, external_id, sender, number, recipient, body, sent, received, fingerprint,
            outcome, ticket)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) RETURNING id";
    ANSWER_OF_TICKET = "SELECT t.id AS ticket, a.name AS agency, (SELECT body FROM message WHERE ticket = t.id
            AND kind = 'answer' ORDER BY id DESC LIMIT 1) AS answer
        FROM ticket t LEFT JOIN agency a ON a.id = t.agency WHERE t.code = $1";
    PART_KNOWN = "SELECT whole FROM sms_part WHERE gateway = $1 AND external_id = $2";
    PART_OPEN_WHOLE = "SELECT p.whole FROM sms_part p WHERE p.gateway = $1 AND p.sender = $2 AND p.reference = $3
            AND p.parts = $4 AND p.received > $5 AND p.taken = 0
            AND NOT EXISTS (SELECT 1 FROM sms_part q WHERE q.whole = p.whole AND q.number = $6)
        ORDER BY p.id DESC LIMIT 1";
    INSERT_PART = "INSERT INTO sms_part (gateway, external_id, sender, recipient, reference, number, parts, body, sent,
            received, whole)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) RETURNING id";
    PART_BEGINS_WHOLE = "UPDATE sms_part SET whole = id WHERE id = $1";
    PARTS_OF_WHOLE = "SELECT gateway, external_id, sender, recipient, number, parts, body, sent, received FROM sms_part
        WHERE whole = $1 ORDER BY number, id";
    PARTS_TAKEN = "UPDATE sms_part SET taken = 1 WHERE whole = $1";
    PARTS_STALE = "SELECT whole FROM sms_part WHERE taken = 0 GROUP BY whole
        HAVING MAX(received) < $1 ORDER BY whole LIMIT $2";
    STOP_SMS = "INSERT INTO sms_stop (number, since) SELECT $1, $2 WHERE $1 IS NOT NULL ON CONFLICT (number) DO NOTHING";
    START_SMS = "DELETE FROM sms_stop WHERE number = $1";
    SMS_STOPPED = "SELECT COUNT(*) FROM sms_stop WHERE number = $1";

    SMS_RECEIVED = "SELECT i.gateway, i.external_id, i.sender, i.body, i.received, i.outcome, t.code
        FROM sms_in i LEFT JOIN ticket t ON t.id = i.ticket ORDER BY i.id DESC LIMIT $1";

    // Short messages that go.
    SMS_ANSWERS_SINCE = "SELECT COUNT(*) AS answers, MAX(due) AS newest FROM sms_out
        WHERE number = $1 AND queued > $2 AND answers IS NOT NULL";
    QUEUE_SMS = "INSERT INTO sms_out (reference, gateway, number, body, parts, kind, answers, ticket, state, queued, due)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'queued', $9, $10) ON CONFLICT DO NOTHING RETURNING id";
    LEASE_SMS = "UPDATE sms_out SET state = 'sending', attempts = attempts + 1, lease_until = $3
        WHERE id = (SELECT id FROM sms_out WHERE gateway = $1 AND state = 'queued' AND due <= $2
            ORDER BY due, id LIMIT 1)
        RETURNING id, reference, number, body, attempts, queued";
    SMS_ACCEPTED = "UPDATE sms_out SET state = CASE state WHEN 'sending' THEN 'accepted' ELSE state END,
            accepted = COALESCE(accepted, $3), gateway_id = $4, last_error = NULL
        WHERE id = $1 AND attempts = $2";
    SMS_LATER = "UPDATE sms_out SET state = 'queued', due = $3, last_error = $4
        WHERE id = $1 AND attempts = $2 AND state = 'sending'";
    SMS_SETTLED = "UPDATE sms_out SET state = $5, settled = $3, last_error = $4
        WHERE id = $1 AND attempts = $2 AND state = 'sending'";
    SMS_LEASES_OVER = "UPDATE sms_out SET state = $3, last_error = $4
        WHERE gateway = $1 AND state = 'sending' AND lease_until < $2";
    SMS_REPORTED = "UPDATE sms_out SET state = $3, last_error = $4, accepted = COALESCE(accepted, $5),
            settled = CASE WHEN $3 IN ('delivered', 'failed') THEN $5 END
        WHERE id = (SELECT id FROM sms_out WHERE reference = $2 AND gateway = $1
                UNION ALL SELECT id FROM sms_out WHERE gateway = $1 AND gateway_id = $2 LIMIT 1)
            AND (state IN ('queued', 'sending', 'unsure') OR (state = 'accepted' AND $3 <> 'accepted')
                OR (state = 'sent' AND $3 IN ('delivered', 'failed')))";
    SMS_NEXT_DUE = "SELECT MIN(due) FROM sms_out WHERE gateway = $1 AND state = 'queued'";
    SMS_CODES_TO_TELL = "SELECT t.id, t.code, t.number, c.ended FROM call c JOIN ticket t ON t.id = c.ticket
        WHERE c.ended > $1 AND c.ticket IS NOT NULL AND c.trunk IS NOT NULL AND t.number LIKE '+628%'
            AND t.channel = 'phone'
            AND NOT EXISTS (SELECT 1 FROM sms_out o WHERE o.ticket = t.id AND o.kind = 'code')
            AND NOT EXISTS (SELECT 1 FROM sms_stop s WHERE s.number = t.number)
        ORDER BY c.ended LIMIT $2";
    SMS_LIST = "SELECT o.id, o.reference, o.gateway, o.number, o.body, o.parts, o.kind, t.code, o.state, o.attempts,
            o.queued, o.due, o.accepted, o.settled, o.last_error
        FROM sms_out o LEFT JOIN ticket t ON t.id = o.ticket
        WHERE o.state = $1 OR $1 IS NULL ORDER BY o.id DESC LIMIT $2";
    SMS_OF_TICKET = "SELECT o.id, o.reference, o.gateway, o.number, o.body, o.parts, o.kind, t.code, o.state, o.attempts,
            o.queued, o.due, o.accepted, o.settled, o.last_error
        FROM sms_out o JOIN ticket t ON t.id = o.ticket WHERE o.ticket = $1 ORDER BY o.id";
    SMS_AGAIN = "UPDATE sms_out SET state = 'queued', due = $2, queued = $2, settled = NULL, last_error = NULL
        WHERE id = $1 AND state IN ('failed', 'unsure', 'queued')";
    SMS_COUNTS = "SELECT (SELECT COUNT(*) FROM sms_out WHERE state = 'queued') AS queued,
        (SELECT COUNT(*) FROM sms_out WHERE state = 'sending') AS sending,
        (SELECT MIN(queued) FROM sms_out WHERE state = 'queued') AS oldest,
        (SELECT COUNT(*) FROM sms_out WHERE state = 'unsure') AS unsure,
        (SELECT COUNT(*) FROM sms_out WHERE state = 'failed') AS failed,
        (SELECT last_error FROM sms_out WHERE state = 'queued' AND last_error IS NOT NULL ORDER BY id LIMIT 1) AS trouble";
    SMS_SINCE = "SELECT external_id, sender, body, COALESCE(sent, received) AS at FROM sms_in
        WHERE gateway = $1 AND received > $2 ORDER BY id";

    // Seed data and settings.
    PUT_SETTING = "INSERT INTO setting (key, value) VALUES ($1, $2)
        ON CONFLICT (key) DO UPDATE SET value = excluded.value";
    CLAIM_SETTING = "INSERT INTO setting (key, value) VALUES ($1, $2) ON CONFLICT (key) DO NOTHING";
    SETTING = "SELECT value FROM setting WHERE key = $1";
    INSERT_AGENCY = "INSERT INTO agency (id, name, clip) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING";
    INSERT_CATEGORY = "INSERT INTO category (id, name, agency) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING";
    AGENCIES = "SELECT id, name, clip FROM agency ORDER BY name, id";
    CATEGORIES = "SELECT id, name, agency FROM category ORDER BY id";

    // Figures for the doctor.
    ANSWERS = "SELECT EXISTS (SELECT 1 FROM setting)";
    COUNTS = "SELECT (SELECT COUNT(*) FROM call) AS calls,
        (SELECT COUNT(*) FROM call WHERE ended IS NULL) AS calls_open,
        (SELECT COUNT(*) FROM ticket) AS tickets,
        (SELECT COUNT(*) FROM recording) AS recordings,
        (SELECT COUNT(*) FROM recording WHERE ended IS NULL) AS recordings_open,
        (SELECT COUNT(*) FROM recording WHERE state = 'failed') AS recordings_failed,
        (SELECT COUNT(*) FROM job WHERE state = 'queued') AS jobs_queued,
        (SELECT COUNT(*) FROM job WHERE state = 'failed') AS jobs_failed";
}
