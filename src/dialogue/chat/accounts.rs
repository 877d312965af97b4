//! Whose account is whose: lists of names, prefixes and expressions.

use regex::Regex;

use crate::types::SpeakerRole;

/// Some accounts: a name, `kf_*` for all that begin so, or `/…/` for an expression that the whole name matches.
#[derive(Debug, Clone)]
pub struct AccountPattern(Kind);

#[derive(Debug, Clone)]
enum Kind {
    Name(String),
    Prefix(String),
    Expression(Regex),
}

impl AccountPattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// What is wrong with it, as a sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("an account is a name, a prefix as kf_* or an expression as /kf[0-9]+/".to_owned());
        }
        if let Some(expression) = text.strip_prefix('/').and_then(|rest| rest.strip_suffix('/')) {
            let whole = Regex::new(&format!("^(?:{expression})$"));
            return whole
                .map(|expression| Self(Kind::Expression(expression)))
                .map_err(|error| format!("`{text}` is no regular expression: {error}"));
        }
        Ok(Self(match text.strip_suffix('*') {
            Some(prefix) => Kind::Prefix(prefix.to_owned()),
            None => Kind::Name(text.to_owned()),
        }))
    }

    fn matches(&self, account: &str) -> bool {
        match &self.0 {
            Kind::Name(name) => name == account,
            Kind::Prefix(prefix) => account.starts_with(prefix),
            Kind::Expression(expression) => expression.is_match(account),
        }
    }
}

/// The accounts of agents, robots and customers. An account in several lists is a robot's first, then an agent's.
#[derive(Debug, Clone, Default)]
pub struct Accounts {
    /// Agents.
    pub agents: Vec<AccountPattern>,
    /// Robots.
    pub bots: Vec<AccountPattern>,
    /// Customers.
    pub customers: Vec<AccountPattern>,
}

impl Accounts {
    /// The role of `account`. Where the agents are listed and the customers are not, whoever is in no list is a customer,
    /// and the other way round; else nobody knows.
    #[must_use]
    pub fn role_of(&self, account: &str) -> SpeakerRole {
        let listed = |patterns: &[AccountPattern]| patterns.iter().any(|pattern| pattern.matches(account));
        if listed(&self.bots) {
            SpeakerRole::Bot
        } else if listed(&self.agents) {
            SpeakerRole::Agent
        } else if listed(&self.customers) {
            SpeakerRole::Customer
        } else {
            match (self.agents.is_empty(), self.customers.is_empty()) {
                (false, true) => SpeakerRole::Customer,
                (true, false) => SpeakerRole::Agent,
                (true, true) | (false, false) => SpeakerRole::Unknown,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patterns(texts: &[&str]) -> Vec<AccountPattern> {
        texts.iter().map(|text| AccountPattern::parse(text).expect(text)).collect()
    }

    #[test]
    fn names_prefixes_and_expressions_tell_the_role() {
        let accounts = Accounts {
            agents: patterns(&["8021", "kf_*", "/a[0-9]{3}/"]),
            bots: patterns(&["kf_robot"]),
            customers: Vec::new(),
        };
        for (account, role) in [
            ("8021", SpeakerRole::Agent),
            ("80210", SpeakerRole::Customer),
            ("kf_1", SpeakerRole::Agent),
            ("kf_robot", SpeakerRole::Bot),
            ("a123", SpeakerRole::Agent),
            ("xa1234", SpeakerRole::Customer),
        ] {
            assert_eq!(accounts.role_of(account), role, "{account}");
        }
        assert_eq!(Accounts::default().role_of("8021"), SpeakerRole::Unknown);
        assert!(AccountPattern::parse("/(/").is_err() && AccountPattern::parse("").is_err());
    }
}
