//! Endings of names by which recordings are found in a folder.

/// Endings of recordings, in lower case and without the dot: of what is read, and of what is refused by name so that
/// nobody misses it in silence.
pub const EXTENSIONS: [&str; 61] = [
    // Containers, which are told by their bytes.
    "wav", "wave", "flac", "mp3", "mp2", "aac", "m4a", "mp4", "m4v", "mov", "mkv", "mka", "webm", "ogg",
    "oga", "opus", "aif", "aiff", "aifc", "caf", "w64", "rf64", "amr", "awb", "3gp", "3g2", "v3",
    // Headerless bytes, which are told by the name.
    "ul", "ulaw", "pcmu", "al", "alaw", "pcma", "cal", "sln", "sln8", "sln12", "sln16", "sln24", "sln32",
    "sln44", "sln48", "sln96", "sln192", "vox", "gsm", "g722", "g726-16", "g726-24", "g726-32", "g726-40",
    "g729", // Refused with the name of the codec.
    "g723", "g723sf", "ilbc", "silk", "slk", "sil", "siren7", "siren14", "wma",
];

#[cfg(test)]
mod tests {
    use super::super::{declared, sniff};
    use super::*;

    #[test]
    fn every_ending_that_decides_something_is_looked_for() {
        let headerless = declared::HEADERLESS.iter().map(|(ending, ..)| *ending);
        let refused = sniff::REFUSED.iter().map(|(ending, _)| *ending);
        for ending in headerless.chain(refused) {
            assert!(EXTENSIONS.contains(&ending), "{ending}");
        }
        for (at, ending) in EXTENSIONS.iter().enumerate() {
            assert_eq!(
                EXTENSIONS.iter().position(|other| other == ending),
                Some(at),
                "{ending} stands twice"
            );
            assert_eq!(*ending, ending.to_lowercase());
        }
    }
}
