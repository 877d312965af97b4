//! Settings of alerts: when they are damped and escalated, and who receives them.
//!
//! **Invariant**: addresses and secrets of receivers are in no text that this module makes: a robot's address is its
//! password.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize, Serializer};

use super::book::MAX_EARLIER;
use crate::analysis::Level;

/// Most characters of a receiver's name.
const MAX_NAME_CHARS: usize = 64;
/// Longest time in which alerts of a risk model are counted.
const MAX_STORM_SECONDS: u64 = 7 * 24 * 3_600;
/// What stands for a hidden text.
const SHOWN: &str = "***";

/// Settings of alerts, section `alerts` of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AlertsConfig {
    /// Whether calls that an import job brings raise alerts. Off: an archive of years raises none.
    pub for_archives: bool,
    /// Most alerts of one risk model that go out one by one within `storm_seconds`; the others go into a digest.
    pub storm_max: u32,
    /// Length of the time that `storm_max` is of, in seconds.
    pub storm_seconds: u64,
    /// Seconds from the first alert that was held back to the digest of it and those after it.
    pub digest_seconds: u64,
    /// Seconds by level after which an alert that nobody acknowledged is escalated. Levels that are not here never are.
    pub escalate_seconds: BTreeMap<Level, u64>,
    /// How often and how long a receiver is tried.
    pub retry: RetryConfig,
    /// Who receives alerts.
    pub receiver: Vec<ReceiverConfig>,
}

impl Default for AlertsConfig {
    fn default() -> Self {
        Self {
            for_archives: false,
            storm_max: 20,
            storm_seconds: 600,
            digest_seconds: 600,
            escalate_seconds: BTreeMap::from([(Level::S1, 15 * 60), (Level::S2, 4 * 3600)]),
            retry: RetryConfig::default(),
            receiver: Vec::new(),
        }
    }
}

/// How often and how long a receiver is tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetryConfig {
    /// Milliseconds from the first failure to the second try; doubles with each failure.
    pub base_millis: u64,
    /// Most milliseconds between two tries.
    pub max_millis: u64,
    /// Tries until a message is a dead letter.
    pub max_tries: u32,
    /// Seconds from the first try until a message is a dead letter.
    pub max_age_seconds: u64,
}

impl Default for RetryConfig {
    fn default() -> Self {
        Self { base_millis: 1_000, max_millis: 300_000, max_tries: 12, max_age_seconds: 86_400 }
    }
}

/// In which form a receiver wants its messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReceiverKind {
    /// A program: the events as JSON, signed.
    #[default]
    Json,
    /// A robot in a group of 企业微信.
    Wecom,
    /// A robot in a group of 钉钉.
    Dingtalk,
    /// A robot in a group of 飞书.
    Feishu,
}

/// A text that is never shown: not by `config show`, not in logs.
#[derive(Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(transparent)]
pub struct Hidden(String);

impl Hidden {
    /// Hides `text`.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for use only.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(SHOWN)
    }
}

impl Serialize for Hidden {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(if self.0.is_empty() { "" } else { SHOWN })
    }
}

/// Who receives alerts: an address that takes them by HTTP POST.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReceiverConfig {
    /// Its name, which its place in the stream of events hangs on: letters, digits, `-` and `_`.
    pub name: String,
    /// The address, `https://` or `http://`.
    pub url: Hidden,
    /// In which form.
    pub kind: ReceiverKind,
    /// What messages are signed with.
    pub secret: Option<Hidden>,
    /// A file that holds it instead.
    pub secret_file: Option<PathBuf>,
    /// Only alerts of these levels. Empty: all.
    pub levels: Vec<Level>,
    /// Only alerts of these risk models. Empty: all.
    pub risks: Vec<String>,
    /// Only alerts of these teams. Empty: all. A digest is of no team and goes to every receiver that wants its model.
    pub teams: Vec<String>,
    /// Whether it is told of new alerts.
    pub alerts: bool,
    /// Whether it is told when nobody acknowledged an alert in time.
    pub escalations: bool,
    /// Whether it is told what people do with alerts, and when they are withdrawn.
    pub changes: bool,
    /// Seconds that a delivery may take.
    pub timeout_seconds: u64,
    /// Most messages a minute; what waits then goes together in one message. 20 for robots when absent, which is what
    /// these allow, and no limit for programs.
    pub max_per_minute: Option<u32>,
    /// A proxy to go through, `http://…`. None when absent, whatever the environment says.
    pub proxy: Option<Hidden>,
}

impl Default for ReceiverConfig {
    fn default() -> Self {
        Self {
            name: String::new(),
            url: Hidden::default(),
            kind: ReceiverKind::default(),
            secret: None,
            secret_file: None,
            levels: Vec::new(),
            risks: Vec::new(),
            teams: Vec::new(),
            alerts: true,
            escalations: false,
            changes: false,
            timeout_seconds: 10,
            max_per_minute: None,
            proxy: None,
        }
    }
}

impl ReceiverConfig {
    fn problem(&self) -> Option<String> {
        let name = &self.name;
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if name.is_empty() || name.len() > MAX_NAME_CHARS || !name.chars().all(is_name) {
            return Some(format!(
                "has a receiver named `{name}`: name it with 1 to {MAX_NAME_CHARS} of letters, digits, `-`, `_`"
            ));
        }
        let url = self.url.reveal();
        if !["https://", "http://"].iter().any(|scheme| url.len() > scheme.len() && url.starts_with(scheme)) {
            return Some(format!("`{name}` needs a `url` that begins with https:// or http://"));
        }
        if self.secret.is_some() && self.secret_file.is_some() {
            return Some(format!("`{name}` has a `secret` and a `secret_file`: keep one of them"));
        }
        if self.kind == ReceiverKind::Wecom && (self.secret.is_some() || self.secret_file.is_some()) {
            return Some(format!("`{name}` has a secret, which robots of 企业微信 do not know: remove it"));
        }
        if self.timeout_seconds == 0 || self.max_per_minute == Some(0) {
            return Some(format!("`{name}`: `timeout_seconds` and `max_per_minute` must be at least 1"));
        }
        if !(self.alerts || self.escalations || self.changes) {
            return Some(format!("`{name}` is told nothing: set `alerts`, `escalations` or `changes`"));
        }
        None
    }
}

impl AlertsConfig {
    /// What is wrong with these settings: the key and why.
    #[must_use]
    pub fn problems(&self) -> Vec<(&'static str, String)> {
        let at_least_one = [
            ("alerts.storm_max", u64::from(self.storm_max)),
            ("alerts.storm_seconds", self.storm_seconds),
            ("alerts.digest_seconds", self.digest_seconds),
            ("alerts.escalate_seconds", self.escalate_seconds.values().copied().min().unwrap_or(1)),
            ("alerts.retry.base_millis", self.retry.base_millis),
            ("alerts.retry.max_millis", self.retry.max_millis),
            ("alerts.retry.max_tries", u64::from(self.retry.max_tries)),
            ("alerts.retry.max_age_seconds", self.retry.max_age_seconds),
        ];
        let zeros = at_least_one.into_iter().filter(|(_, value)| *value == 0);
        let mut problems: Vec<_> = zeros.map(|(key, _)| (key, "must be at least 1".to_owned())).collect();
        if self.storm_max as usize > MAX_EARLIER {
            problems.push(("alerts.storm_max", format!("must be at most {MAX_EARLIER}")));
        }
        if self.storm_seconds > MAX_STORM_SECONDS {
            problems.push(("alerts.storm_seconds", format!("must be at most {MAX_STORM_SECONDS}, a week")));
        }
        let mut names = HashSet::new();
        for receiver in &self.receiver {
            if let Some(problem) = receiver.problem() {
                problems.push(("alerts.receiver", problem));
            } else if !names.insert(&receiver.name) {
                let problem = format!("has two receivers named `{}`: name them apart", receiver.name);
                problems.push(("alerts.receiver", problem));
            }
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROBOT: &str = r#"
        [[receiver]]
        name = "risk-group"
        kind = "dingtalk"
        url = "https://robot.example/send?access_token=t0ken"
        secret = "SECs3cret"
        levels = ["S1"]
        escalations = true
    "#;

    fn config(text: &str) -> AlertsConfig {
        toml::from_str(text).expect("it has the layout")
    }

    #[test]
    fn addresses_and_secrets_are_never_shown() {
        let config = config(ROBOT);
        assert!(config.problems().is_empty());
        assert_eq!(config.receiver[0].url.reveal(), "https://robot.example/send?access_token=t0ken");
        let shown = format!("{config:?}{}", toml::to_string(&config).expect("it has a TOML form"));
        assert!(!shown.contains("t0ken") && !shown.contains("s3cret"), "{shown}");
        assert!(shown.contains("risk-group"));
    }

    #[test]
    fn receivers_that_cannot_work_are_refused_by_name() {
        let problem = |from: &str, to: &str| {
            let problems = config(&ROBOT.replace(from, to)).problems();
            problems.into_iter().next().map(|(_, problem)| problem).unwrap_or_default()
        };
        assert!(problem("risk-group", "风险").contains("风险"));
        assert!(problem("https://", "ftp://").contains("https://"));
        assert!(!problem("https://", "ftp://").contains("t0ken"));
        assert!(problem("dingtalk", "wecom").contains("企业微信"));
        assert!(problem("escalations = true", "timeout_seconds = 0").contains("at least 1"));
        assert!(problem("escalations = true", "alerts = false").contains("nothing"));
        assert!(problem("escalations = true", "secret_file = \"x\"").contains("secret_file"));
        let twice = config(&format!("{ROBOT}{ROBOT}")).problems();
        assert!(twice[0].1.contains("two receivers"), "{twice:?}");
        assert_eq!(config("storm_max = 0").problems()[0].0, "alerts.storm_max");
        assert_eq!(config("storm_seconds = 700000000000").problems()[0].0, "alerts.storm_seconds");
    }
}
