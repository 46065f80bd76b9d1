//! Prompts, encoded once.
use super::Codec;
use std::sync::Arc;

/// A piece of audio ready to be sent in either law.
pub struct Clip {
    pcma: Arc<[u8]>,
    pcmu: Arc<[u8]>,
}

impl Clip {
    pub fn from_samples(samples: &[i16]) -> Clip {
        let encode = |codec: Codec| {
            let mut out = Vec::new();
            codec.encode(samples, &mut out);
            out.into()
        };
        Clip { pcma: encode(Codec::Pcma), pcmu: encode(Codec::Pcmu) }
    }
    pub fn bytes(&self, codec: Codec) -> &Arc<[u8]> {
        match codec {
            Codec::Pcma => &self.pcma,
            Codec::Pcmu => &self.pcmu,
        }
    }
}

impl std::fmt::Debug for Clip {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Clip")
    }
}
