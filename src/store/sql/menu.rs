//! The statements behind the menu: its versions, and the ways taken through it.

statements! {
    INSERT_MENU = "INSERT INTO menu_version (text, state, origin, author, at, note)
        VALUES ($1, $2, $3, $4, $5, $6) RETURNING number";
    MENU = "SELECT number, text, state, origin, author, at, note FROM menu_version WHERE number = $1";
    MENU_PUBLISHED = "SELECT number, text, state, origin, author, at, note FROM menu_version
        WHERE state = 'published' ORDER BY number DESC LIMIT 1";
    MENU_NEWEST = "SELECT number, text, state, origin, author, at, note FROM menu_version
        ORDER BY number DESC LIMIT 1";
    MENU_PUBLISHED_NUMBER = "SELECT MAX(number) FROM menu_version WHERE state = 'published'";
    MENU_HAS_TEXT = "SELECT EXISTS (SELECT 1 FROM menu_version WHERE text = $1)";
    MENUS_BEFORE = "SELECT number, state, origin, author, at, note FROM menu_version
        WHERE number < $1 ORDER BY number DESC LIMIT $2";

    COUNT_WAY = "INSERT INTO menu_way (period, step, what, next, calls) VALUES ($1, $2, $3, $4, 1)
        ON CONFLICT (period, step, what, next) DO UPDATE SET calls = menu_way.calls + 1";
    WAYS_SINCE = "SELECT step, what, next, CAST(SUM(calls) AS BIGINT) AS calls FROM menu_way
        WHERE period >= $1 GROUP BY step, what, next ORDER BY step, what, next";
}
