-- Wrong PINs, so that nobody tries all ten thousand: ticket.pin_hash holds what is right.
CREATE TABLE pin_try (
    id          INTEGER PRIMARY KEY,
    ticket      INTEGER NOT NULL REFERENCES ticket (id),
    at          INTEGER NOT NULL
) STRICT;
CREATE INDEX pin_try_ticket ON pin_try (ticket, at);
