//! The console's lists and figures. Each walks through an index in the order of its page and ends with the page, and
//! each count ends at a most: what a page costs does not grow with the database.

/// Tickets in the order of when they were opened, or are due. $1 the agency, $2 class, $3 channel, $4 status, then the place behind the
/// last row and how many; $8 the queue, whose it is, or when it is. `$lead` is what the index is entered by.
macro_rules! queue {
    ($lead:literal, newest) => {
        queue!($lead, "t.opened", "<", "t.opened DESC, t.id DESC")
    };
    ($lead:literal, oldest) => {
        queue!($lead, "t.opened", ">", "t.opened, t.id")
    };
    ($lead:literal, latest_due) => {
        queue!($lead, "t.due", "<", "t.due DESC, t.id DESC")
    };
    ($lead:literal, earliest_due) => {
        queue!($lead, "t.due", ">", "t.due, t.id")
    };
    ($lead:literal, $key:literal, $behind:literal, $order:literal) => {
        concat!(
            "SELECT t.id, t.code, t.status, t.class, t.channel, t.anonymous, t.confidential, t.agency,
                a.name AS agency_name, c.name AS category_name, t.place, s.login AS assignee, s.name AS assignee_name, t.opened, t.updated, t.due, t.version,
                (t.unheard = 1) AS unheard,
                COALESCE((SELECT SUBSTR(body, 1, 1000) FROM message WHERE id =
                        (SELECT MIN(id) FROM message WHERE ticket = t.id AND kind = 'report')),
                    (SELECT SUBSTR(text, 1, 1000) FROM transcript WHERE recording =
                        (SELECT MIN(recording) FROM ticket_recording WHERE ticket = t.id)), '') AS excerpt
            FROM ticket t LEFT JOIN agency a ON a.id = t.agency LEFT JOIN category c ON c.id = t.category
                LEFT JOIN staff s ON s.id = t.assignee
            WHERE ", $lead, "
                AND ($1 IS NULL OR t.agency = $1) AND ($2 IS NULL OR t.class = $2)
                AND ($3 IS NULL OR t.channel = $3) AND ($4 IS NULL OR t.status = $4)
                AND (", $key, ", t.id) ", $behind, " ($5, $6)
            ORDER BY ", $order, " LIMIT $7"
        )
    };
}

/// Calls before $1, the newest first, with how far each came; $2 of them.
macro_rules! calls {
    ($which:literal) => {
        concat!(
            "SELECT c.id, c.number, c.asserted, c.trunk, c.started, c.answered, c.ended, c.end_reason, c.recorded_ms, t.code,
                COALESCE((SELECT step FROM call_step WHERE call = c.id ORDER BY id DESC LIMIT 1), '') AS step
            FROM call c LEFT JOIN ticket t ON t.id = c.ticket WHERE c.id < $1 AND ", $which, " ORDER BY c.id DESC LIMIT $2"
        )
    };
}

statements! {
    // Queues. MINE and UNHEARD repeat the condition of their index.
    QUEUE_NEWEST = queue!("t.queue = $8", newest);
    QUEUE_OLDEST = queue!("t.queue = $8", oldest);
    AGENCY_QUEUE_NEWEST = queue!("t.queue = $8 AND t.agency = $1", newest);
    AGENCY_QUEUE_OLDEST = queue!("t.queue = $8 AND t.agency = $1", oldest);
    MINE_NEWEST = queue!("t.assignee = $8
        AND t.status NOT IN ('selesai', 'diarsipkan', 'ditolak', 'digabung', 'diteruskan_luar')", newest);
    MINE_OLDEST = queue!("t.assignee = $8
        AND t.status NOT IN ('selesai', 'diarsipkan', 'ditolak', 'digabung', 'diteruskan_luar')", oldest);

    OVERDUE_NEWEST = queue!("t.due < $8", latest_due);
    OVERDUE_OLDEST = queue!("t.due < $8", earliest_due);
    AGENCY_OVERDUE_NEWEST = queue!("t.due < $8 AND t.agency = $1", latest_due);
    AGENCY_OVERDUE_OLDEST = queue!("t.due < $8 AND t.agency = $1", earliest_due);

    UNHEARD_NEWEST = queue!("t.unheard = 1
        AND t.status NOT IN ('selesai', 'diarsipkan', 'ditolak', 'digabung', 'diteruskan_luar')", newest);
    UNHEARD_OLDEST = queue!("t.unheard = 1
        AND t.status NOT IN ('selesai', 'diarsipkan', 'ditolak', 'digabung', 'diteruskan_luar')", oldest);

    // All tickets, by whichever filter leaves the fewest.
    ALL_NEWEST = queue!("TRUE", newest);
    ALL_OLDEST = queue!("TRUE", oldest);
    ALL_OF_AGENCY_NEWEST = queue!("t.agency = $1", newest);
    ALL_OF_AGENCY_OLDEST = queue!("t.agency = $1", oldest);
    ALL_OF_CLASS_NEWEST = queue!("t.class = $2", newest);
    ALL_OF_CLASS_OLDEST = queue!("t.class = $2", oldest);
    ALL_BY_CHANNEL_NEWEST = queue!("t.channel = $3", newest);
    ALL_BY_CHANNEL_OLDEST = queue!("t.channel = $3", oldest);
    ALL_IN_STATUS_NEWEST = queue!("t.status = $4", newest);
    ALL_IN_STATUS_OLDEST = queue!("t.status = $4", oldest);

    // $1 whose, $2 the most that is counted, $3 when it is, $4 the agency. For a count the statuses do, and their index is all it takes.
    QUEUE_COUNTS = "SELECT
        (SELECT COUNT(*) FROM (SELECT 1 FROM ticket
            WHERE status IN ('diterima', 'verifikasi', 'dikembalikan', 'dibuka_kembali') LIMIT $2) AS x) AS fresh,
        (SELECT COUNT(*) FROM (SELECT 1 FROM ticket WHERE assignee = $1
            AND status NOT IN ('selesai', 'diarsipkan', 'ditolak', 'digabung', 'diteruskan_luar') LIMIT $2) AS x) AS mine,
        (SELECT COUNT(*) FROM (SELECT 1 FROM ticket WHERE status IN ('didisposisi', 'ditindaklanjuti')
            LIMIT $2) AS x) AS with_agency,
        (SELECT COUNT(*) FROM (SELECT 1 FROM ticket WHERE due < $3 LIMIT $2) AS x) AS overdue,
        (SELECT COUNT(*) FROM (SELECT 1 FROM ticket WHERE unheard = 1
            AND status NOT IN ('selesai', 'diarsipkan', 'ditolak', 'digabung', 'diteruskan_luar') LIMIT $2) AS x) AS unheard,
        (SELECT COUNT(*) FROM (SELECT 1 FROM ticket LIMIT $2) AS x) AS everything";
    QUEUE_COUNTS_OF_AGENCY = "SELECT
        (SELECT COUNT(*) FROM (SELECT 1 FROM ticket WHERE queue = 'baru' AND agency = $4 LIMIT $2) AS x) AS fresh,
        (SELECT COUNT(*) FROM (SELECT 1 FROM ticket WHERE assignee = $1 AND agency = $4
            AND status NOT IN ('selesai', 'diarsipkan', 'ditolak', 'digabung', 'diteruskan_luar') LIMIT $2) AS x) AS mine,
        (SELECT COUNT(*) FROM (SELECT 1 FROM ticket WHERE queue = 'opd' AND agency = $4 LIMIT $2) AS x) AS with_agency,
        (SELECT COUNT(*) FROM (SELECT 1 FROM ticket WHERE due < $3 AND agency = $4 LIMIT $2) AS x) AS overdue,
        -- Recordings are the call centre's to hear.
        0 AS unheard,
        (SELECT COUNT(*) FROM (SELECT 1 FROM ticket WHERE agency = $4 LIMIT $2) AS x) AS everything";

    // Calls.
    CALLS_BEFORE = calls!("TRUE");
    CALLS_MISSED = calls!("c.answered IS NULL AND c.ended IS NOT NULL");
    CALLS_WITHOUT_RECORDING = calls!("c.answered IS NOT NULL AND c.ended IS NOT NULL AND c.recorded_ms = 0");
    CALLS_ENDED_BY = calls!("c.ended_by = $3");

    // The wall. $1 when the day began, $2 the run, $3 the most that is counted.
    WALL = "SELECT (SELECT COUNT(*) FROM call WHERE started >= $1) AS calls_today,
        (SELECT COUNT(*) FROM call WHERE ended IS NULL AND run >= $2) AS calls_open,
        (SELECT COUNT(*) FROM ticket WHERE opened >= $1) AS tickets_today,
        (SELECT COUNT(*) FROM (SELECT 1 FROM ticket WHERE status = 'diterima' LIMIT $3) AS x) AS untouched,
        (SELECT MIN(opened) FROM ticket WHERE status = 'diterima') AS oldest,
        (SELECT COUNT(*) FROM (SELECT 1 FROM ticket WHERE status IN ('didisposisi', 'ditindaklanjuti')
            LIMIT $3) AS x) AS with_agency,
        (SELECT COUNT(*) FROM (SELECT 1 FROM job WHERE kind = 'transcribe' AND state IN ('queued', 'leased')
            LIMIT $3) AS x) AS to_transcribe,
        (SELECT COUNT(*) FROM (SELECT 1 FROM job WHERE kind = 'transcribe' AND state = 'failed' LIMIT $3) AS x) AS failed";
}
