//! Names of topics: made of their key words, or given by a person and found again in a later run.
//!
//! A name that a person gave is of the topic whose first [`NUM_WORDS`] key words are most like those that it was given to
//! (Jaccard, at least [`MIN_LIKE`]). A topic has one name, a name one topic; the newest name is asked first.
//!
//! **Invariant**: names are unique within a run.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::outcome::Topic;

const NUM_WORDS: usize = 10;
const MIN_LIKE: f64 = 0.4;
/// Words of an automatic name.
const NUM_NAME_WORDS: usize = 3;

/// A name that a person gave to a topic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedTopic {
    /// The name.
    pub name: String,
    /// The key words of the topic then, the most telling first.
    pub key_words: Vec<String>,
}

/// Names every topic.
pub(super) fn name_topics(topics: &mut [Topic], names: &[NamedTopic]) {
    let mut taken = BTreeSet::new();
    for named in names.iter().rev() {
        let open = topics.iter_mut().filter(|topic| !topic.is_named);
        let best = open
            .map(|topic| (like(&topic.key_words, &named.key_words), topic))
            .reduce(|best, next| if next.0 > best.0 { next } else { best });
        if let Some((like, topic)) = best
            && like >= MIN_LIKE
            && taken.insert(named.name.clone())
        {
            topic.name.clone_from(&named.name);
            topic.is_named = true;
        }
    }
    for topic in topics {
        // A longer name, then a number, where the first words are those of another.
        let words = |number: usize| {
            topic.key_words.iter().take(number).map(String::as_str).collect::<Vec<_>>().join("、")
        };
        let longer = (NUM_NAME_WORDS..=topic.key_words.len().max(NUM_NAME_WORDS)).map(words);
        let numbered = (2..).map(|number: u32| format!("{}（{number}）", words(NUM_NAME_WORDS)));
        let automatic = longer.chain(numbered).find(|name| !taken.contains(name)).unwrap_or_default();
        topic.automatic_name.clone_from(&automatic);
        if !topic.is_named {
            taken.insert(automatic.clone());
            topic.name = automatic;
        }
    }
}

fn like(words: &[String], others: &[String]) -> f64 {
    let one: BTreeSet<&String> = words.iter().take(NUM_WORDS).collect();
    let other: BTreeSet<&String> = others.iter().take(NUM_WORDS).collect();
    let all = one.union(&other).count();
    if all == 0 { 0.0 } else { one.intersection(&other).count() as f64 / all as f64 }
}
