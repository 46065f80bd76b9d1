//! Telephone numbers as they come, made comparable.

/// The E.164 form (`+6281234567890`) of a caller's or sender's number, a short code as it came, or `None` if it is neither.
pub fn normalise(raw: &str) -> Option<String> {
    todo!()
}
