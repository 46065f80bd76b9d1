//! The statements behind the prompts that the console changes.

statements! {
    CHOICES = "SELECT c.prompt, c.text, t.id, t.origin, t.text AS said, t.file, t.duration_ms, t.clipped, s.login AS by, t.at
        FROM prompt_choice c LEFT JOIN prompt_take t ON t.id = c.take LEFT JOIN staff s ON s.id = t.staff ORDER BY c.prompt";
    CHOICE = "SELECT text, take FROM prompt_choice WHERE prompt = $1";
    TAKES = "SELECT t.id, t.prompt, t.origin, t.text, t.file, t.duration_ms, t.clipped, s.login AS by, t.at
        FROM prompt_take t JOIN staff s ON s.id = t.staff WHERE t.prompt = $1 ORDER BY t.id DESC";
    TAKE_EXISTS = "SELECT EXISTS (SELECT 1 FROM prompt_take WHERE prompt = $1 AND id = $2)";
    SAME_TAKE = "SELECT id FROM prompt_take WHERE file = $1 AND text = $2";
    // The same sound again is the same take, with the text that it was given last.
    PUT_TAKE = "INSERT INTO prompt_take (prompt, origin, text, file, duration_ms, clipped, staff, at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        ON CONFLICT (file) DO UPDATE SET text = excluded.text RETURNING id";
    CHOOSE_TAKE = "INSERT INTO prompt_choice (prompt, take) VALUES ($1, $2)
        ON CONFLICT (prompt) DO UPDATE SET take = excluded.take";
    CHOOSE_TEXT = "INSERT INTO prompt_choice (prompt, text) VALUES ($1, $2)
        ON CONFLICT (prompt) DO UPDATE SET text = excluded.text";
    PRUNE_TAKES = "DELETE FROM prompt_take WHERE prompt = $1
        AND id NOT IN (SELECT id FROM prompt_take WHERE prompt = $1 ORDER BY id DESC LIMIT $2)
        AND id NOT IN (SELECT take FROM prompt_choice WHERE prompt = $1 AND take IS NOT NULL) RETURNING file";
}
