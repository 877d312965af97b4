//! Who works there: teams, agents, and what each of them tends to forget.

use rand::RngExt as _;
use rand::rngs::ChaCha8Rng;

use super::rng;

/// Something that agents do wrong, by the rule that finds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Slip {
    /// No notice of the recording (B03).
    Recording,
    /// No question for further needs (B11).
    More,
    /// No proper ending (B12).
    Ending,
    /// No identity check before an account is spoken of (B04).
    Identity,
    /// Impatience (L02).
    Impatience,
    /// The buck is passed (L01).
    Buck,
    /// A harmless sentence that the rule L10 takes for a promise.
    HarmlessPromise,
    /// Ten seconds and more of silence without a word (A03N).
    Silence,
}

impl Slip {
    pub(super) const ALL: [Self; 8] = [
        Self::Recording,
        Self::More,
        Self::Ending,
        Self::Identity,
        Self::Impatience,
        Self::Buck,
        Self::HarmlessPromise,
        Self::Silence,
    ];

    /// How often an ordinary agent does it, of the calls where it is possible.
    fn ordinary_rate(self) -> f64 {
        match self {
            Self::Recording => 0.06,
            Self::More => 0.12,
            Self::Ending => 0.08,
            Self::Identity => 0.06,
            Self::Impatience | Self::HarmlessPromise => 0.03,
            Self::Buck => 0.015,
            Self::Silence => 0.05,
        }
    }

    fn index(self) -> usize {
        Self::ALL.iter().position(|one| *one == self).unwrap_or_default()
    }
}

/// One agent.
#[derive(Debug, Clone)]
pub(super) struct Agent {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) team: String,
    pub(super) skill_group: &'static str,
    /// What makes this one better or worse than others, by slip.
    rates: [f64; Slip::ALL.len()],
}

impl Agent {
    /// How often this agent does it.
    pub(super) fn rate(&self, slip: Slip) -> f64 {
        self.rates.get(slip.index()).copied().unwrap_or_default()
    }
}

const SKILL_GROUPS: [(&str, &str); 4] =
    [("信用卡", "信用卡服务"), ("储蓄", "储蓄服务"), ("贷款", "贷款服务"), ("渠道", "电子渠道")];
const NUMERALS: [&str; 12] = ["一", "二", "三", "四", "五", "六", "七", "八", "九", "十", "十一", "十二"];
const SURNAMES: &str = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗";
const GIVEN: &str = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平";
/// Agents of a team, as far as they go round.
const TEAM_SIZE: usize = 40;

/// All agents, team by team; job numbers from 20001.
pub(super) fn agents(seed: u64, number: usize) -> Vec<Agent> {
    (0..number)
        .map(|index| {
            let mut rng = rng(seed, &[1, index as u64]);
            let team = index / TEAM_SIZE;
            let (prefix, skill_group) = SKILL_GROUPS[team % SKILL_GROUPS.len()];
            let ordinal = team / SKILL_GROUPS.len();
            let ordinal =
                NUMERALS.get(ordinal).map_or_else(|| (ordinal + 1).to_string(), |text| (*text).to_owned());
            let rates = Slip::ALL.map(|slip| (slip.ordinary_rate() * spread(&mut rng)).min(0.5));
            Agent {
                id: (20_001 + index).to_string(),
                name: [pick_char(&mut rng, SURNAMES), pick_char(&mut rng, GIVEN)].into_iter().collect(),
                team: format!("{prefix}{ordinal}组"),
                skill_group,
                rates,
            }
        })
        .collect()
}

/// How many times as often as others somebody does something: between a half and twice, mostly near one.
fn spread(rng: &mut ChaCha8Rng) -> f64 {
    let sum: f64 = (0..4).map(|_| rng.random_range(-0.5..0.5_f64)).sum();
    (0.7 * sum).exp()
}

fn pick_char(rng: &mut ChaCha8Rng, text: &str) -> char {
    let index = rng.random_range(0..text.chars().count());
    text.chars().nth(index).unwrap_or('某')
}
