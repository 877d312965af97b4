//! One conversation: who says what when.

use rand::RngExt as _;
use rand::rngs::ChaCha8Rng;

use super::people::{Agent, Slip};
use super::phrases as p;
use super::phrases::Scenario;
use crate::analysis::WrittenTurn;
use crate::types::{Direction, Millis, SpeakerRole, TimeSpan};

/// Milliseconds a character takes.
const CHAR_MS: u64 = 230;

/// Builds turns one after the other.
struct Talk<'a> {
    rng: &'a mut ChaCha8Rng,
    turns: Vec<WrittenTurn>,
    now: u64,
    fill: Fill,
}

/// What stands for the places left open in a phrase.
struct Fill {
    agent_id: String,
    amount: u32,
    tail: u32,
    day: u32,
    month: u32,
}

/// What the agent does wrong in this call.
pub(super) type Slips = Vec<Slip>;

/// The conversation of `scenario` with `agent`.
pub(super) fn converse(
    rng: &mut ChaCha8Rng,
    agent: &Agent,
    scenario: &Scenario,
    month: u32,
    slips: &Slips,
) -> Vec<WrittenTurn> {
    let fill = Fill {
        agent_id: agent.id.clone(),
        amount: rng.random_range(20..9000),
        tail: rng.random_range(1000..9999),
        day: rng.random_range(5..28),
        month,
    };
    let mut talk = Talk { rng, turns: Vec::new(), now: 1_200, fill };
    talk.open(scenario, slips);
    talk.middle(scenario, slips);
    talk.close(scenario, slips);
    talk.turns
}

impl Talk<'_> {
    fn open(&mut self, scenario: &Scenario, slips: &Slips) {
        let mut parts = vec![self.pick(p::GREETINGS), self.pick(p::NAMES)];
        if !slips.contains(&Slip::Recording) {
            parts.push(self.pick(p::RECORDED));
        }
        match scenario.direction {
            Direction::Outbound => {
                parts.push(self.pick(p::CONVENIENT));
                self.agent(&parts.join("，"), "？");
                self.customer_of(p::CONVENIENT_ANSWERS);
                let need = self.pick(scenario.needs);
                self.agent(&need, "。");
                self.customer_of(p::ACKNOWLEDGEMENTS);
            }
            Direction::Inbound | Direction::Internal => {
                parts.push(self.pick(p::OFFERS));
                self.agent(&parts.join("，"), "？");
                self.customer_of(scenario.needs);
            }
        }
    }

    fn middle(&mut self, scenario: &Scenario, slips: &Slips) {
        if scenario.needs_identity && !slips.contains(&Slip::Identity) {
            self.agent_of(p::IDENTITY, "？");
            self.customer_of(p::IDENTITY_ANSWERS);
        }
        if self.rng.random_bool(0.4) || slips.contains(&Slip::Silence) {
            if slips.contains(&Slip::Silence) {
                self.agent("嗯", "。");
                self.now += self.rng.random_range(12_000..22_000);
            } else {
                self.agent_of(p::WAITS, "。");
                self.customer_of(p::ACKNOWLEDGEMENTS);
                self.now += self.rng.random_range(2_000..8_000);
            }
            self.agent_of(p::THANKS, "。");
        }
        let is_angry = scenario.demand == "投诉" || scenario.demand == "催办" && self.rng.random_bool(0.3);
        for (index, exchange) in scenario.exchanges.iter().enumerate() {
            self.agent_of(exchange.agent, "。");
            if index == 0 && self.rng.random_bool(0.06) {
                self.agent_of(p::UNKNOWING, "。");
            }
            self.customer_of(exchange.customer);
            if index == 0 {
                if is_angry {
                    self.customer_of(p::ANGER);
                    self.agent_of(p::APOLOGIES, "。");
                    self.customer_of(p::ACKNOWLEDGEMENTS);
                }
                self.slip(slips, Slip::Impatience, p::IMPATIENCE);
                self.slip(slips, Slip::Buck, p::BUCK);
            }
        }
        self.slip(slips, Slip::HarmlessPromise, p::HARMLESS_PROMISES);
    }

    fn slip(&mut self, slips: &Slips, slip: Slip, phrases: &'static [&'static str]) {
        if slips.contains(&slip) {
            self.agent_of(phrases, "。");
            self.customer_of(p::ACKNOWLEDGEMENTS);
        }
    }

    fn close(&mut self, scenario: &Scenario, slips: &Slips) {
        if !slips.contains(&Slip::More) {
            self.agent_of(p::MORE, "？");
            self.customer_of(p::MORE_ANSWERS);
        }
        if slips.contains(&Slip::Ending) {
            self.agent("嗯，行", "。");
            return;
        }
        let ending = self.pick(p::ENDINGS);
        let text = match scenario.direction {
            Direction::Inbound => format!("{}，{ending}", self.pick(p::RATINGS)),
            Direction::Outbound | Direction::Internal => ending,
        };
        self.agent(&text, "。");
    }

    fn pick(&mut self, phrases: &'static [&'static str]) -> String {
        let index = self.rng.random_range(0..phrases.len().max(1));
        let phrase = phrases.get(index).copied().unwrap_or_default();
        let Fill { agent_id, amount, tail, day, month } = &self.fill;
        if !phrase.contains('{') {
            return phrase.to_owned();
        }
        phrase
            .replace("{工号}", agent_id)
            .replace("{金额}", &amount.to_string())
            .replace("{尾号}", &tail.to_string())
            .replace("{日}", &day.to_string())
            .replace("{月}", &month.to_string())
    }

    fn agent_of(&mut self, phrases: &'static [&'static str], end: &str) {
        let text = self.pick(phrases);
        self.agent(&text, end);
    }

    fn agent(&mut self, text: &str, end: &str) {
        self.say(SpeakerRole::Agent, format!("{text}{end}"));
    }

    fn customer_of(&mut self, phrases: &'static [&'static str]) {
        let text = self.pick(phrases);
        let end = if ["吗", "么", "少", "多久", "怎么办", "怎么弄", "能不能退"]
            .iter()
            .any(|end| text.ends_with(end))
        {
            "？"
        } else {
            "。"
        };
        self.say(SpeakerRole::Customer, format!("{text}{end}"));
    }

    fn say(&mut self, role: SpeakerRole, text: String) {
        let start = self.now + self.rng.random_range(250..900);
        let end = start + CHAR_MS * text.chars().count() as u64;
        self.now = end;
        let span = Some(TimeSpan::new(Millis(start), Millis(end)));
        self.turns.push(WrittenTurn { role, span, loudness_dbfs: None, text });
    }
}
