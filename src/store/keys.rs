//! The layout of keys in sled: one tree, one leading byte per kind, everything big-endian so that order means something.
//!
//! Lists are newest first, so indexes carry the time inverted and are scanned forwards. Entries of an index end in the
//! same `time, id` suffix: a position in one list means the same in another.
//!
//! | kind | key | value |
//! | --- | --- | --- |
//! | `c` | id | the call's record |
//! | `t` | inverted time, id | – |
//! | `a` | digest of the agent, inverted time, id | – |
//! | `u` | digest of the customer, inverted time, id | – |
//! | `r` | rule, 0, inverted time, id | – |
//! | `s` | state, inverted time, id | – |
//! | `q` | time, id: unfinished calls that were sent, oldest first | – |
//! | `w` | time, id: unfinished calls of archives, oldest first; they wait for those of `q` | – |
//! | `j` | id of a job | the job |
//! | `i` | id of a job, 0, number | what the job is to do next, one by one |
//! | `b` | hash of the audio, id | – |
//! | `g` | name of a result file that is to be removed | – |
//! | `x` | inverted time, id: who asked for originals | the audit entry |
//! | `f` | id | the facts of the call, a row of the catalog |
//! | `y` | number of a change | number and id of the call; the number alone when it was deleted |
//! | `n` | nothing | the number of the next call |
//! | `k` | id | what was said about the call after it was judged |
//! | `d` | family, key | a document |
//! | `v` | nothing | version of this layout |
//!
//! **Invariant**: no key is a prefix of another kind's, and identifiers never hold the separator 0.

use sha2::{Digest, Sha256};

use crate::ingest::{CallRecord, CallState, Origin};
use crate::types::{CallId, ContentHash, JobId, RuleId};

pub(super) const LAYOUT: &[u8] = b"v";
pub(super) const QUEUE: &[u8] = b"q";
pub(super) const QUEUE_OF_ARCHIVES: &[u8] = b"w";
pub(super) const JOB: &[u8] = b"j";
pub(super) const GONE: &[u8] = b"g";
pub(super) const TIME: &[u8] = b"t";
pub(super) const CALL: &[u8] = b"c";
pub(super) const ACCESS: &[u8] = b"x";
pub(super) const FACTS: &[u8] = b"f";
pub(super) const CHANGE: &[u8] = b"y";
pub(super) const NEXT_NUMBER: &[u8] = b"n";
const ANNOTATIONS: &[u8] = b"k";
const DOCUMENT: &[u8] = b"d";
const BLOB: &[u8] = b"b";

/// Bytes of the time in a key.
pub(super) const TIME_BYTES: usize = 8;
const AGENT_BYTES: usize = 16;
const CUSTOMER_BYTES: usize = 16;
const HASH_BYTES: usize = 32;

pub(super) fn call(id: &CallId) -> Vec<u8> {
    concat(&[CALL, id.as_str().as_bytes()])
}

/// The prefix of one agent's calls. A digest, because a job number may be of any length and hold any character.
pub(super) fn agent(agent_id: &str) -> Vec<u8> {
    let digest = Sha256::digest(agent_id.as_bytes());
    let (digest, _) = digest.split_at(AGENT_BYTES);
    concat(&[b"a", digest])
}

/// The prefix of one customer's calls, by a digest likewise.
pub(super) fn customer(customer_ref: &str) -> Vec<u8> {
    let digest = Sha256::digest(customer_ref.as_bytes());
    let (digest, _) = digest.split_at(CUSTOMER_BYTES);
    concat(&[b"u", digest])
}

/// The prefix of the calls that a rule hit.
pub(super) fn rule(rule_id: &RuleId) -> Vec<u8> {
    concat(&[b"r", rule_id.as_str().as_bytes(), &[0]])
}

/// The prefix of the calls in a state.
pub(super) fn state(state: &CallState) -> Vec<u8> {
    let number = match state {
        CallState::Accepted => 1,
        CallState::Decoding => 2,
        CallState::Transcribing => 3,
        CallState::Scoring => 4,
        CallState::Done => 5,
        CallState::Failed(_) => 6,
    };
    vec![b's', number]
}

/// The prefix of the calls that carry the same audio.
pub(super) fn blob(hash: &ContentHash) -> Vec<u8> {
    concat(&[BLOB, hash.as_bytes()])
}

pub(super) fn blob_of(hash: &ContentHash, id: &CallId) -> Vec<u8> {
    concat(&[&blob(hash), id.as_str().as_bytes()])
}

/// The place of a call in the queue that its origin gives it.
pub(super) fn queued(record: &CallRecord) -> Vec<u8> {
    let queue = match record.origin {
        Origin::Upload => QUEUE,
        Origin::Job(_) => QUEUE_OF_ARCHIVES,
    };
    concat(&[queue, &ascending(record.received_at).to_be_bytes(), record.id.as_str().as_bytes()])
}

pub(super) fn job(id: &JobId) -> Vec<u8> {
    concat(&[JOB, id.as_str().as_bytes()])
}

/// The prefix of what a job is to do.
pub(super) fn job_items(id: &JobId) -> Vec<u8> {
    concat(&[b"i", id.as_str().as_bytes(), &[0]])
}

pub(super) fn job_item(id: &JobId, number: u64) -> Vec<u8> {
    concat(&[&job_items(id), &number.to_be_bytes()])
}

pub(super) fn gone(name: &str) -> Vec<u8> {
    concat(&[GONE, name.as_bytes()])
}

/// An entry of the audit record: of no call, so that it stays when its call goes.
pub(super) fn access(at: jiff::Timestamp, id: &str) -> Vec<u8> {
    concat(&[ACCESS, &newest_first(at).to_be_bytes(), id.as_bytes()])
}

/// The facts of a call.
pub(super) fn facts(id: &CallId) -> Vec<u8> {
    concat(&[FACTS, id.as_str().as_bytes()])
}

/// A place in the order of changes.
pub(super) fn change(number: u64) -> Vec<u8> {
    concat(&[CHANGE, &number.to_be_bytes()])
}

/// The number that follows `prefix` in a key.
pub(super) fn number_of(prefix: &[u8], key: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(key.strip_prefix(prefix)?.try_into().ok()?))
}

/// What was said about a call after it was judged.
pub(super) fn annotations(id: &CallId) -> Vec<u8> {
    concat(&[ANNOTATIONS, id.as_str().as_bytes()])
}

/// A document of a family.
pub(super) fn document(family: u8, key: &[u8]) -> Vec<u8> {
    concat(&[DOCUMENT, &[family], key])
}

/// The end of an index entry: newest first, then by id.
pub(super) fn suffix(received_at: jiff::Timestamp, id: &CallId) -> Vec<u8> {
    concat(&[&newest_first(received_at).to_be_bytes(), id.as_str().as_bytes()])
}

pub(super) fn indexed(prefix: &[u8], received_at: jiff::Timestamp, id: &CallId) -> Vec<u8> {
    concat(&[prefix, &suffix(received_at, id)])
}

/// A number that grows as time goes back.
pub(super) fn newest_first(time: jiff::Timestamp) -> u64 {
    !ascending(time)
}

/// The first key after all that begin with `prefix`; `None` when there is none.
pub(super) fn after(prefix: &[u8]) -> Option<Vec<u8>> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if let Some(next) = last.checked_add(1) {
            end.push(next);
            return Some(end);
        }
    }
    None
}

/// The id of the call that an entry belongs to; `None` for entries of no call.
pub(super) fn owner(key: &[u8]) -> Option<&[u8]> {
    let (kind, rest) = key.split_first()?;
    let num_bytes = match kind {
        b'c' | b'f' | b'k' => 0,
        b't' | b'q' | b'w' => TIME_BYTES,
        b'a' => AGENT_BYTES + TIME_BYTES,
        b'u' => CUSTOMER_BYTES + TIME_BYTES,
        b'r' => rest.iter().position(|byte| *byte == 0)? + 1 + TIME_BYTES,
        b's' => 1 + TIME_BYTES,
        b'b' => HASH_BYTES,
        _ => return None,
    };
    rest.get(num_bytes..)
}

/// When the call of this entry was received, if it is one of the index by time.
pub(super) fn received_at(key: &[u8]) -> Option<jiff::Timestamp> {
    let (time, _) = key.strip_prefix(TIME)?.split_first_chunk()?;
    let micros = (!u64::from_be_bytes(*time) ^ (1 << 63)).cast_signed();
    jiff::Timestamp::from_microsecond(micros).ok()
}

/// The audio of the call of this entry, if it is one of the index by audio.
pub(super) fn audio(key: &[u8]) -> Option<ContentHash> {
    let (hash, _) = key.strip_prefix(BLOB)?.split_first_chunk()?;
    Some(ContentHash::new(*hash))
}

/// Microseconds, shifted so that times before 1970 sort first.
fn ascending(time: jiff::Timestamp) -> u64 {
    time.as_microsecond().cast_unsigned() ^ (1 << 63)
}

pub(super) fn concat(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ingest::Recording;
    use crate::types::{AudioDeclaration, CallMetadata};

    fn id(text: &str) -> CallId {
        CallId::try_new(text).expect("a valid id")
    }

    fn origins() -> [Origin; 2] {
        [Origin::Upload, Origin::Job(JobId::try_new("j1").expect("valid"))]
    }

    fn record(received_at: jiff::Timestamp, id: CallId, origin: Origin) -> CallRecord {
        CallRecord {
            id,
            metadata: CallMetadata::default(),
            recording: Recording {
                hash: ContentHash::new([0; 32]),
                num_bytes: 1,
                declaration: AudioDeclaration::default(),
            },
            received_at,
            state: CallState::Accepted,
            num_attempts: 0,
            duration: None,
            origin,
        }
    }

    proptest! {
        #[test]
        fn later_calls_come_first_and_wait_last(left in -9_000_000_000_000_000i64..9_000_000_000_000_000, right in -9_000_000_000_000_000i64..9_000_000_000_000_000) {
            let time = |micros| jiff::Timestamp::from_microsecond(micros).expect("within range");
            prop_assert_eq!(left.cmp(&right), suffix(time(right), &id("x")).cmp(&suffix(time(left), &id("x"))));
            let queued = |micros, origin: &Origin| queued(&record(time(micros), id("x"), origin.clone()));
            for origin in origins() {
                prop_assert_eq!(left.cmp(&right), queued(left, &origin).cmp(&queued(right, &origin)));
            }
            let [sent, archived] = origins();
            prop_assert!(queued(left, &sent) < queued(right, &archived));
        }

        #[test]
        fn every_entry_names_its_call(name in "[a-z0-9.:@_-]{0,20}", micros in -9_000_000_000_000_000i64..9_000_000_000_000_000, hash: [u8; 32]) {
            let (id, hash) = (id(&format!("c{name}")), ContentHash::new(hash));
            let time = jiff::Timestamp::from_microsecond(micros).expect("within range");
            let rule_id = RuleId::try_new("S1").expect("valid");
            let by_time = indexed(TIME, time, &id);
            let prefixes = [agent("007"), customer("c7"), rule(&rule_id), state(&CallState::Done)];
            let mut entries: Vec<_> = prefixes.iter().map(|prefix| indexed(prefix, time, &id)).collect();
            entries.extend([call(&id), by_time.clone(), blob_of(&hash, &id)]);
            entries.extend(origins().map(|origin| queued(&record(time, id.clone(), origin))));
            for entry in entries {
                prop_assert_eq!(owner(&entry), Some(id.as_str().as_bytes()));
            }
            prop_assert_eq!(received_at(&by_time), Some(time));
            prop_assert_eq!(audio(&blob_of(&hash, &id)), Some(hash));
            prop_assert!(owner(&gone("0a")).is_none());
            prop_assert_eq!(owner(LAYOUT), None);
            let job_id = JobId::try_new("j1").expect("valid");
            prop_assert!(owner(&job(&job_id)).is_none());
            prop_assert!(owner(&job_item(&job_id, 7)).is_none());
        }

        #[test]
        fn the_end_of_a_prefix_follows_all_its_keys(prefix in prop::collection::vec(any::<u8>(), 1..5), rest: Vec<u8>) {
            if let Some(end) = after(&prefix) {
                prop_assert!(concat(&[&prefix, &rest]) < end);
                prop_assert!(end > prefix);
            }
        }
    }

    #[test]
    fn one_rule_is_never_the_prefix_of_another() {
        let (short, long) = (RuleId::try_new("S1"), RuleId::try_new("S10"));
        let (short, long) = (rule(&short.expect("valid")), rule(&long.expect("valid")));
        assert!(!long.starts_with(&short));
    }
}
