//! Everything that all rules are judged by, found once per call: the script, every keyword, which expressions can match,
//! every similar sentence.

use std::cell::OnceCell;

use jiff::civil::DateTime;

use super::compile::{CompiledRule, RuleSet};
use super::fact::local_start;
use super::found::Found;
use super::history::History;
use super::matching::RawHit;
use super::normalize::is_bare;
use super::rule::RoleScope;
use super::script::Script;
use super::similar::{Profile, SimilarHit};
use super::{Evidence, Verdict};
use crate::dialogue::Dialogue;
use crate::types::{CallMetadata, Media, Millis, RuleId, SpeakerRole};

/// Nobody says a required phrase in less.
const SHORTEST_PHRASE: Millis = Millis(1_000);

/// A call to judge.
#[derive(Debug, Clone, Copy)]
pub struct CallInput<'a> {
    /// Who said what when.
    pub dialogue: &'a Dialogue,
    /// What the sender declared.
    pub metadata: &'a CallMetadata,
    /// Earlier calls of the same customer; `None`: nobody knows.
    pub history: Option<&'a History>,
    /// Whether the call still runs: only live rules are judged.
    pub live: bool,
}

/// What one rule came to.
#[derive(Debug, Clone)]
pub(super) struct Judged {
    pub(super) verdict: Verdict,
    pub(super) reason: Option<&'static str>,
    /// Its hits, by place.
    pub(super) found: Vec<Found>,
    pub(super) evidence: Vec<Evidence>,
}

/// A call laid out for judging.
pub(super) struct Scene<'a> {
    pub(super) set: &'a RuleSet,
    pub(super) dialogue: &'a Dialogue,
    pub(super) metadata: &'a CallMetadata,
    pub(super) history: Option<&'a History>,
    pub(super) script: Script,
    pub(super) hits: Vec<RawHit>,
    /// Sorted indexes of the expressions that can match.
    pub(super) candidates: Vec<u32>,
    pub(super) similar: Vec<SimilarHit>,
    /// Local time at which the call began.
    pub(super) local: Option<DateTime>,
    /// Whether somebody whose role nobody knows speaks.
    has_unknown: bool,
    /// The roles in which somebody speaks.
    speaking: Vec<SpeakerRole>,
    /// What each rule came to, as far as judged.
    pub(super) judged: Vec<Option<Judged>>,
    profiles: OnceCell<Vec<Option<Profile>>>,
}

impl<'a> Scene<'a> {
    /// Homophones count only for what a recogniser wrote, never in a chat.
    pub(super) fn new(set: &'a RuleSet, input: &CallInput<'a>) -> Self {
        let mut script = Script::new(input.dialogue);
        let by_sound = input.metadata.media != Media::Chat;
        if by_sound {
            set.matcher.restore(&mut script);
        }
        let hits = set.matcher.find(&script, by_sound);
        let mut candidates: Vec<u32> =
            script.streams.iter().flat_map(|stream| set.prefilter.candidates(&stream.text)).collect();
        candidates.sort_unstable();
        candidates.dedup();
        let similar = set.similar.find(&script, by_sound);
        Self {
            set,
            dialogue: input.dialogue,
            metadata: input.metadata,
            history: input.history,
            script,
            hits,
            candidates,
            similar,
            local: local_start(input.metadata, set.scheme.utc_offset_minutes),
            has_unknown: input.dialogue.turns.iter().any(|turn| turn.role == SpeakerRole::Unknown),
            speaking: [SpeakerRole::Agent, SpeakerRole::Customer, SpeakerRole::Bot, SpeakerRole::Unknown]
                .into_iter()
                .filter(|role| input.dialogue.turns.iter().any(|turn| turn.role == *role))
                .collect(),
            judged: vec![None; set.rules.len()],
            profiles: OnceCell::new(),
        }
    }

    /// What a rule that was judged before came to.
    pub(super) fn judged(&self, id: &RuleId) -> Option<&Judged> {
        let of_id = |compiled: &CompiledRule| compiled.rule.id == *id;
        let index = self.set.rules.iter().position(of_id)?;
        self.judged.get(index)?.as_ref()
    }

    /// What each sentence of the script is compared by; `None` for one without words.
    pub(super) fn profiles(&self) -> &[Option<Profile>] {
        self.profiles.get_or_init(|| {
            let of = |sentence: &super::script::Sentence| {
                let stream = self.script.streams.get(sentence.stream)?;
                let chars = stream.chars.get(sentence.chars.0..sentence.chars.1)?;
                let bare: Vec<char> = chars.iter().copied().filter(|char| is_bare(*char)).collect();
                (!bare.is_empty()).then(|| Profile::new(&bare, false))
            };
            self.script.sentences.iter().map(of).collect()
        })
    }

    /// Whether words of this role can be told. A known call in which the role never speaks counts as known.
    pub(super) fn knows_role(&self, scope: RoleScope) -> bool {
        scope == RoleScope::Any || self.speaks(scope) || !self.has_unknown()
    }

    pub(super) fn speaks(&self, scope: RoleScope) -> bool {
        self.speaking.iter().any(|role| scope.includes(*role))
    }

    pub(super) fn has_unknown(&self) -> bool {
        self.has_unknown
    }

    /// Whether somebody in `scope` may have said a whole phrase that could not be made out: on a channel where no other
    /// role is heard.
    pub(super) fn may_have_missed(&self, scope: RoleScope) -> bool {
        self.dialogue.unheard.iter().any(|unheard| {
            let mut on_channel =
                self.dialogue.turns.iter().filter(|turn| turn.channel == unheard.channel).peekable();
            unheard.span.duration() >= SHORTEST_PHRASE
                && (on_channel.peek().is_none()
                    || on_channel.any(|turn| scope.includes(turn.role) || turn.role == SpeakerRole::Unknown))
        })
    }

    /// Why what `scope` did not say may have been said all the same.
    pub(super) fn doubt(&self, scope: RoleScope) -> Option<&'static str> {
        if scope != RoleScope::Any && self.has_unknown() {
            return Some("role_unknown");
        }
        self.may_have_missed(scope).then_some("unheard")
    }
}
