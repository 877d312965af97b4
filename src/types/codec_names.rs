//! The names by which codings of headerless audio are written, the same wherever a person writes one.

use super::BitOrder::{LeastFirst, MostFirst};
use super::DeclaredCodec;
use super::G726Rate::{Kbit16, Kbit24, Kbit32, Kbit40};

/// Every coding: its name, what else it is called, and what it is.
const NAMES: [(DeclaredCodec, &str, &[&str], &str); 18] = [
    (DeclaredCodec::Alaw, "alaw", &["pcma"], "G.711 A-law"),
    (DeclaredCodec::AlawInverted, "alaw-inverted", &[], "G.711 A-law with every bit inverted (.cal)"),
    (DeclaredCodec::Ulaw, "ulaw", &["mulaw", "pcmu"], "G.711 µ-law"),
    (DeclaredCodec::PcmS16Le, "s16le", &["pcm-s16le"], "Signed 16-bit little-endian PCM"),
    (DeclaredCodec::PcmS16Be, "s16be", &["pcm-s16be"], "Signed 16-bit big-endian PCM"),
    (DeclaredCodec::PcmU8, "u8", &["pcm-u8"], "Unsigned 8-bit PCM"),
    (DeclaredCodec::Vox, "vox", &[], "Dialogic (OKI) ADPCM"),
    (DeclaredCodec::Gsm, "gsm", &[], "GSM 06.10, 33 bytes a frame; 8 kHz, one channel"),
    (DeclaredCodec::G722, "g722", &[], "G.722 at 64 kbit/s; 16 kHz, one channel"),
    (
        DeclaredCodec::G726(Kbit16, LeastFirst),
        "g726-16",
        &[],
        "G.726 at 16 kbit/s, first code lowest (RFC 3551)",
    ),
    (
        DeclaredCodec::G726(Kbit24, LeastFirst),
        "g726-24",
        &[],
        "G.726 at 24 kbit/s, first code lowest (RFC 3551)",
    ),
    (
        DeclaredCodec::G726(Kbit32, LeastFirst),
        "g726-32",
        &[],
        "G.726 at 32 kbit/s, first code lowest (RFC 3551)",
    ),
    (
        DeclaredCodec::G726(Kbit40, LeastFirst),
        "g726-40",
        &[],
        "G.726 at 40 kbit/s, first code lowest (RFC 3551)",
    ),
    (
        DeclaredCodec::G726(Kbit16, MostFirst),
        "aal2-g726-16",
        &[],
        "G.726 at 16 kbit/s, first code highest (AAL2)",
    ),
    (
        DeclaredCodec::G726(Kbit24, MostFirst),
        "aal2-g726-24",
        &[],
        "G.726 at 24 kbit/s, first code highest (AAL2)",
    ),
    (
        DeclaredCodec::G726(Kbit32, MostFirst),
        "aal2-g726-32",
        &[],
        "G.726 at 32 kbit/s, first code highest (AAL2)",
    ),
    (
        DeclaredCodec::G726(Kbit40, MostFirst),
        "aal2-g726-40",
        &[],
        "G.726 at 40 kbit/s, first code highest (AAL2)",
    ),
    (DeclaredCodec::G729, "g729", &[], "G.729, 10 bytes a frame; 8 kHz, one channel"),
];

impl DeclaredCodec {
    /// Every coding with its name and what it is, for a person.
    pub fn all() -> impl Iterator<Item = (Self, &'static str, &'static str)> {
        NAMES.iter().map(|(codec, name, _, about)| (*codec, *name, *about))
    }

    /// The coding that `name` means, whatever its case, with `-` or `_`, also as `AUDIO_CODEC_ALAW`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let plain = name.trim().to_ascii_lowercase().replace('_', "-");
        let plain = plain.strip_prefix("audio-codec-").unwrap_or(&plain);
        let found = NAMES.iter().find(|(_, own, others, _)| *own == plain || others.contains(&plain));
        found.map(|(codec, ..)| *codec)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_means_one_coding_however_it_is_spelt() {
        for (codec, name, about) in DeclaredCodec::all() {
            assert!(!about.is_empty());
            assert_eq!(DeclaredCodec::named(name), Some(codec));
            assert_eq!(DeclaredCodec::named(&name.replace('-', "_").to_uppercase()), Some(codec));
            assert_eq!(DeclaredCodec::named(&format!("AUDIO_CODEC_{}", name.replace('-', "_"))), Some(codec));
        }
        for (_, own, others, _) in NAMES {
            let meant =
                |wanted: &str| NAMES.iter().filter(|one| one.1 == wanted || one.2.contains(&wanted)).count();
            assert!(others.iter().chain([&own]).all(|name| meant(name) == 1), "{own}");
        }
        assert_eq!(DeclaredCodec::named("mp3"), None);
    }
}
