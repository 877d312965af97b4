//! Expressions over named conditions: `a && !b || c`, read and judged with three answers.
//!
//! Knows nothing of what the conditions are. Invariant: what an expression answers never changes when an unknown part
//! turns out true or false, unless it answers unknown (Kleene's logic).

/// An expression over conditions, which are given by their indexes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expr {
    /// One condition.
    Leaf(usize),
    /// Not.
    Not(Box<Expr>),
    /// All of these.
    And(Vec<Expr>),
    /// Any of these.
    Or(Vec<Expr>),
}

/// What is wrong with an expression, and at which character.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ExprError {
    /// Characters before the place.
    pub(super) at: usize,
    pub(super) message: String,
    /// The name that is not known, when that is it.
    pub(super) unknown: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Name(String),
    And,
    Or,
    Not,
    Open,
    Close,
}

impl Expr {
    /// Reads `text`; `index_of` tells which condition a name means.
    pub(super) fn parse(text: &str, index_of: &dyn Fn(&str) -> Option<usize>) -> Result<Self, ExprError> {
        let tokens = tokens(text)?;
        let mut parser = Parser { tokens: &tokens, next: 0, end: text.chars().count(), index_of };
        let expr = parser.any()?;
        match parser.peek() {
            None => Ok(expr),
            Some((at, Token::Close)) => Err(error(*at, "this `)` closes nothing")),
            Some((at, _)) => Err(error(*at, "`&&` or `||` is missing before this")),
        }
    }

    /// Any of the conditions `from..to`.
    pub(super) fn any_of(indexes: impl IntoIterator<Item = usize>) -> Self {
        let mut leaves: Vec<Self> = indexes.into_iter().map(Self::Leaf).collect();
        match (leaves.len(), leaves.pop()) {
            (1, Some(only)) => only,
            (_, last) => {
                leaves.extend(last);
                Self::Or(leaves)
            }
        }
    }

    /// The conditions that it names, in order, doubles included.
    #[must_use]
    pub fn leaves(&self) -> Vec<usize> {
        match self {
            Self::Leaf(index) => vec![*index],
            Self::Not(inner) => inner.leaves(),
            Self::And(parts) | Self::Or(parts) => parts.iter().flat_map(Self::leaves).collect(),
        }
    }

    /// Its conditions that make it true when they are met, rather than when they are not.
    #[must_use]
    pub fn positive_leaves(&self) -> Vec<usize> {
        self.signed_leaves(true)
    }

    fn signed_leaves(&self, sign: bool) -> Vec<usize> {
        match self {
            Self::Leaf(index) if sign => vec![*index],
            Self::Leaf(_) => Vec::new(),
            Self::Not(inner) => inner.signed_leaves(!sign),
            Self::And(parts) | Self::Or(parts) => {
                parts.iter().flat_map(|part| part.signed_leaves(sign)).collect()
            }
        }
    }

    /// The answer, from those of the conditions.
    #[must_use]
    pub fn judge(&self, answer: &dyn Fn(usize) -> Option<bool>) -> Option<bool> {
        match self {
            Self::Leaf(index) => answer(*index),
            Self::Not(inner) => inner.judge(answer).map(|answer| !answer),
            Self::And(parts) => decide(parts, answer, false),
            Self::Or(parts) => decide(parts, answer, true),
        }
    }

    /// The expression with the names that `name` gives.
    #[must_use]
    pub fn show(&self, name: &dyn Fn(usize) -> String) -> String {
        let join = |parts: &[Self], sign: &str| {
            let parts: Vec<String> = parts
                .iter()
                .map(|part| match part {
                    Self::Leaf(_) | Self::Not(_) => part.show(name),
                    Self::And(_) | Self::Or(_) => format!("({})", part.show(name)),
                })
                .collect();
            parts.join(sign)
        };
        match self {
            Self::Leaf(index) => name(*index),
            Self::Not(inner) => match inner.as_ref() {
                Self::Leaf(_) | Self::Not(_) => format!("!{}", inner.show(name)),
                Self::And(_) | Self::Or(_) => format!("!({})", inner.show(name)),
            },
            Self::And(parts) => join(parts, " && "),
            Self::Or(parts) => join(parts, " || "),
        }
    }
}

/// `decisive` when one part answers it, unknown when a part is unknown, else its opposite.
fn decide(parts: &[Expr], answer: &dyn Fn(usize) -> Option<bool>, decisive: bool) -> Option<bool> {
    let mut unknown = false;
    for part in parts {
        match part.judge(answer) {
            Some(found) if found == decisive => return Some(decisive),
            Some(_) => {}
            None => unknown = true,
        }
    }
    if unknown { None } else { Some(!decisive) }
}

fn error(at: usize, message: &str) -> ExprError {
    ExprError { at, message: message.to_owned(), unknown: None }
}

fn tokens(text: &str) -> Result<Vec<(usize, Token)>, ExprError> {
    let chars: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(char) = chars.get(at) {
        let twice = chars.get(at + 1) == Some(char);
        let (token, length) = match char {
            ' ' | '\t' | '\n' => {
                at += 1;
                continue;
            }
            '&' if twice => (Token::And, 2),
            '|' if twice => (Token::Or, 2),
            '&' | '|' => return Err(error(at, &format!("write `{char}{char}` instead of `{char}`"))),
            '!' | '！' => (Token::Not, 1),
            '(' | '（' => (Token::Open, 1),
            ')' | '）' => (Token::Close, 1),
            char if is_name(*char) => {
                let length =
                    chars.get(at..).unwrap_or_default().iter().take_while(|char| is_name(**char)).count();
                let name: String = chars.get(at..at + length).unwrap_or_default().iter().collect();
                (Token::Name(name), length)
            }
            other => return Err(error(at, &format!("`{other}` means nothing here"))),
        };
        tokens.push((at, token));
        at += length;
    }
    Ok(tokens)
}

/// Whether a condition's name may have this character.
pub(super) fn is_name(char: char) -> bool {
    char.is_alphanumeric() || char == '_' || char == '-'
}

struct Parser<'a> {
    tokens: &'a [(usize, Token)],
    next: usize,
    end: usize,
    index_of: &'a dyn Fn(&str) -> Option<usize>,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<&'a (usize, Token)> {
        self.tokens.get(self.next)
    }

    fn take(&mut self, wanted: &Token) -> bool {
        let found = self.peek().is_some_and(|(_, token)| token == wanted);
        self.next += usize::from(found);
        found
    }

    fn any(&mut self) -> Result<Expr, ExprError> {
        let first = self.all()?;
        let mut parts = vec![first];
        while self.take(&Token::Or) {
            parts.push(self.all()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Expr::Or(parts) })
    }

    fn all(&mut self) -> Result<Expr, ExprError> {
        let first = self.one()?;
        let mut parts = vec![first];
        while self.take(&Token::And) {
            parts.push(self.one()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Expr::And(parts) })
    }

    fn one(&mut self) -> Result<Expr, ExprError> {
        let Some((at, token)) = self.peek() else {
            return Err(error(self.end, "the expression ends where a condition should stand"));
        };
        self.next += 1;
        match token {
            Token::Not => Ok(Expr::Not(Box::new(self.one()?))),
            Token::Open => {
                let inner = self.any()?;
                if self.take(&Token::Close) { Ok(inner) } else { Err(error(*at, "this `(` is never closed")) }
            }
            Token::Name(name) => match (self.index_of)(name) {
                Some(index) => Ok(Expr::Leaf(index)),
                None => Err(ExprError {
                    at: *at,
                    message: format!("no condition is called `{name}`"),
                    unknown: Some(name.clone()),
                }),
            },
            Token::And | Token::Or | Token::Close => Err(error(*at, "a condition should stand here")),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn index_of(name: &str) -> Option<usize> {
        ["a", "b", "c", "没有"].iter().position(|known| *known == name)
    }

    fn parse(text: &str) -> Result<Expr, ExprError> {
        Expr::parse(text, &index_of)
    }

    fn judge(text: &str, answers: [Option<bool>; 4]) -> Option<bool> {
        parse(text).expect("it is well formed").judge(&|index| answers[index])
    }

    #[test]
    fn not_binds_more_than_and_and_and_more_than_or() {
        let (yes, no) = (Some(true), Some(false));
        assert_eq!(judge("a && !b || c", [yes, no, no, no]), yes);
        assert_eq!(judge("a && !b || c", [no, yes, yes, no]), yes);
        assert_eq!(judge("a && (!b || c)", [no, yes, yes, no]), no);
        assert_eq!(judge("!!没有", [no, no, no, yes]), yes);
    }

    #[test]
    fn what_is_unknown_matters_only_where_it_could_decide() {
        assert_eq!(judge("a && b", [Some(false), None, None, None]), Some(false));
        assert_eq!(judge("a || b", [Some(true), None, None, None]), Some(true));
        assert_eq!(judge("a && b", [Some(true), None, None, None]), None);
        assert_eq!(judge("!b", [None; 4]), None);
    }

    #[test]
    fn mistakes_are_told_with_their_place() {
        for (text, at, part) in [
            ("a & b", 2, "write `&&`"),
            ("a && (b || c", 5, "never closed"),
            ("a b", 2, "missing before"),
            ("a)", 1, "closes nothing"),
            ("a &&", 4, "ends where"),
            ("", 0, "ends where"),
            ("没有 && 谢谢", 6, "no condition is called `谢谢`"),
            ("a + b", 2, "means nothing"),
        ] {
            let error = parse(text).expect_err(text);
            assert_eq!(error.at, at, "{text}: {error:?}");
            assert!(error.message.contains(part), "{text}: {error:?}");
        }
    }

    #[test]
    fn only_what_speaks_for_it_is_positive() {
        assert_eq!(parse("a && !b || !(!c)").expect("it is well formed").positive_leaves(), [0, 2]);
    }

    fn expr() -> impl Strategy<Value = Expr> {
        (0_usize..4).prop_map(Expr::Leaf).prop_recursive(4, 16, 3, |inner| {
            prop_oneof![
                inner.clone().prop_map(|inner| Expr::Not(Box::new(inner))),
                proptest::collection::vec(inner.clone(), 2..4).prop_map(Expr::And),
                proptest::collection::vec(inner, 2..4).prop_map(Expr::Or),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_back_to_the_same_answers(
            expr in expr(),
            answers in proptest::collection::vec(proptest::option::of(any::<bool>()), 4),
        ) {
            let names = ["a", "b", "c", "没有"];
            let shown = expr.show(&|index| names[index].to_owned());
            let back = parse(&shown).expect("what is shown is well formed");
            prop_assert_eq!(back.judge(&|index| answers[index]), expr.judge(&|index| answers[index]));
        }

        #[test]
        fn an_answer_holds_whatever_the_unknown_turns_out_to_be(
            expr in expr(),
            answers in proptest::collection::vec(proptest::option::of(any::<bool>()), 4),
        ) {
            let settled = |fill: bool| expr.judge(&|index| answers[index].or(Some(fill)));
            match expr.judge(&|index| answers[index]) {
                Some(answer) => {
                    prop_assert_eq!(settled(true), Some(answer));
                    prop_assert_eq!(settled(false), Some(answer));
                }
                None => prop_assert!(settled(true).is_some() && settled(false).is_some()),
            }
        }
    }
}
