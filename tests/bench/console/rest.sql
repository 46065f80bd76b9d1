-- What belongs to tickets, made from the tickets themselves: calls with their key paths and recordings, history,
-- short messages. A call and its recording have their ticket's number.

INSERT INTO call (id, run, sip_call_id, trunk, number, asserted, called, started, answered, ended, end_reason, ended_by,
        codec, packets_sent, packets_received, recorded_ms, ticket)
    SELECT id, 1 + opened / 604800000 % 1000, 'bench-' || id || '@10.0.0.1', 'telkom', number, asserted, '+62531123456',
        opened - 60000, opened - 59000, opened + 20000, iif(id % 5, 'hung_up', 'completed'), 'caller', 'PCMA',
        4000, 3990, 25000, iif(channel = 'phone', id, NULL)
    FROM ticket WHERE channel = 'phone' OR (channel = 'sms' AND id % 2 = 0);

-- Who hangs up in the menu has pressed less.
INSERT INTO call_step (call, at, step, what)
    SELECT c.id, c.started + s.after, s.step, s.what
    FROM call c JOIN (
        SELECT 1 AS n, 1000 AS after, 'greeting' AS step, 'enter' AS what
        UNION ALL SELECT 2, 12000, 'menu', 'enter'
        UNION ALL SELECT 3, 15000, 'menu', 'key 1'
        UNION ALL SELECT 4, 16000, 'tell', 'enter'
        UNION ALL SELECT 5, 45000, 'tell', 'key #'
        UNION ALL SELECT 6, 46000, 'code', 'enter') s
        ON c.ticket IS NOT NULL OR s.n <= 2
    ORDER BY c.id, s.n;

INSERT INTO recording (id, call, slot, file, started, ended, state, duration_ms, speech_ms, ended_by)
    SELECT id, id, 'cerita', 'recordings/bench/' || id || '-cerita.wav', opened - 45000, opened - 20000, 'kept', 25000,
        18000, 'stopped'
    FROM ticket WHERE channel = 'phone';
INSERT INTO ticket_recording (recording, ticket) SELECT id, id FROM recording;
INSERT INTO job (id, kind, subject, state, attempts, queued, due, ended)
    SELECT id, 'transcribe', id, iif(id % 5000 = 1, 'failed', 'done'), 1, ended, ended, ended + 30000 FROM recording;

INSERT INTO ticket_event (ticket, at, actor, what, from_status, to_status)
    SELECT id, opened, 'reporter', 'opened', NULL, 'diterima' FROM ticket;
INSERT INTO ticket_event (ticket, at, actor, what, from_status, to_status)
    SELECT id, opened + 600000, 'petugas1', 'verify', 'diterima', 'verifikasi' FROM ticket WHERE status <> 'diterima';
INSERT INTO ticket_event (ticket, at, actor, what, from_status, to_status)
    SELECT id, opened + 900000, 'petugas1', 'route', 'verifikasi', 'didisposisi' FROM ticket WHERE agency IS NOT NULL;
INSERT INTO ticket_event (ticket, at, actor, what, from_status, to_status)
    SELECT id, updated, 'dpupr', 'answer', 'ditindaklanjuti', 'ditanggapi' FROM ticket
    WHERE status IN ('ditanggapi', 'selesai');

INSERT INTO sms_in (id, gateway, external_id, sender, number, recipient, body, received, outcome, ticket)
    SELECT t.id, 'uji', 'bench-' || t.id, t.number, t.number, '1708', m.body, t.opened, 'opened', t.id
    FROM ticket t JOIN message m ON m.ticket = t.id AND m.kind = 'report' WHERE t.channel = 'sms';
INSERT INTO sms_out (id, reference, gateway, number, body, parts, kind, answers, ticket, state, attempts, queued, due,
        accepted, settled, gateway_id)
    SELECT id, 'bench-' || id, 'uji', number, 'Laporan Anda kami terima dengan kode ' || ticket, 1, 'answer', id, ticket,
        'delivered', 1, received, received, received + 1000, received + 5000, 'g' || id
    FROM sms_in;

INSERT INTO audit (id, at, actor, address, action, object, detail, previous, hash)
    SELECT row_number() OVER (ORDER BY id), updated, 'petugas1', '10.0.0.7', iif(channel = 'phone', 'listen', 'note'),
        iif(channel = 'phone', 'recording ' || id, 'ticket ' || code), '', hex(id), hex(id + 1)
    FROM ticket WHERE id % 3 = 0;
