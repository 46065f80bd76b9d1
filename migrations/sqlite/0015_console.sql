-- What the console looks up about a ticket besides its own row.

-- The reports that were merged into one.
CREATE INDEX ticket_parent ON ticket (parent, id) WHERE parent IS NOT NULL;

-- Places become a third source of the search. What is in already stays; the next start goes through the tickets.
UPDATE setting SET value = json_set(value, '$.done', json('false')) WHERE key = 'search.index';
