//! Templates that read facts out of names, such as `{time:%Y%m%d_%H%M%S}_{agent_id}_{direction}_{call_id}`.

use std::fmt::Write as _;
use std::path::Path;

use jiff::tz::TimeZone;
use regex::Regex;

use super::PatternError;
use super::fields::{Draft, Field};
use super::values::{self, DIRECTIONS};

/// Longest pattern, in characters.
const MAX_CHARS: usize = 1000;

/// How `{time}` reads without a format of its own.
const TIME_FORMAT: &str = "%Y%m%d%H%M%S";

/// What each directive of a time reads in a name.
const DIRECTIVES: [(char, &str); 13] = [
    ('Y', "[0-9]{4}"),
    ('y', "[0-9]{2}"),
    ('m', "[0-9]{1,2}"),
    ('d', "[0-9]{1,2}"),
    ('H', "[0-9]{1,2}"),
    ('I', "[0-9]{1,2}"),
    ('M', "[0-9]{1,2}"),
    ('S', "[0-9]{1,2}"),
    ('p', "[AaPp][Mm]"),
    ('j', "[0-9]{1,3}"),
    ('s', "[0-9]{1,12}"),
    ('f', "[0-9]{1,9}"),
    ('z', "[+-][0-9]{2}:?[0-9]{2}"),
];

/// A compiled template for names.
///
/// A part in braces fills the field of its name and reads at least one character, as few as fit; `{time:FORMAT}` takes
/// directives of `strftime`, and several of them are read as one time. A name that is no field becomes an attribute.
/// `*` skips any characters, `{{` and `}}` are braces. Nothing goes over a `/`; a pattern of several folders is held
/// against as many names at the end of the path. The extension of the file need not be written.
#[derive(Debug, Clone)]
pub struct NamePattern {
    text: String,
    regex: Regex,
    groups: Vec<Group>,
    /// Names that it looks at, from the last.
    num_levels: usize,
    /// Whether it may write the extension too.
    ends_fixed: bool,
}

#[derive(Debug, Clone)]
enum Group {
    Field(String, Field),
    /// A part of the time, with its format.
    Time(String),
}

impl NamePattern {
    /// Compiles a template.
    ///
    /// # Errors
    /// [`PatternError`] says where it makes no sense and what may stand there.
    pub fn compile(text: &str) -> Result<Self, PatternError> {
        Compiler { chars: text.chars().collect(), ..Compiler::default() }.compile(text)
    }

    /// The template as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What the name of `path` says, nothing when it does not fit. The error is the field and its problem.
    pub(super) fn read(&self, path: &str, zone: &TimeZone) -> Option<Result<Draft, (String, String)>> {
        let tail = self.tail(path)?;
        let extension = Path::new(tail).extension().and_then(|extension| extension.to_str());
        let without = extension.and_then(|extension| tail.strip_suffix(extension)?.strip_suffix('.'));
        let captures = match without {
            Some(stem) => {
                let whole = || self.regex.captures(tail).filter(|_| self.ends_fixed);
                self.regex.captures(stem).or_else(whole)?
            }
            None => self.regex.captures(tail)?,
        };
        Some(self.draft(&captures, zone))
    }

    /// The last names of `path`, as many as the pattern has.
    fn tail<'a>(&self, path: &'a str) -> Option<&'a str> {
        let mut starts = path.rmatch_indices('/').map(|(at, _)| at + 1);
        match starts.nth(self.num_levels - 1) {
            Some(start) => path.get(start..),
            None => Some(path).filter(|path| path.matches('/').count() + 1 == self.num_levels),
        }
    }

    fn draft(&self, captures: &regex::Captures<'_>, zone: &TimeZone) -> Result<Draft, (String, String)> {
        let mut draft = Draft::default();
        let (mut format, mut time) = (String::new(), String::new());
        for (index, group) in self.groups.iter().enumerate() {
            let value = captures.get(index + 1).map_or("", |part| part.as_str());
            match group {
                Group::Field(name, field) => {
                    draft.set(field, value, zone).map_err(|problem| (name.clone(), problem))?;
                }
                Group::Time(part) => {
                    // A separator that no time has keeps the digits of two parts from running together.
                    format.push_str(part);
                    format.push('|');
                    time.push_str(value);
                    time.push('|');
                }
            }
        }
        if !format.is_empty() {
            let at = values::time_in(&format, &time, zone).map_err(|_| {
                let (time, format) = (time.trim_end_matches('|'), format.trim_end_matches('|'));
                ("time".to_owned(), format!("`{time}` is not a time as `{format}` describes it"))
            })?;
            draft.metadata.started_at = Some(at);
        }
        Ok(draft)
    }
}

/// The state of a compilation.
#[derive(Debug, Default)]
struct Compiler {
    chars: Vec<char>,
    at: usize,
    regex: String,
    groups: Vec<Group>,
    /// Where the part before ends without a character that would end it.
    open: bool,
}

impl Compiler {
    fn error<T>(position: usize, problem: impl Into<String>) -> Result<T, PatternError> {
        Err(PatternError { position: position + 1, problem: problem.into() })
    }

    fn compile(mut self, text: &str) -> Result<NamePattern, PatternError> {
        if self.chars.len() > MAX_CHARS {
            return Self::error(MAX_CHARS, format!("a pattern has at most {MAX_CHARS} characters"));
        }
        self.regex.push('^');
        while let Some(char) = self.chars.get(self.at).copied() {
            let next = self.chars.get(self.at + 1).copied();
            match (char, next) {
                ('{', Some('{')) | ('}', Some('}')) => {
                    self.literal(char);
                    self.at += 1;
                }
                ('{', _) => self.part()?,
                ('}', _) => {
                    return Self::error(self.at, "a `}` closes nothing: write `}}` for the character");
                }
                ('*', Some('*')) => {
                    return Self::error(self.at + 1, "one `*` is enough; it does not go over a `/`");
                }
                ('*', _) => {
                    self.regex.push_str("[^/]*?");
                    self.open = true;
                }
                (char, _) => self.literal(char),
            }
            self.at += 1;
        }
        self.regex.push('$');
        if self.groups.is_empty() {
            return Self::error(0, "it reads nothing: name parts in braces, for example {call_id}");
        }
        let regex = Regex::new(&self.regex)
            .map_err(|_| PatternError { position: 1, problem: "it has too many parts".to_owned() })?;
        let num_levels = text.matches('/').count() + 1;
        let ends_fixed = !text.ends_with(['}', '*']);
        Ok(NamePattern { text: text.to_owned(), regex, groups: self.groups, num_levels, ends_fixed })
    }

    fn literal(&mut self, char: char) {
        self.regex.push_str(&regex::escape(char.encode_utf8(&mut [0; 4])));
        self.open = false;
    }

    /// A part in braces; `at` stands on the opening one, and then on the closing one.
    fn part(&mut self) -> Result<(), PatternError> {
        let start = self.at;
        let rest = self.chars.get(start + 1..).unwrap_or_default();
        let Some(len) = rest.iter().position(|char| *char == '}') else {
            return Self::error(
                start,
                "this `{` is not closed: write `}` after the name, or `{{` for the character",
            );
        };
        let inside: String = rest.iter().take(len).collect();
        self.at = start + len + 1;
        let (name, format) = match inside.split_once(':') {
            None => (inside.as_str(), None),
            Some((name, format)) => (name, Some(format)),
        };
        let field = self.field(name, start + 1)?;
        if field == Field::StartedAt {
            return self.time(format.unwrap_or(TIME_FORMAT), start + 1 + name.chars().count() + 1);
        }
        if format.is_some() {
            return Self::error(start + 1, "only `time` takes a format");
        }
        if field == Field::Direction {
            let names: Vec<_> = DIRECTIONS.iter().map(|(name, _)| *name).collect();
            write!(self.regex, "((?i:{}))", names.join("|")).ok();
            self.open = false;
        } else {
            if self.open {
                let problem =
                    "nothing parts it from what stands before: put a character between, for example `_`";
                return Self::error(start, problem);
            }
            self.regex.push_str("([^/]+?)");
            self.open = true;
        }
        self.groups.push(Group::Field(name.trim().to_owned(), field));
        Ok(())
    }

    /// The field that `name` means.
    fn field(&self, name: &str, position: usize) -> Result<Field, PatternError> {
        let is_word = |char: char| char.is_alphanumeric() || char == '_';
        if name.is_empty() || !name.chars().all(is_word) {
            let known: Vec<_> = Field::own_names().filter(|name| !name.starts_with("path")).collect();
            let known = known.join(", ");
            return Self::error(
                position,
                format!("`{name}` is no name: write one of {known}, or a word of your own for an attribute"),
            );
        }
        let field = Field::named(name);
        if field.is_path() {
            return Self::error(position, "a name does not say where another file is");
        }
        let twice = |group: &Group| matches!(group, Group::Field(_, other) if *other == field);
        if self.groups.iter().any(twice) {
            return Self::error(
                position,
                format!("`{name}` is read twice: write `*` for what is not needed"),
            );
        }
        Ok(field)
    }

    fn time(&mut self, format: &str, position: usize) -> Result<(), PatternError> {
        let mut chars = format.chars().enumerate();
        self.regex.push('(');
        let mut num_directives = 0;
        while let Some((index, char)) = chars.next() {
            if char != '%' {
                if char == '/' || char == '|' {
                    return Self::error(
                        position + index,
                        "a time does not go over folders: write {time:…}/{time:…}",
                    );
                }
                self.regex.push_str(&regex::escape(char.encode_utf8(&mut [0; 4])));
                continue;
            }
            let directive = chars.next().map(|(_, directive)| directive);
            let reads = DIRECTIVES.iter().find(|(name, _)| Some(*name) == directive);
            let Some((_, reads)) = reads else {
                let known: Vec<_> = DIRECTIVES.iter().map(|(name, _)| format!("%{name}")).collect();
                let problem = format!("a time is written with {}", known.join(" "));
                return Self::error(position + index, problem);
            };
            self.regex.push_str(reads);
            num_directives += 1;
        }
        if num_directives == 0 {
            return Self::error(position, "a time needs directives, for example {time:%Y%m%d_%H%M%S}");
        }
        self.regex.push(')');
        self.open = false;
        self.groups.push(Group::Time(format.to_owned()));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::types::Direction;

    fn pattern(text: &str) -> NamePattern {
        NamePattern::compile(text).unwrap_or_else(|error| panic!("`{text}`: {error}"))
    }

    fn read(text: &str, path: &str) -> Option<Draft> {
        let read = pattern(text).read(path, &TimeZone::UTC);
        read.map(|draft| draft.unwrap_or_else(|(field, problem)| panic!("{path}: {field}: {problem}")))
    }

    fn at(text: &str) -> Option<jiff::Timestamp> {
        Some(text.parse().expect("a time"))
    }

    #[test]
    fn a_template_reads_what_a_recorder_writes() {
        let draft =
            read("{time:%Y%m%d_%H%M%S}_{agent}_{direction}_{call_id}", "x/20260301_090503_8021_in_77-1.wav")
                .expect("it fits");
        let metadata = &draft.metadata;
        assert_eq!(metadata.started_at, at("2026-03-01T09:05:03Z"));
        assert_eq!(metadata.agent_id.as_deref(), Some("8021"));
        assert_eq!(metadata.direction, Some(Direction::Inbound));
        assert_eq!(draft.call_id.as_ref().map(crate::types::CallId::as_str), Some("77-1"));
    }

    #[test]
    fn folders_count_from_the_end_and_a_time_may_stand_in_two() {
        let text = "{班组}/{time:%Y-%m-%d}/{工号}-{time:%H%M%S}-*-{queue}";
        let draft = read(text, "archive/一组/2026-03-01/8021-090503-x-y-vip.mp3").expect("it fits");
        assert_eq!(draft.metadata.team.as_deref(), Some("一组"));
        assert_eq!(draft.metadata.agent_id.as_deref(), Some("8021"));
        assert_eq!(draft.metadata.started_at, at("2026-03-01T09:05:03Z"));
        assert_eq!(draft.metadata.attributes.get("queue").map(String::as_str), Some("y-vip"));
        assert!(read(text, "2026-03-01/8021-090503-x-vip.mp3").is_none(), "a folder is missing");
    }

    #[test]
    fn what_does_not_fit_is_not_read() {
        for name in ["a.wav", "8021_sideways_1.wav", "8021_in_.wav", "_in_1.wav", "8021_in_1/x.wav", ""] {
            assert!(read("{agent}_{direction}_{call_id}", name).is_none(), "{name}");
        }
        let bad = pattern("{time:%Y%m%d}_{call_id}").read("20261301_1.wav", &TimeZone::UTC);
        assert!(matches!(bad, Some(Err((field, _))) if field == "time"));
    }

    #[test]
    fn a_dot_in_a_name_belongs_to_it_and_an_extension_may_be_written() {
        let id = |text: &str, path: &str| read(text, path).and_then(|draft| draft.call_id).map(String::from);
        assert_eq!(id("{call_id}", "1772327103.77.wav").as_deref(), Some("1772327103.77"));
        assert_eq!(id("{call_id}.wav", "1772327103.77.wav").as_deref(), Some("1772327103.77"));
        assert_eq!(id("{{{call_id}}}", "{7}.wav").as_deref(), Some("7"));
    }

    #[test]
    fn a_bad_template_is_answered_with_the_place_and_what_may_stand_there() {
        for (text, position, part) in [
            ("", 1, "{call_id}"),
            ("call.wav", 1, "{call_id}"),
            ("{call_id", 1, "not closed"),
            ("a}", 2, "}}"),
            ("{agent}{call_id}", 8, "between"),
            ("{agent}_{工号}", 10, "twice"),
            ("{call id}", 2, "agent_id"),
            ("{}", 2, "agent_id"),
            ("{time:%Q}", 7, "%Y"),
            ("{time:%Y%}", 9, "%Y"),
            ("{time:now}", 7, "directives"),
            ("{time:%Y/%m}", 9, "folders"),
            ("{agent:%Y}", 2, "format"),
            ("{path}", 2, "another file"),
            ("**{agent}", 2, "enough"),
        ] {
            let error = NamePattern::compile(text).expect_err(text);
            assert_eq!(error.position, position, "{text}: {error}");
            assert!(error.problem.contains(part), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_by_a_pattern_is_read_back(
            agent in "[a-z0-9]{1,8}", id in "[A-Za-z0-9][A-Za-z0-9.-]{0,20}", second in 0_i64..4_000_000_000, inbound: bool,
        ) {
            let zone = TimeZone::fixed(jiff::tz::offset(8));
            let at = jiff::Timestamp::from_second(second + 400_000_000).expect("it is in range");
            prop_assume!(at.to_zoned(zone.clone()).year() <= 2100);
            let time = at.to_zoned(zone.clone()).strftime("%Y%m%d-%H%M%S").to_string();
            let direction = if inbound { "呼入" } else { "OUT" };
            let path = format!("a/{agent}/{time}_{direction}_{id}.wav");
            let draft = pattern("{agent_id}/{time:%Y%m%d-%H%M%S}_{direction}_{call_id}").read(&path, &zone);
            let draft = draft.expect("it fits").expect("it is sound");
            prop_assert_eq!(draft.metadata.agent_id, Some(agent));
            prop_assert_eq!(draft.metadata.started_at, Some(at));
            prop_assert_eq!(draft.metadata.direction, Some(if inbound { Direction::Inbound } else { Direction::Outbound }));
            prop_assert_eq!(draft.call_id.map(String::from), Some(id));
        }

        #[test]
        fn no_template_and_no_name_breaks_it(text in "[{}*/a_%:Ymtie|.]{0,24}", path in "[{}*/a_%:01.]{0,40}") {
            if let Ok(pattern) = NamePattern::compile(&text) {
                drop(pattern.read(&path, &TimeZone::UTC));
            }
        }
    }
}
