//! The statements behind the console: people, sessions, audit, work on tickets, mends.

statements! {
    // People.
    INSERT_STAFF = "INSERT INTO staff (login, name, role, agency, password, must_change, made, enrol_until)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (login) DO NOTHING RETURNING id";
    STAFF = "SELECT s.id, s.login, s.name, s.role, s.agency, a.name AS agency_name, s.must_change, s.disabled, s.made,
            s.enrol_until, EXISTS (SELECT 1 FROM second_factor f WHERE f.staff = s.id) AS second_factor
        FROM staff s LEFT JOIN agency a ON a.id = s.agency ORDER BY s.disabled, s.login";
    STAFF_BY_LOGIN = "SELECT s.id, s.login, s.name, s.role, s.agency, a.name AS agency_name, s.must_change, s.disabled,
            s.made, s.enrol_until, EXISTS (SELECT 1 FROM second_factor f WHERE f.staff = s.id) AS second_factor
        FROM staff s LEFT JOIN agency a ON a.id = s.agency WHERE s.login = $1";
    PASSWORD = "SELECT password FROM staff WHERE login = $1 AND NOT disabled";
    ADMIN_EXISTS = "SELECT EXISTS (SELECT 1 FROM staff WHERE role = 'admin')";
    OTHER_ADMINS = "SELECT COUNT(*) FROM staff WHERE role = 'admin' AND NOT disabled AND id <> $1";
    AGENCY_EXISTS = "SELECT EXISTS (SELECT 1 FROM agency WHERE id = $1)";
    AGENCY_NAME = "SELECT name FROM agency WHERE id = $1";
    SET_PASSWORD = "UPDATE staff SET password = $2, must_change = $3 WHERE id = $1";
    OPEN_ENROLMENT = "UPDATE staff SET enrol_until = $2 WHERE id = $1";
    SET_DISABLED = "UPDATE staff SET disabled = $2 WHERE id = $1";
    SET_ROLE = "UPDATE staff SET role = $2, agency = $3 WHERE id = $1";
    FORGET_SETTING = "DELETE FROM setting WHERE key = $1 AND value = $2";

    // Sessions.
    INSERT_SESSION = "INSERT INTO session (token, staff, started, seen, ends, address, stage, secret, browser)
        VALUES ($1, $2, $3, $3, $4, $5, $6, $7, $8)";
    SESSION = "SELECT s.id, s.login, s.name, s.role, s.agency, a.name AS agency_name, s.must_change, n.seen, n.stage,
            n.secret
        FROM session n JOIN staff s ON s.id = n.staff LEFT JOIN agency a ON a.id = s.agency
        WHERE n.token = $1 AND n.ends > $2 AND n.seen > $3 AND NOT s.disabled";
    SEE_SESSION = "UPDATE session SET seen = $2 WHERE token = $1";
    END_SESSION = "DELETE FROM session WHERE token = $1";
    END_SESSIONS_OF = "DELETE FROM session WHERE staff = $1";
    END_OTHER_SESSIONS = "DELETE FROM session WHERE staff = $1 AND token <> $2";
    END_SESSION_OF = "DELETE FROM session WHERE staff = $1 AND token = $2";
    SESSIONS_OF = "SELECT token, started, seen, address, browser FROM session
        WHERE staff = $1 AND stage = 'full' AND ends > $2 AND seen > $3 ORDER BY seen DESC, started DESC";
    END_OLD_SESSIONS = "DELETE FROM session WHERE ends <= $1 OR seen <= $2";

    // Attempts to sign in.
    INSERT_LOGIN_TRY = "INSERT INTO login_try (account, address, at) VALUES ($1, $2, $3)";
    LOGIN_TRIES_HERE = "SELECT COUNT(*), COALESCE(MIN(at), 0) FROM login_try WHERE account = $1 AND address = $2 AND at > $3";
    LOGIN_TRIES_OF_ACCOUNT = "SELECT COUNT(*), COALESCE(MIN(at), 0) FROM login_try WHERE account = $1 AND at > $2";
    LOGIN_TRIES_FROM_ADDRESS = "SELECT COUNT(*), COALESCE(MIN(at), 0) FROM login_try WHERE address = $1 AND at > $2";
    FORGET_LOGIN_TRIES = "DELETE FROM login_try WHERE account = $1 AND address = $2";
    FORGET_OLD_LOGIN_TRIES = "DELETE FROM login_try WHERE at <= $1";

    // The second factor.
    SECOND_FACTOR = "SELECT f.secret, f.since,
            (SELECT COUNT(*) FROM recovery_code r WHERE r.staff = f.staff AND r.used IS NULL) AS recovery_left
        FROM second_factor f WHERE f.staff = $1";
    INSERT_SECOND_FACTOR = "INSERT INTO second_factor (staff, secret, used_step, since) VALUES ($1, $2, $3, $4)";
    REMOVE_SECOND_FACTOR = "DELETE FROM second_factor WHERE staff = $1";
    USE_STEP = "UPDATE second_factor SET used_step = $2 WHERE staff = $1 AND used_step < $2";
    INSERT_RECOVERY_CODE = "INSERT INTO recovery_code (code, staff) VALUES ($1, $2)";
    USE_RECOVERY_CODE = "UPDATE recovery_code SET used = $3 WHERE staff = $1 AND code = $2 AND used IS NULL";
    REMOVE_RECOVERY_CODES = "DELETE FROM recovery_code WHERE staff = $1";
    OFFER_SECRET = "UPDATE session SET secret = $2 WHERE token = $1";
    TAKE_SECRET = "UPDATE session SET secret = NULL WHERE token = $1 AND staff = $2 AND secret = $3";
    INSERT_CODE_TRY = "INSERT INTO code_try (staff, at) VALUES ($1, $2)";
    CODE_TRIES = "SELECT COUNT(*), COALESCE(MIN(at), 0) FROM code_try WHERE staff = $1 AND at > $2";
    FORGET_OLD_CODE_TRIES = "DELETE FROM code_try WHERE staff = $1 AND at <= $2";

    // Forms.
    CLAIM_FORM = "INSERT INTO form (nonce, at, outcome) VALUES ($1, $2, $3) ON CONFLICT (nonce) DO NOTHING";
    FORM_OUTCOME = "SELECT outcome FROM form WHERE nonce = $1";
    FORGET_OLD_FORMS = "DELETE FROM form WHERE at <= $1";

    // Audit.
    AUDIT_HEAD = "SELECT id, hash FROM audit ORDER BY id DESC LIMIT 1";
    INSERT_AUDIT = "INSERT INTO audit (id, at, actor, address, action, object, detail, previous, hash)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    AUDIT_AFTER = "SELECT id, at, actor, address, action, object, detail, previous, hash FROM audit
        WHERE id > $1 ORDER BY id LIMIT $2";
    AUDIT_BEFORE = "SELECT id, at, actor, address, action, object, detail, previous, hash FROM audit
        WHERE id < $1 ORDER BY id DESC LIMIT $2";
    AUDIT_OF_ACTOR = "SELECT id, at, actor, address, action, object, detail, previous, hash FROM audit
        WHERE id < $1 AND actor = $3 ORDER BY id DESC LIMIT $2";
    /// What was done to it, and what was done to its recordings.
    AUDIT_OF_TICKET = "SELECT id, at, actor, address, action, object, detail, previous, hash FROM audit
        WHERE id IN (SELECT id FROM audit WHERE object = 'ticket ' || $3
                UNION ALL SELECT id FROM audit WHERE object IN (SELECT 'recording ' || x.recording
                    FROM ticket_recording x JOIN ticket t ON t.id = x.ticket WHERE t.code = $3))
            AND id < $1 AND ($4 IS NULL OR actor = $4) ORDER BY id DESC LIMIT $2";
    AUDITED_SINCE = "SELECT EXISTS (SELECT 1 FROM audit
        WHERE object = $1 AND action = $2 AND actor = $3 AND address = $4 AND at > $5)";

    // Work on tickets.
    TICKET_TO_CHANGE = "SELECT t.id, t.status, t.version, t.agency, t.class, t.opened, t.since, t.desk,
        EXISTS (SELECT 1 FROM message m WHERE m.ticket = t.id AND m.kind = 'answer') AS answered
        FROM ticket t WHERE t.code = $1";
    STEP_TICKET = "UPDATE ticket SET status = $2, agency = COALESCE($3, agency),
        -- What is opened again follows nobody.
        parent = CASE WHEN $7 THEN NULL ELSE COALESCE($4, parent) END,
        assignee = COALESCE(assignee, $6), updated = $5, version = version + 1 WHERE id = $1";
    TAKE_TICKET = "UPDATE ticket SET assignee = $2, updated = $3, version = version + 1 WHERE id = $1";
    CLASSIFY_TICKET = "UPDATE ticket SET class = $2, category = $3, place = $4, updated = $5, version = version + 1
        WHERE id = $1";
    // What somebody has heard stays heard, whatever a better engine writes later.
    HEAR_RECORDING = "UPDATE recording SET heard = $3
        WHERE id = (SELECT recording FROM ticket_recording WHERE recording = $1 AND ticket = $2)";
    /// Where an engine wrote nothing, what somebody heard stands for the whole recording.
    WEIGH_RECORDING = "UPDATE recording SET doubt = CASE WHEN
            (EXISTS (SELECT 1 FROM transcript WHERE recording = $1 AND outcome <> 'words')
                OR EXISTS (SELECT 1 FROM job WHERE kind = 'transcribe' AND subject = $1 AND state = 'failed'))
                AND NOT EXISTS (SELECT 1 FROM segment_mend WHERE recording = $1 AND heard = '')
            OR EXISTS (SELECT 1 FROM transcript t JOIN transcript_segment s ON s.transcript = t.id
                WHERE t.recording = $1 AND s.doubtful = 1 AND NOT EXISTS (SELECT 1 FROM segment_mend m
                    WHERE m.recording = $1 AND m.position = s.position AND m.heard = s.text))
            THEN 1 ELSE 0 END WHERE id = $1";
    WEIGH_TICKET = "UPDATE ticket SET unheard = CASE WHEN
            EXISTS (SELECT 1 FROM ticket_recording x JOIN recording r ON r.id = x.recording
                WHERE x.ticket = ticket.id AND r.doubt = 1 AND r.heard IS NULL AND r.state = 'kept' AND NOT r.replaced)
            THEN 1 ELSE 0 END WHERE id = (SELECT ticket FROM ticket_recording WHERE recording = $1)";
    NOTE_TICKET = "UPDATE ticket SET updated = $2, version = version + 1 WHERE id = $1";
    PARENT = "SELECT id, status FROM ticket WHERE code = $1";
    CHILDREN = "SELECT code FROM ticket WHERE parent = $1 AND ($2 IS NULL OR agency = $2) ORDER BY id";
    CATEGORY_NAME = "SELECT name FROM category WHERE id = $1";
    INSERT_NOTED_EVENT = "INSERT INTO ticket_event (ticket, at, actor, what, from_status, to_status, note)
        VALUES ($1, $2, $3, $4, $5, $6, $7)";

    // Tickets that came into a queue; $7 is the history's end when it was looked at.
    NEW_IN_QUEUE = "SELECT COUNT(DISTINCT t.id) FROM (SELECT ticket, from_status, to_status FROM ticket_event
                WHERE id > $7 ORDER BY id DESC LIMIT 1000) AS e JOIN ticket t ON t.id = e.ticket
        WHERE CASE $1
                WHEN 'baru' THEN t.status IN ('diterima', 'verifikasi', 'dikembalikan', 'dibuka_kembali')
                    AND COALESCE(e.from_status, '') NOT IN ('diterima', 'verifikasi', 'dikembalikan', 'dibuka_kembali')
                WHEN 'saya' THEN t.assignee = $2 AND e.to_status = 'dibuka_kembali'
                WHEN 'opd' THEN t.status IN ('didisposisi', 'ditindaklanjuti')
                    AND COALESCE(e.from_status, '') NOT IN ('didisposisi', 'ditindaklanjuti')
                -- Nothing happens when a deadline passes, or a machine has written something down.
                WHEN 'lewat' THEN FALSE
                WHEN 'dengar' THEN FALSE
                ELSE e.from_status IS NULL OR ($3 IS NOT NULL AND e.to_status = 'didisposisi') END
            AND ($3 IS NULL OR t.agency = $3) AND ($4 IS NULL OR t.class = $4) AND ($5 IS NULL OR t.channel = $5)
            AND ($6 IS NULL OR t.status = $6)";

    // Calls and the wall.
    CALLS_GOING_ON = "SELECT c.id, c.number, c.asserted, c.trunk, c.called, c.started, c.answered,
        COALESCE((SELECT step FROM call_step WHERE call = c.id ORDER BY id DESC LIMIT 1), '') AS step
        FROM call c WHERE c.ended IS NULL AND c.run >= $1 ORDER BY c.run, c.id LIMIT $2";
    HOURLY = "SELECT (at - $1) / 3600000 AS hour, SUM(call) AS calls, SUM(1 - call) AS tickets FROM (
            SELECT started AS at, 1 AS call FROM call WHERE started >= $1
            UNION ALL SELECT opened, 0 FROM ticket WHERE opened >= $1)
        GROUP BY hour ORDER BY hour";
    TRANSCRIBING = "SELECT
        (SELECT COUNT(*) FROM job WHERE kind = 'transcribe' AND state = 'queued' AND due <= $1) AS waiting,
        (SELECT MIN(queued) FROM job WHERE kind = 'transcribe' AND state = 'queued' AND due <= $1) AS oldest,
        (SELECT COUNT(*) FROM job WHERE kind = 'transcribe' AND state = 'leased' AND lease_until > $1) AS working,
        (SELECT COUNT(*) FROM job WHERE kind = 'transcribe' AND state = 'leased' AND lease_until <= $1) AS \"left\",
        (SELECT COUNT(*) FROM job WHERE kind = 'transcribe' AND state = 'failed') AS failed,
        (SELECT MAX(made) FROM transcript) AS made,
        (SELECT at FROM heartbeat WHERE part = 'transcribe') AS beat";
    SENDING = "SELECT g.gateway, MAX(g.beat) AS beat, SUM(g.waiting) AS waiting, MIN(g.oldest) AS oldest, SUM(g.failed) AS failed
        FROM (
            SELECT substr(part, 5) AS gateway, at AS beat, 0 AS waiting, NULL AS oldest, 0 AS failed
                FROM heartbeat WHERE part LIKE 'sms %'
            UNION ALL SELECT gateway, NULL, 1, CASE WHEN due <= $1 THEN queued END, 0
                FROM sms_out WHERE state IN ('queued', 'sending')
            UNION ALL SELECT gateway, NULL, 0, NULL, 1 FROM sms_out WHERE state = 'failed' AND queued >= $2) g
        GROUP BY g.gateway ORDER BY g.gateway";

    // Signs of life.
    BEAT = "INSERT INTO heartbeat (part, at) VALUES ($1, $2) ON CONFLICT (part) DO UPDATE SET at = excluded.at";
    FORGET_GATEWAYS = "DELETE FROM heartbeat WHERE part LIKE 'sms %' AND substr(part, 5) NOT IN (SELECT value FROM json_each($1))";

    // What changed. Each is the end of a table's own index, whatever its size.
    MARKS = "SELECT (SELECT COALESCE(MAX(id), 0) FROM call) AS calls,
        (SELECT COUNT(*) FROM call WHERE ended IS NULL AND run >= $1) AS calls_open,
        (SELECT COALESCE(MAX(id), 0) FROM call_step) AS steps,
        (SELECT COALESCE(MAX(id), 0) FROM ticket_event) AS events,
        (SELECT COALESCE(MAX(id), 0) FROM message) AS messages,
        (SELECT COALESCE(MAX(id), 0) FROM transcript) AS transcripts,
        (SELECT COALESCE(MAX(id), 0) FROM segment_mend) AS mends,
        (SELECT COALESCE(MAX(id), 0) FROM sms_in) AS sms_in,
        (SELECT COALESCE(MAX(id), 0) FROM sms_out) AS sms_out";
    TOUCHED_SINCE = "SELECT t.code, t.agency, t.version
            + (SELECT COUNT(*) FROM ticket_event WHERE ticket = t.id)
            + (SELECT COUNT(*) FROM message WHERE ticket = t.id)
            + (SELECT COUNT(*) FROM ticket_recording r JOIN transcript x ON x.recording = r.recording WHERE r.ticket = t.id)
            + (SELECT COUNT(*) FROM ticket_recording r JOIN segment_mend m ON m.recording = r.recording WHERE r.ticket = t.id)
            AS revision
        FROM ticket t WHERE t.id IN (
            SELECT ticket FROM ticket_event WHERE id > $1
            UNION SELECT ticket FROM message WHERE id > $2
            UNION SELECT r.ticket FROM transcript x JOIN ticket_recording r ON r.recording = x.recording WHERE x.id > $3
            UNION SELECT r.ticket FROM segment_mend m JOIN ticket_recording r ON r.recording = m.recording WHERE m.id > $4)
        ORDER BY t.id DESC LIMIT $5";

    // Mends.
    SEGMENT_TEXT = "SELECT g.text FROM transcript_segment g JOIN transcript t ON t.id = g.transcript
        WHERE t.recording = $1 AND g.position = $2";
    WRITE_BY_HAND = "INSERT INTO transcript (recording, engine, model, outcome, text, duration_ms, made, cpu_ms)
        SELECT id, $2, '', 'words', '', duration_ms, $3, 0 FROM recording WHERE id = $1 ON CONFLICT (recording) DO NOTHING";
    HAS_SEGMENTS = "SELECT EXISTS (SELECT 1 FROM transcript_segment g JOIN transcript t ON t.id = g.transcript
        WHERE t.recording = $1)";
    NEWEST_MEND = "SELECT m.id, m.recording, m.position, m.heard, m.text, s.login AS by, m.at
        FROM segment_mend m JOIN staff s ON s.id = m.staff
        WHERE m.recording = $1 AND m.position = $2 AND m.heard = $3 ORDER BY m.id DESC LIMIT 1";
    INSERT_MEND = "INSERT INTO segment_mend (recording, position, heard, text, staff, at) VALUES ($1, $2, $3, $4, $5, $6)";
    MENDED_TEXTS = "SELECT COALESCE((SELECT m.text FROM segment_mend m
            WHERE m.recording = t.recording AND m.position = g.position AND m.heard = g.text ORDER BY m.id DESC LIMIT 1), g.text)
        FROM transcript_segment g JOIN transcript t ON t.id = g.transcript WHERE t.recording = $1 ORDER BY g.position";
    /// What was mended in an earlier transcript and has no place in this one, the newest of each segment.
    ORPHANED_TEXTS = "SELECT m.text FROM segment_mend m WHERE m.recording = $1
            AND NOT EXISTS (SELECT 1 FROM transcript_segment g JOIN transcript t ON t.id = g.transcript
                WHERE t.recording = m.recording AND g.position = m.position AND g.text = m.heard)
            AND NOT EXISTS (SELECT 1 FROM segment_mend n WHERE n.recording = m.recording AND n.position = m.position
                AND n.heard = m.heard AND n.id > m.id)
        ORDER BY m.position, m.id";
    SET_TRANSCRIPT_TEXT = "UPDATE transcript SET text = $2 WHERE recording = $1";
}
