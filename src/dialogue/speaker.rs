//! Decides who speaks on each channel, or with each voice: from what the sender declared, else from what is said.
//!
//! Evidence is a sum of weighted cues per party, agent positive and customer negative; the difference between two
//! parties decides, because it is the contrast that tells: both sides say 您好. A mix of both speakers on one channel
//! has no role unless their voices were told apart.
//!
//! **Invariant**: roles are never swapped silently. Declared roles stand, and when the words say the opposite the
//! confidence falls below one half.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;

use crate::audio::ChannelLayout;
use crate::types::{CallMetadata, ChannelIndex, Direction, RoleSource, SpeakerRole};

use super::turn::OpenTurn;
use super::utterance::Stretch;
use super::voice::Party;
use super::{DialogueConfig, Ground, Separation};

/// Who speaks where.
#[derive(Debug)]
pub(super) struct Roles {
    by_party: BTreeMap<Party, SpeakerRole>,
    /// Where the roles come from.
    pub(super) source: RoleSource,
    /// How sure they are, 0 to 1.
    pub(super) confidence: f32,
}

impl Roles {
    fn unknown() -> Self {
        Self { by_party: BTreeMap::new(), source: RoleSource::Unknown, confidence: 0.0 }
    }

    /// Gives a turn its role.
    pub(super) fn apply(&self, open: &mut OpenTurn) {
        open.turn.role = if open.automatic {
            SpeakerRole::Bot
        } else {
            let party = Party { channel: open.turn.channel, speaker: open.turn.speaker };
            match self.by_party.get(&party).copied().unwrap_or_default() {
                // Before a person takes the call, whoever is not the customer is the menu.
                SpeakerRole::Agent | SpeakerRole::Unknown if open.early => SpeakerRole::Bot,
                role @ (SpeakerRole::Agent
                | SpeakerRole::Customer
                | SpeakerRole::Bot
                | SpeakerRole::Unknown) => role,
            }
        };
    }
}

/// Where a cue counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// In the first [`OPENING_CHARS`] that the channel says.
    Opening,
    /// Anywhere.
    Anywhere,
}

/// Characters from the start of a channel that count as its opening.
const OPENING_CHARS: usize = 80;

/// Words alone never make sure.
const MAX_CONFIDENCE: f32 = 0.99;

/// How often one cue counts at most: many 您 must not outweigh a job number.
const MAX_REPEATS: usize = 3;

/// What an agent says, with the weight of each.
const AGENT_CUES: [(&str, f32, Place); 15] = [
    ("很高兴为[您你]服务|为[您你]服务", 3.0, Place::Opening),
    ("(有)?什么(可以|能|需要)(帮|为)(助)?(到)?[您你]|需要什么帮助|有什么可以帮", 3.0, Place::Opening),
    ("(这里|这边|我们)是.{1,12}(银行|公司|客服|中心|分行|支行|部门?)", 2.5, Place::Opening),
    (
        "工号(是|为)?[0-9零一二三四五六七八九幺]{2,}|[0-9零一二三四五六七八九幺]{3,6}号?(客服|座席|坐席|为您)",
        3.0,
        Place::Opening,
    ),
    ("我是[^你找]{0,10}(客服|专员|经理|顾问|工作人员|座席|坐席)", 2.5, Place::Opening),
    ("我是[^你]{0,8}(银行|公司|支行)的?[小李王张刘陈杨赵黄周吴徐孙马朱胡郭何林高罗]", 2.0, Place::Opening),
    ("请问(您|你)?是.{0,5}(先生|女士|小姐|本人)", 2.0, Place::Opening),
    ("请?您?稍等|稍等一下", 0.7, Place::Anywhere),
    ("(帮|为|给)您(查|核|登记|转|办|反馈|处理|记录|看|确认|申请|提交|安排|介绍)", 1.5, Place::Anywhere),
    ("(感谢|谢谢)您?的?(来电|致电|耐心|配合|理解|支持)", 1.5, Place::Anywhere),
    ("还有(什么|其他|别的).{0,6}(帮|需要|疑问|问题)", 2.0, Place::Anywhere),
    (
        "(提供|报|说|核对|核实|确认)一?下.{0,4}您?的?(身份证|卡号|手机|姓名|证件|信息|地址)",
        1.5,
        Place::Anywhere,
    ),
    ("祝您|不客气|很抱歉给您|给您(带来|造成)", 1.0, Place::Anywhere),
    ("请问", 0.3, Place::Anywhere),
    ("您", 0.15, Place::Anywhere),
];

/// What a customer says, with the weight of each.
const CUSTOMER_CUES: [(&str, f32, Place); 9] = [
    (
        "我(想|要|需要|打算)(查|问|咨询|了解|办|投诉|取消|退|举报|转人工|挂失|改|订|预订|申请|开通|注销|反映|请教)",
        1.5,
        Place::Anywhere,
    ),
    ("我的?(银行卡|信用卡|卡|账户|账单|钱|贷款|存款|账号|密码|订单|手机|额度)", 1.0, Place::Anywhere),
    ("你们(银行|公司|客服|这个|怎么|那|到底|为什么|是不是|有没有|这)", 1.0, Place::Anywhere),
    ("(帮|给)我(查|看|办|转|取消|解决|处理|问|推荐|找|改|退|订)", 1.5, Place::Anywhere),
    ("怎么(办理?|回事|弄|收费|扣)|为什么(我|会|要|扣|不能)|凭什么", 0.8, Place::Anywhere),
    ("给我(一个)?(说法|解释|答复)|不需要了?谢谢|没(有)?兴趣|我不需要|别再打", 1.5, Place::Anywhere),
    ("(谢谢|麻烦)(你|您)(了|帮)?", 0.5, Place::Anywhere),
    ("你", 0.1, Place::Anywhere),
    ("我", 0.05, Place::Anywhere),
];

#[derive(Debug)]
struct Cue {
    pattern: Regex,
    weight: f32,
    place: Place,
}

static CUES: LazyLock<Vec<Cue>> = LazyLock::new(|| {
    let agent = AGENT_CUES.into_iter();
    let customer = CUSTOMER_CUES.into_iter().map(|(pattern, weight, place)| (pattern, -weight, place));
    let cue = |(pattern, weight, place)| {
        let pattern = Regex::new(pattern).expect("the cues are literals, compiled by the tests");
        Cue { pattern, weight, place }
    };
    agent.chain(customer).map(cue).collect()
});

/// Finds the role of every channel.
pub(super) fn assign(
    stretches: &[Stretch],
    ground: &Ground<'_>,
    separation: Option<&Separation>,
    metadata: &CallMetadata,
    config: &DialogueConfig,
) -> Roles {
    let parties = channels(stretches, &ground.channels);
    let whole = |channel: &ChannelIndex| Party { channel: *channel, speaker: None };
    let declared: BTreeMap<Party, SpeakerRole> = metadata
        .channel_roles
        .iter()
        .map(|(channel, role)| (whole(channel), *role))
        .filter(|(party, role)| parties.contains(party) && *role != SpeakerRole::Unknown)
        .collect();
    match ground.layout {
        // One declared channel is a recording of one side only; two declared were mixed down.
        ChannelLayout::Mono if metadata.channel_roles.len() == 1 && !declared.is_empty() => {
            Roles { by_party: declared, source: RoleSource::Metadata, confidence: 1.0 }
        }
        // Both speakers are on the channel, whatever the sender believes.
        ChannelLayout::Mono | ChannelLayout::DualMono => match separation {
            Some(separation) => voices(stretches, separation, metadata, config),
            None => Roles::unknown(),
        },
        ChannelLayout::Stereo => separated(stretches, &parties, declared, metadata, config),
    }
}

/// Channels in use: those of the recording, else those that have words.
fn channels(stretches: &[Stretch], recorded: &[ChannelIndex]) -> Vec<Party> {
    let used = recorded.iter().copied().chain(stretches.iter().map(|stretch| stretch.channel));
    let mut channels: Vec<Party> = used.map(|channel| Party { channel, speaker: None }).collect();
    channels.sort_unstable();
    channels.dedup();
    channels
}

/// Roles of the two voices of one channel. What the sender declared about channels says nothing about voices.
fn voices(
    stretches: &[Stretch],
    separation: &Separation,
    metadata: &CallMetadata,
    config: &DialogueConfig,
) -> Roles {
    let mut parties: Vec<Party> =
        stretches.iter().map(Stretch::party).filter(|party| party.speaker.is_some()).collect();
    parties.sort_unstable();
    parties.dedup();
    match evidence(stretches, &parties, metadata) {
        Some(found) if found.confidence >= config.min_role_confidence => Roles {
            source: RoleSource::Voices,
            confidence: found.confidence * separation.confidence,
            ..found
        },
        Some(_) | None => Roles::unknown(),
    }
}

fn separated(
    stretches: &[Stretch],
    parties: &[Party],
    declared: BTreeMap<Party, SpeakerRole>,
    metadata: &CallMetadata,
    config: &DialogueConfig,
) -> Roles {
    let evidence = evidence(stretches, parties, metadata);
    if declared.is_empty() {
        return match evidence {
            Some(found) if found.confidence >= config.min_role_confidence => found,
            Some(_) | None => only_machines(stretches, parties),
        };
    }
    let mut by_party = declared;
    if let [first, second] = parties {
        infer_other(&mut by_party, *first, *second);
        infer_other(&mut by_party, *second, *first);
    }
    let contradiction = evidence
        .filter(|found| found.confidence >= config.min_role_confidence)
        .filter(|found| is_swapped(&by_party, &found.by_party));
    let confidence = contradiction.map_or(1.0, |found| 1.0 - found.confidence);
    Roles { by_party, source: RoleSource::Metadata, confidence }
}

/// With two channels, one role tells the other.
fn infer_other(by_party: &mut BTreeMap<Party, SpeakerRole>, known: Party, other: Party) {
    let role = match by_party.get(&known) {
        Some(SpeakerRole::Agent | SpeakerRole::Bot) => SpeakerRole::Customer,
        Some(SpeakerRole::Customer) => SpeakerRole::Agent,
        Some(SpeakerRole::Unknown) | None => return,
    };
    by_party.entry(other).or_insert(role);
}

fn is_swapped(declared: &BTreeMap<Party, SpeakerRole>, found: &BTreeMap<Party, SpeakerRole>) -> bool {
    let pairs = || found.iter().filter_map(|(channel, role)| Some((declared.get(channel)?, role)));
    let opposite = |(declared, found): (&SpeakerRole, &SpeakerRole)| {
        matches!(
            (declared, found),
            (SpeakerRole::Agent, SpeakerRole::Customer) | (SpeakerRole::Customer, SpeakerRole::Agent)
        )
    };
    pairs().count() > 1 && pairs().all(opposite)
}

/// A channel on which only a machine speaks is a machine even when nothing tells the others.
fn only_machines(stretches: &[Stretch], parties: &[Party]) -> Roles {
    let mut roles = Roles::unknown();
    for party in parties {
        if is_machine(stretches, *party) {
            roles.by_party.insert(*party, SpeakerRole::Bot);
            (roles.source, roles.confidence) = (RoleSource::Evidence, 0.9);
        }
    }
    roles
}

fn is_machine(stretches: &[Stretch], party: Party) -> bool {
    let mut said = stretches.iter().filter(|stretch| stretch.party() == party).peekable();
    said.peek().is_some() && said.all(|stretch| stretch.automatic)
}

/// The roles that the words speak for, with their confidence; `None` unless exactly two parties are in use.
fn evidence(stretches: &[Stretch], parties: &[Party], metadata: &CallMetadata) -> Option<Roles> {
    let [first, second] = *parties else { return None };
    let lean = lean(stretches, first, metadata) - lean(stretches, second, metadata);
    let (agent, customer) = if lean >= 0.0 { (first, second) } else { (second, first) };
    // Logistic: a lean of one opening phrase is 0.95, of one polite word 0.6.
    let confidence = (1.0 / (1.0 + (-lean.abs()).exp())).min(MAX_CONFIDENCE);
    if is_machine(stretches, customer) {
        return None;
    }
    let agent_role = if is_machine(stretches, agent) { SpeakerRole::Bot } else { SpeakerRole::Agent };
    let by_party = BTreeMap::from([(agent, agent_role), (customer, SpeakerRole::Customer)]);
    Some(Roles { by_party, source: RoleSource::Evidence, confidence })
}

/// How much a channel sounds like an agent (positive) or a customer (negative).
fn lean(stretches: &[Stretch], party: Party, metadata: &CallMetadata) -> f32 {
    let said =
        stretches.iter().filter(|stretch| stretch.party() == party && !stretch.automatic && !stretch.early);
    let text: String = said.flat_map(|s| s.words.iter()).flat_map(|word| word.text.chars()).collect();
    let text: String = text.chars().filter(|c| c.is_alphanumeric()).collect();
    let opening: String = text.chars().take(OPENING_CHARS).collect();
    let mut lean = 0.0;
    for cue in CUES.iter() {
        let searched = if cue.place == Place::Opening { &opening } else { &text };
        let hits = cue.pattern.find_iter(searched).filter(|hit| !is_quoted(searched, hit.start()));
        lean += cue.weight * hits.take(MAX_REPEATS).count() as f32;
    }
    lean + names_the_agent(&opening, metadata)
}

/// Whether what stands before byte `start` says that somebody else said it: 你们客服说很高兴为您服务.
fn is_quoted(text: &str, start: usize) -> bool {
    let before = text.get(..start).unwrap_or_default();
    let lead: String = before.chars().rev().take(4).collect();
    lead.chars().any(|c| "说讲称".contains(c))
}

/// The declared job number or name in the opening.
fn names_the_agent(opening: &str, metadata: &CallMetadata) -> f32 {
    let said = |fact: &Option<String>| {
        fact.as_deref().is_some_and(|fact| fact.chars().count() > 1 && opening.contains(fact))
    };
    let by_name = if metadata.direction == Some(Direction::Internal) { 0.0 } else { 2.0 };
    f32::from(u8::from(said(&metadata.agent_id))) * 3.0
        + f32::from(u8::from(said(&metadata.agent_name))) * by_name
}
