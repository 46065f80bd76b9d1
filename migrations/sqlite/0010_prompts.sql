-- What the console changed about the prompts. Texts and voices that come with the program are files, and stay as they are.

CREATE TABLE prompt_take (
    id          INTEGER PRIMARY KEY,
    prompt      TEXT NOT NULL,
    -- Where it comes from: mikrofon, unggahan, sintetis.
    origin      TEXT NOT NULL,
    -- What the prompt's text was when it was made.
    text        TEXT NOT NULL,
    -- A name in the data directory.
    file        TEXT NOT NULL UNIQUE,
    duration_ms INTEGER NOT NULL,
    -- Places where the wave is cut flat.
    clipped     INTEGER NOT NULL,
    staff       INTEGER NOT NULL REFERENCES staff (id),
    at          INTEGER NOT NULL
) STRICT;
CREATE INDEX prompt_take_prompt ON prompt_take (prompt, id);

CREATE TABLE prompt_choice (
    prompt      TEXT PRIMARY KEY,
    -- NULL: the text that comes with the program.
    text        TEXT,
    -- NULL: the voice that comes with the program.
    take        INTEGER REFERENCES prompt_take (id)
) STRICT;
