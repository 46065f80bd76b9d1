//! A token bucket for each source.

/// Token buckets by source address, in bounded memory.
pub struct Limiter {}
