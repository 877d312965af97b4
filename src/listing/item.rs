//! Items of an archive, kept small: an archive may have a million.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::fields::Draft;
use super::manifest::Table;
use super::options::CHAT_EXTENSION;
use super::{ItemError, LegRoles, ListingOptions, ListingProblem};
use super::{folder, legs};
use crate::types::{AudioDeclaration, CallId, CallMetadata, ChannelIndex, Media, SpeakerRole};

/// One call to import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArchiveItem {
    /// Its id.
    pub call_id: CallId,
    /// The files it is made of.
    pub source: ItemSource,
    /// What names and columns say about it.
    pub metadata: CallMetadata,
    /// How to read its audio; of each leg, when there are two.
    pub declaration: AudioDeclaration,
    /// What its row says besides, as the proto3 JSON of metadata, which goes over `metadata`. It may name the customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beside: Option<String>,
}

/// The files of a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ItemSource {
    /// A recording.
    File(PathBuf),
    /// The two sides of a call, which [`super::join_legs`] makes one recording: channel 0 and channel 1, whose roles are in
    /// the metadata where they are known.
    Legs {
        /// Channel 0: the `-in` leg, or the agent's.
        first: PathBuf,
        /// Channel 1: the `-out` leg, or the customer's.
        second: PathBuf,
    },
    /// A file of chats, `*.jsonl`.
    ChatFile(PathBuf),
}

impl ItemSource {
    /// Every file of it.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        let (first, second) = match self {
            Self::File(path) | Self::ChatFile(path) => (path, None),
            Self::Legs { first, second } => (first, Some(second)),
        };
        std::iter::once(first).chain(second).map(PathBuf::as_path)
    }

    pub(super) fn file(path: PathBuf) -> Self {
        let is_chat =
            path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case(CHAT_EXTENSION));
        if is_chat { Self::ChatFile(path) } else { Self::File(path) }
    }
}

/// The calls of an archive, in order, and what in it is none.
#[derive(Debug, Clone)]
pub struct Listing {
    pub(super) origin: Origin,
    pub(super) entries: Vec<Entry>,
    /// What cannot be imported, in the order in which it stands.
    pub problems: Vec<ListingProblem>,
    /// Files of a folder that were passed over because of their ending.
    pub num_ignored: u64,
}

/// Where entries come from, and how to make items of them.
#[derive(Debug, Clone)]
pub(super) enum Origin {
    Folder { root: PathBuf, options: ListingOptions },
    Manifest(Box<Table>),
}

/// An item as short as it can be said.
#[derive(Debug, Clone)]
pub(super) enum Entry {
    /// A file, by its way from the root.
    File { way: Box<str>, form: IdForm },
    /// Two legs, likewise, with the length of what both names begin with.
    Legs { incoming: Box<str>, outgoing: Box<str>, call_len: u32, form: IdForm },
    /// A row of a manifest, as it was read.
    Row(Box<str>),
}

/// How a call id is made of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum IdForm {
    /// Without the extension.
    Stem,
    /// With it: another file has the same name without.
    Name,
    /// With a digest: another file has that id too.
    Digest,
}

impl Listing {
    /// Calls in it.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it has no call.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The call at `index`, from 0; the same listing has the same call there.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<ArchiveItem> {
        // Every entry was made an item once, or it would be a problem.
        self.origin.item(self.entries.get(index)?).ok()
    }

    /// Every call, in order.
    pub fn iter(&self) -> impl Iterator<Item = ArchiveItem> {
        self.entries.iter().filter_map(|entry| self.origin.item(entry).ok())
    }
}

impl Origin {
    fn item(&self, entry: &Entry) -> Result<ArchiveItem, ItemError> {
        match (self, entry) {
            (Self::Folder { root, options }, Entry::File { .. } | Entry::Legs { .. }) => {
                folder::item(root, options, entry)
            }
            (Self::Manifest(table), Entry::Row(text)) => table.item(text),
            (Self::Folder { .. }, Entry::Row(_))
            | (Self::Manifest(_), Entry::File { .. } | Entry::Legs { .. }) => Err(ItemError::NoPath),
        }
    }
}

/// An item of what is known, its id given.
pub(super) fn finish(mut draft: Draft, call_id: CallId, source: ItemSource) -> ArchiveItem {
    if matches!(source, ItemSource::ChatFile(_)) {
        draft.metadata.media = Media::Chat;
    }
    // The name of the first file hints at the container of both legs.
    let name =
        source.paths().next().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
    draft.declaration.file_name = name;
    let Draft { metadata, declaration, beside, .. } = draft;
    ArchiveItem { call_id, source, metadata, declaration, beside }
}

/// Says who is heard on the legs of a call, unless that is known better.
pub(super) fn set_leg_roles(draft: &mut Draft, leg_roles: LegRoles) {
    let Some(in_is_agent) = leg_roles.in_is_agent(draft.direction()) else { return };
    let (incoming, outgoing) = legs::roles(in_is_agent);
    set_roles(draft, incoming, outgoing);
}

/// Roles of both channels, unless they are known better.
pub(super) fn set_roles(draft: &mut Draft, first: SpeakerRole, second: SpeakerRole) {
    if draft.metadata.channel_roles.is_empty() {
        draft.metadata.channel_roles = [(ChannelIndex(0), first), (ChannelIndex(1), second)].into();
    }
}
