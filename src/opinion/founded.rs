//! The text of a model's answer to statements whose quotes stand in the transcript.
//!
//! Pure. **Invariant**: a statement has at least one quote, and each stands word for word in the turn that it names.

use serde::Deserialize;

use super::opinions::{Quote, Statement};
use super::{OpinionError, Question};
use crate::types::CallId;

/// Letters, digits and ideographs that a quote has at least: fewer are found anywhere, and what is masked says nothing.
const MIN_QUOTE_CHARS: usize = 4;
/// Most statements, quotes of one, and characters of one.
const MAX_STATEMENTS: usize = 20;
const MAX_QUOTES: usize = 5;
const MAX_STATEMENT_CHARS: usize = 500;

#[derive(Debug, Deserialize)]
struct Answer {
    statements: Vec<Said>,
}

#[derive(Debug, Deserialize)]
struct Said {
    #[serde(default)]
    id: String,
    #[serde(default)]
    answer: String,
    text: String,
    #[serde(default)]
    quotes: Vec<SaidQuote>,
}

#[derive(Debug, Deserialize)]
struct SaidQuote {
    #[serde(default)]
    call: usize,
    turn: u32,
    text: String,
}

/// The turns of a call that was shown to a model, by index.
#[derive(Debug)]
pub(super) struct Shown {
    pub(super) id: CallId,
    pub(super) turns: Vec<ShownTurn>,
}

/// A turn that was shown.
#[derive(Debug)]
pub(super) struct ShownTurn {
    pub(super) index: u32,
    pub(super) speaker: &'static str,
    pub(super) text: String,
}

/// The statements that are founded, and how many are not. `questions`: what was asked, where something was.
pub(super) fn founded(
    content: &str,
    shown: &[Shown],
    questions: Option<&[Question]>,
) -> Result<(Vec<Statement>, u32), OpinionError> {
    let bad = |problem| OpinionError::BadAnswer { problem };
    // Many models wrap what they are told to give bare.
    let json = match (content.find('{'), content.rfind('}')) {
        (Some(from), Some(to)) => content.get(from..=to).unwrap_or_default(),
        _ => return Err(bad("there is no object in it")),
    };
    let answer: Answer = serde_json::from_str(json).map_err(|_| bad("it does not read as statements"))?;
    let (mut statements, mut num_unfounded) = (Vec::<Statement>::new(), 0);
    for said in answer.statements {
        let founded = statement(said, shown, questions);
        let is_new = |new: &Statement| {
            questions.is_none() || statements.iter().all(|old| old.question_id != new.question_id)
        };
        match founded.filter(is_new) {
            Some(statement) if statements.len() < MAX_STATEMENTS => statements.push(statement),
            _ => num_unfounded += 1,
        }
    }
    Ok((statements, num_unfounded))
}

fn statement(said: Said, shown: &[Shown], questions: Option<&[Question]>) -> Option<Statement> {
    let is_fit = !said.text.trim().is_empty()
        && said.text.chars().count() <= MAX_STATEMENT_CHARS
        && (1..=MAX_QUOTES).contains(&said.quotes.len());
    if !is_fit {
        return None;
    }
    let (question_id, answer) = match questions {
        None => (String::new(), String::new()),
        Some(questions) => {
            let is_asked = questions.iter().any(|question| question.id == said.id);
            let is_answer = ["yes", "no", "unclear"].contains(&said.answer.as_str());
            (is_asked && is_answer).then_some((said.id, said.answer))?
        }
    };
    let quotes: Option<Vec<Quote>> = said
        .quotes
        .into_iter()
        .map(|quote| {
            let call = shown.get(quote.call)?;
            let turn = call.turns.iter().find(|turn| turn.index == quote.turn)?;
            let num_chars = quote.text.chars().filter(|one| one.is_alphanumeric()).count();
            let is_there = num_chars >= MIN_QUOTE_CHARS && turn.text.contains(&quote.text);
            is_there.then(|| Quote { call_id: call.id.clone(), turn: quote.turn, text: quote.text })
        })
        .collect();
    Some(Statement { text: said.text, quotes: quotes?, question_id, answer })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown() -> Vec<Shown> {
        let turn = |index, speaker, text: &str| ShownTurn { index, speaker, text: text.to_owned() };
        let turns = vec![
            turn(0, "座席", "您好请问有什么可以帮您"),
            turn(3, "客户", "我的年费为什么没退"),
            turn(5, "客户", "卡号是*******的，。？！ "),
        ];
        vec![Shown { id: CallId::try_new("c1").unwrap(), turns }]
    }

    fn one(quotes: &str) -> String {
        format!("```json\n{{\"statements\":[{{\"text\":\"客户问年费\",\"quotes\":[{quotes}]}}]}}\n```")
    }

    #[test]
    fn a_statement_stands_only_on_words_that_are_there() {
        let outcome = |quotes: &str| {
            let (kept, dropped) = founded(&one(quotes), &shown(), None).unwrap();
            (kept.len(), dropped)
        };
        assert_eq!(outcome(r#"{"turn":3,"text":"年费为什么没退"}"#), (1, 0));
        assert_eq!(outcome(r#"{"turn":3,"text":"年费为何没退"}"#), (0, 1), "other words");
        assert_eq!(outcome(r#"{"turn":0,"text":"年费为什么没退"}"#), (0, 1), "another turn");
        assert_eq!(outcome(r#"{"turn":9,"text":"我的年费"}"#), (0, 1), "no such turn");
        assert_eq!(outcome(r#"{"call":1,"turn":3,"text":"我的年费"}"#), (0, 1), "no such call");
        assert_eq!(outcome(r#"{"turn":3,"text":"年费没"}"#), (0, 1), "too short");
        for masked in ["**", "*******", "是***的", "，。？！ "] {
            let quote = format!(r#"{{"turn":5,"text":"{masked}"}}"#);
            assert_eq!(outcome(&quote), (0, 1), "{masked} says nothing");
        }
        assert_eq!(outcome(""), (0, 1), "nothing quoted");
        let both = r#"{"turn":3,"text":"我的年费"},{"turn":3,"text":"编造的话"}"#;
        assert_eq!(outcome(both), (0, 1), "one of two is invented");
    }

    #[test]
    fn an_answer_is_to_a_question_that_was_asked_and_once() {
        let questions = [Question { id: "q1".to_owned(), text: "?".to_owned() }];
        let said = |id: &str, answer: &str| {
            format!(
                r#"{{"id":"{id}","answer":"{answer}","text":"x","quotes":[{{"turn":3,"text":"我的年费"}}]}}"#
            )
        };
        let all = [said("q1", "yes"), said("q1", "no"), said("q2", "yes"), said("q1", "maybe")].join(",");
        let content = format!("{{\"statements\":[{all}]}}");
        let (kept, dropped) = founded(&content, &shown(), Some(&questions)).unwrap();
        assert_eq!((kept.len(), dropped), (1, 3));
        assert_eq!(kept[0].answer, "yes");
    }

    #[test]
    fn what_is_no_answer_is_an_error_and_not_an_empty_opinion() {
        for content in ["", "好的", "{", "{}", "{\"statements\":3}", "} {"] {
            assert!(
                matches!(founded(content, &shown(), None), Err(OpinionError::BadAnswer { .. })),
                "{content}"
            );
        }
    }
}
