//! The statements behind deadlines.

statements! {
    DEADLINES = "SELECT class, verify, finish, source FROM deadline ORDER BY class";
    DAYS_OF_CLASS = "SELECT verify, finish FROM deadline WHERE class = $1";
    HOLIDAYS = "SELECT date, name, source FROM holiday WHERE date >= $1 ORDER BY date";
    FORGET_DEADLINES = "DELETE FROM deadline";
    FORGET_HOLIDAYS = "DELETE FROM holiday";
    INSERT_DEADLINE = "INSERT INTO deadline (class, verify, finish, source) VALUES ($1, $2, $3, $4)";
    INSERT_HOLIDAY = "INSERT INTO holiday (date, name, source) VALUES ($1, $2, $3)";
    RUNNING_TICKETS = "SELECT id, status, class, since, desk, due FROM ticket WHERE queue IS NOT NULL
        ORDER BY queue, opened, id";
    SET_DUE = "UPDATE ticket SET since = $2, desk = $3, due = $4 WHERE id = $1";
}
