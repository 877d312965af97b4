//! The calls in a folder.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::fields::Draft;
use super::ids::{call_id_of, digested_id_of};
use super::item::{self, Entry, IdForm, ItemSource, Listing, Origin};
use super::legs::{self, Side};
use super::walk::walk;
use super::{ArchiveItem, ItemError, ListingError, ListingOptions, ListingProblem};
use crate::types::CallId;

/// The calls in the folder `root` and in all folders under it, in the order of their names.
///
/// Names that begin with `.` or `~` are passed over, and so is what does not end like a recording. A link to a folder is
/// not followed: it may lead back up. The id of a call comes from the pattern, else it is the way to the file without its
/// extension, as [`super::call_id_of`] makes it; where two would be the same, the extension stays.
///
/// # Errors
/// [`ListingError`] when `root` itself cannot be read. Everything else is a problem of the listing.
pub fn list_folder(root: &Path, options: &ListingOptions) -> Result<Listing, ListingError> {
    let walked = walk(root, &options.extensions)?;
    let mut listing = list_files(root, walked.ways, options);
    listing.problems.extend(walked.problems);
    listing.problems.sort_by(|one, other| one.path.cmp(&other.path));
    listing.num_ignored = walked.num_ignored;
    Ok(listing)
}

/// The calls that the files at `ways` are, which lead from `root` and are in order.
#[must_use]
pub fn list_files(root: &Path, ways: Vec<Box<str>>, options: &ListingOptions) -> Listing {
    let mut problems = Vec::new();
    let entries = pair(root, ways, options, &mut problems);
    let entries = give_ids(root, entries, options, &mut problems);
    let origin = Origin::Folder { root: root.to_owned(), options: options.clone() };
    Listing { origin, entries, problems, num_ignored: 0 }
}

/// Puts the two sides of a call together, where its first side stands.
fn pair(
    root: &Path,
    ways: Vec<Box<str>>,
    options: &ListingOptions,
    problems: &mut Vec<ListingProblem>,
) -> Vec<Entry> {
    let mut sides: HashMap<String, usize> = HashMap::new();
    let key =
        |call: &str, side: Side, extension: &str| format!("{side:?} {call}.{}", extension.to_lowercase());
    for (index, way) in ways.iter().enumerate() {
        let (stem, extension) = split(way);
        if let Some((side, _, call)) = legs::side_of(&options.leg_suffixes, stem) {
            sides.insert(key(call, side, extension), index);
        }
    }
    let mut entries = Vec::with_capacity(ways.len());
    for way in &ways {
        let (stem, extension) = split(way);
        let Some((side, suffixes, call)) = legs::side_of(&options.leg_suffixes, stem) else {
            entries.push(Entry::File { way: way.clone(), form: IdForm::Stem });
            continue;
        };
        let other = match side {
            Side::Incoming => Side::Outgoing,
            Side::Outgoing => Side::Incoming,
        };
        let partner = sides.get(&key(call, other, extension)).and_then(|index| ways.get(*index));
        match (side, partner) {
            (Side::Incoming, Some(partner)) => entries.push(Entry::Legs {
                incoming: way.clone(),
                outgoing: partner.clone(),
                call_len: u32::try_from(call.len()).unwrap_or_default(),
                form: IdForm::Stem,
            }),
            // Told with the incoming side.
            (Side::Outgoing, Some(_)) => {}
            (_, None) => {
                let partner = format!("{call}{}.{extension}", suffixes.other(side));
                let partner = partner.rsplit('/').next().unwrap_or_default().to_owned();
                problems.push(ListingProblem::file(root.join(&**way), ItemError::LegAlone { partner }));
            }
        }
    }
    entries
}

/// A way without its extension, and the extension.
fn split(way: &str) -> (&str, &str) {
    let name_start = way.rfind('/').map_or(0, |at| at + 1);
    match way.rfind('.').filter(|at| *at > name_start) {
        Some(at) => (way.get(..at).unwrap_or_default(), way.get(at + 1..).unwrap_or_default()),
        None => (way, ""),
    }
}

impl Entry {
    /// The name of the call, with folders and without extension; the name of its first file; the form of its id.
    fn names(&self) -> (&str, &str, IdForm) {
        match self {
            Self::File { way, form } => (split(way).0, way, *form),
            Self::Legs { incoming, call_len, form, .. } => {
                (incoming.get(..*call_len as usize).unwrap_or_default(), incoming, *form)
            }
            Self::Row(_) => ("", "", IdForm::Stem),
        }
    }

    fn set_form(&mut self, to: IdForm) {
        match self {
            Self::File { form, .. } | Self::Legs { form, .. } => *form = to,
            Self::Row(_) => {}
        }
    }

    fn derived_id(&self) -> Option<CallId> {
        let (call, name, form) = self.names();
        match form {
            IdForm::Stem => call_id_of(call),
            IdForm::Name => call_id_of(name),
            IdForm::Digest => digested_id_of(name),
        }
    }

    /// What the name says.
    fn draft(&self, options: &ListingOptions) -> Result<Draft, ItemError> {
        let Some(pattern) = &options.name_pattern else { return Ok(Draft::default()) };
        let (call, name, _) = self.names();
        let read = match self {
            // The pattern is that of whole calls, or knows the ending of a leg.
            Self::Legs { .. } => pattern
                .read(&format!("{call}.{}", split(name).1), &options.time_zone)
                .or_else(|| pattern.read(name, &options.time_zone)),
            Self::File { .. } | Self::Row(_) => pattern.read(name, &options.time_zone),
        };
        match read {
            // Its chats have names of their own.
            None if split(name).1.eq_ignore_ascii_case("jsonl") => Ok(Draft::default()),
            None => Err(ItemError::NameMismatch { pattern: pattern.as_str().to_owned() }),
            Some(Err((field, problem))) => Err(ItemError::Field { field, problem }),
            Some(Ok(draft)) => Ok(draft),
        }
    }
}

/// A call id in little room. Nobody gains by two that are the same: one is then told as a duplicate.
pub(super) fn short(id: &CallId) -> u128 {
    let digest: [u8; 32] = Sha256::digest(id.as_str().as_bytes()).into();
    digest.iter().take(16).fold(0, |sum, byte| sum << 8 | u128::from(*byte))
}

/// An entry with what its id was at first.
struct Named {
    entry: Entry,
    id: u128,
    /// Whether the pattern told it, so that it cannot give way.
    is_told: bool,
}

/// Sees to it that no two calls have one id, and drops with a problem what has none.
fn give_ids(
    root: &Path,
    entries: Vec<Entry>,
    options: &ListingOptions,
    problems: &mut Vec<ListingProblem>,
) -> Vec<Entry> {
    let mut named = Vec::with_capacity(entries.len());
    for entry in entries {
        let told = entry.draft(options).map(|draft| draft.call_id);
        let (is_told, id) = match told.map(|told| (told.is_some(), told.or_else(|| entry.derived_id()))) {
            Ok((is_told, Some(id))) => (is_told, short(&id)),
            Ok((_, None)) => continue,
            Err(cause) => {
                problems.push(ListingProblem::file(root.join(entry.names().1), cause));
                continue;
            }
        };
        named.push(Named { entry, id, is_told });
    }
    let mut num_by_id: HashMap<u128, u32> = HashMap::with_capacity(named.len());
    let mut first: HashMap<u128, usize> = HashMap::new();
    for (index, one) in named.iter().enumerate() {
        *num_by_id.entry(one.id).or_default() += 1;
        if one.is_told {
            first.entry(one.id).or_insert(index);
        }
    }
    let is_second = |index: usize, one: &Named| one.is_told && first.get(&one.id) != Some(&index);
    for (_, one) in named.iter().enumerate().filter(|(index, one)| is_second(*index, one)) {
        let first = first.get(&one.id).and_then(|index| named.get(*index));
        let first = first.map(|first| format!("`{}`", first.entry.names().1)).unwrap_or_default();
        let call_id = one.entry.draft(options).ok().and_then(|draft| draft.call_id);
        let call_id = call_id.map(String::from).unwrap_or_default();
        let path = root.join(one.entry.names().1);
        problems.push(ListingProblem::file(path, ItemError::DuplicateCallId { call_id, first }));
    }
    let mut taken: HashSet<u128> = num_by_id.keys().copied().collect();
    let mut kept = Vec::with_capacity(named.len());
    for (index, mut one) in named.into_iter().enumerate() {
        if is_second(index, &one) {
            continue;
        }
        if !one.is_told && num_by_id.get(&one.id).is_some_and(|number| *number > 1) {
            one.entry.set_form(IdForm::Name);
            if !one.entry.derived_id().is_some_and(|id| taken.insert(short(&id))) {
                one.entry.set_form(IdForm::Digest);
            }
        }
        kept.push(one.entry);
    }
    kept
}

/// The item that `entry` is.
pub(super) fn item(root: &Path, options: &ListingOptions, entry: &Entry) -> Result<ArchiveItem, ItemError> {
    let mut draft = entry.draft(options)?;
    let call_id = draft.call_id.take().or_else(|| entry.derived_id()).ok_or(ItemError::NoPath)?;
    let source = match entry {
        Entry::File { way, .. } => ItemSource::file(root.join(&**way)),
        Entry::Legs { incoming, outgoing, .. } => {
            item::set_leg_roles(&mut draft, options.leg_roles);
            ItemSource::Legs { first: root.join(&**incoming), second: root.join(&**outgoing) }
        }
        Entry::Row(_) => return Err(ItemError::NoPath),
    };
    Ok(item::finish(draft, call_id, source))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::listing::NamePattern;
    use crate::types::{ChannelIndex, Direction, SpeakerRole};

    fn folder(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        for name in names {
            let file = folder.path().join(name);
            fs::create_dir_all(file.parent().expect("it lies in a folder")).expect("it is made");
            fs::write(file, b"").expect("it is written");
        }
        folder
    }

    fn list(folder: &tempfile::TempDir, pattern: Option<&str>) -> Listing {
        let name_pattern = pattern.map(|text| NamePattern::compile(text).expect("a pattern"));
        let options = ListingOptions { name_pattern, ..ListingOptions::default() };
        list_folder(folder.path(), &options).expect("it can be read")
    }

    fn ids(listing: &Listing) -> Vec<String> {
        listing.iter().map(|item| item.call_id.to_string()).collect()
    }

    fn reasons(listing: &Listing) -> Vec<(String, &'static str)> {
        let name =
            |one: &ListingProblem| one.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        listing.problems.iter().map(|one| (name(one), one.reason())).collect()
    }

    #[test]
    fn a_pattern_of_recordings_is_not_held_against_chats() {
        let folder = folder(&["8021-a.wav", "wrong.wav", "chats.jsonl"]);
        let listing = list(&folder, Some("{agent_id}-{call_id}"));
        assert_eq!(ids(&listing), ["a", "chats"]);
        assert_eq!(reasons(&listing), [("wrong.wav".to_owned(), "archive.name_mismatch")]);
    }

    #[test]
    fn every_recording_is_listed_once_in_order_under_an_id_of_its_own() {
        let folder = folder(&[
            "20260302/0001.wav",
            "20260301/0001.wav",
            "cut.mp3",
            "cut.opus",
            "cut.opus.json",
            "张三.wav",
            "李四.wav",
            "chat.jsonl",
            "notes.txt",
            ".hidden.wav",
            "~$x.wav",
            "x.wav.part",
            ".git/y.wav",
        ]);
        let listing = list(&folder, None);
        let ids = ids(&listing);
        let plain: Vec<_> = ids.iter().take(5).map(String::as_str).collect();
        assert_eq!(plain, ["20260301:0001", "20260302:0001", "chat", "cut.mp3", "cut.opus"]);
        assert_eq!(ids.len(), 7);
        assert_eq!(ids.iter().collect::<HashSet<_>>().len(), 7);
        assert!(matches!(listing.get(2).map(|item| item.source), Some(ItemSource::ChatFile(_))));
        assert!(listing.problems.is_empty());
        assert_eq!(listing.num_ignored, 2);
        assert_eq!(ids, self::ids(&list(&folder, None)), "the same again");
    }

    #[test]
    fn ids_that_only_meet_because_of_a_folder_are_told_apart() {
        let folder = folder(&["a/b.wav", "a:b.wav", "a:b.mp3"]);
        let ids = ids(&list(&folder, None));
        assert_eq!(ids.iter().collect::<HashSet<_>>().len(), 3, "{ids:?}");
    }

    #[test]
    fn two_sides_are_one_call_and_a_side_alone_is_told() {
        let folder =
            folder(&["in/77-in.wav", "in/77-OUT.wav", "in/78-in.wav", "in/79-out.WAV", "in/79-in.mp3"]);
        let listing = list(&folder, None);
        assert_eq!(ids(&listing), ["in:77"]);
        let item = listing.get(0).expect("a call");
        let (first, second) = (folder.path().join("in/77-in.wav"), folder.path().join("in/77-OUT.wav"));
        assert_eq!(item.source, ItemSource::Legs { first, second });
        assert!(item.metadata.channel_roles.is_empty(), "nobody said who called");
        let alone = "archive.leg_alone";
        assert_eq!(
            reasons(&listing),
            [("78-in.wav".into(), alone), ("79-in.mp3".into(), alone), ("79-out.WAV".into(), alone)]
        );
        let whole = ListingOptions { leg_suffixes: Vec::new(), ..ListingOptions::default() };
        let listing = list_folder(folder.path(), &whole).expect("it can be read");
        assert_eq!((listing.len(), listing.problems.len()), (5, 0));
    }

    #[test]
    fn a_pattern_says_who_called_and_with_it_who_speaks_where() {
        let folder = folder(&[
            "out_8021_77-in.wav",
            "out_8021_77-out.wav",
            "in_8022_78-in.wav",
            "in_8022_78-out.wav",
            "x.wav",
        ]);
        let listing = list(&folder, Some("{direction}_{agent}_{call_id}"));
        let heard: Vec<_> = listing
            .iter()
            .map(|item| {
                (
                    item.call_id.to_string(),
                    item.metadata.direction,
                    item.metadata.channel_roles[&ChannelIndex(0)],
                )
            })
            .collect();
        assert_eq!(
            heard,
            [
                ("78".to_owned(), Some(Direction::Inbound), SpeakerRole::Customer),
                ("77".to_owned(), Some(Direction::Outbound), SpeakerRole::Agent),
            ]
        );
        assert_eq!(reasons(&listing), [("x.wav".into(), "archive.name_mismatch")]);
    }

    #[test]
    fn an_id_that_a_name_tells_twice_is_a_problem_and_one_that_is_made_gives_way() {
        let folder = folder(&["a/in_7.wav", "b/in_7.wav", "c/in_客.wav"]);
        let listing = list(&folder, Some("{direction}_{call_id}"));
        assert_eq!(ids(&listing), ["7"]);
        assert_eq!(
            reasons(&listing),
            [("in_7.wav".into(), "archive.duplicate_call_id"), ("in_客.wav".into(), "archive.bad_field")]
        );
        assert!(listing.problems[0].message().contains("`a/in_7.wav`"), "{}", listing.problems[0]);
    }

    #[cfg(unix)]
    #[test]
    fn links_that_lead_back_and_names_without_characters_are_told() {
        use std::os::unix::ffi::OsStrExt;
        let folder = folder(&["a/x.wav"]);
        std::os::unix::fs::symlink(folder.path(), folder.path().join("a/up")).expect("a link");
        std::os::unix::fs::symlink(folder.path().join("a/x.wav"), folder.path().join("y.wav"))
            .expect("a link");
        fs::write(folder.path().join(std::ffi::OsStr::from_bytes(b"\xc8\xcb.wav")), b"")
            .expect("it is written");
        let listing = list(&folder, None);
        assert_eq!(ids(&listing), ["a:x", "y"]);
        let found: Vec<_> = listing.problems.iter().map(ListingProblem::reason).collect();
        assert_eq!(found, ["archive.linked_folder", "archive.name_not_utf8"]);
    }

    #[cfg(unix)]
    #[test]
    fn only_regular_files_are_taken_from_a_folder() {
        let folder = folder(&["a.wav"]);
        let _socket = std::os::unix::net::UnixListener::bind(folder.path().join("b.wav")).expect("a socket");
        std::os::unix::fs::symlink("/dev/zero", folder.path().join("c.wav")).expect("a link");
        std::os::unix::fs::symlink(folder.path().join("gone"), folder.path().join("d.wav")).expect("a link");
        let listing = list(&folder, None);
        assert_eq!(ids(&listing), ["a"]);
        let reasons: Vec<_> = reasons(&listing).into_iter().map(|(_, reason)| reason).collect();
        assert_eq!(reasons, ["archive.not_a_file", "archive.not_a_file", "archive.unreadable"]);
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(list_folder(&folder.path().join("gone"), &ListingOptions::default()).is_err());
        assert!(list(&folder, None).is_empty());
    }
}
