//! What a person says about a call, as flags: verdicts, points, appeals and answers to them.

use super::super::client::{ReviewClient, ServerArgs};
use super::super::exit::UsageError;
use crate::proto::v1;

/// A verdict.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(super) enum VerdictArg {
    Hit,
    Miss,
    Na,
}

impl From<VerdictArg> for v1::Verdict {
    fn from(arg: VerdictArg) -> Self {
        match arg {
            VerdictArg::Hit => Self::Hit,
            VerdictArg::Miss => Self::Miss,
            VerdictArg::Na => Self::NotApplicable,
        }
    }
}

/// What was typed after `diting review submit`.
#[derive(Debug, clap::Args)]
pub(super) struct SubmitArgs {
    /// The call
    call_id: String,
    /// About the call; needed when nothing else is said
    comment: Option<String>,
    /// The machine is right about this rule; may be repeated
    #[arg(long = "confirm", value_name = "RULE")]
    confirmed: Vec<String>,
    /// The machine is right about every hit that is not named otherwise
    #[arg(long)]
    confirm_rest: bool,
    /// This hit is none, whether the machine or a person says so; `=WHY` may follow, and it may be repeated
    #[arg(long = "reject", value_name = "RULE[=WHY]")]
    rejected: Vec<String>,
    /// Another verdict is right: hit, miss or na; may be repeated
    #[arg(long = "change", value_name = "RULE=VERDICT")]
    changed: Vec<String>,
    /// The machine missed this rule in this turn, counted from 1 as `calls show` does; may be repeated
    #[arg(long = "missed", value_name = "RULE=TURN")]
    missed: Vec<String>,
    /// Points for something that the scheme leaves to a person; may be repeated
    #[arg(long = "points", value_name = "ITEM=POINTS", allow_hyphen_values = true)]
    points: Vec<String>,
}

/// The two sides of `A=B`.
fn sides<'a>(flag: &str, text: &'a str) -> Result<(&'a str, &'a str), UsageError> {
    text.split_once('=')
        .ok_or_else(|| UsageError(format!("--{flag} {text}: write two sides with `=` between them")))
}

impl SubmitArgs {
    fn choices(&self) -> Result<Vec<v1::ReviewChoice>, UsageError> {
        let choice = |rule_id: &str, verb: v1::ReviewVerb| v1::ReviewChoice {
            rule_id: rule_id.to_owned(),
            verb: verb.into(),
            ..v1::ReviewChoice::default()
        };
        let mut choices: Vec<_> =
            self.confirmed.iter().map(|rule_id| choice(rule_id, v1::ReviewVerb::Confirm)).collect();
        for text in &self.rejected {
            let (rule_id, why) = text.split_once('=').unwrap_or((text, ""));
            let choice = choice(rule_id, v1::ReviewVerb::Reject);
            choices.push(v1::ReviewChoice { comment: why.to_owned(), ..choice });
        }
        for text in &self.changed {
            let (rule_id, verdict) = sides("change", text)?;
            let verdict = match verdict {
                "hit" => v1::Verdict::Hit,
                "miss" => v1::Verdict::Miss,
                "na" => v1::Verdict::NotApplicable,
                _ => return Err(UsageError(format!("--change {text}: the verdict is hit, miss or na"))),
            };
            let choice = choice(rule_id, v1::ReviewVerb::Change);
            choices.push(v1::ReviewChoice { verdict: verdict.into(), ..choice });
        }
        for text in &self.missed {
            let (rule_id, turn) = sides("missed", text)?;
            let turn = turn.parse::<u32>().ok().filter(|turn| *turn > 0);
            let turn =
                turn.ok_or_else(|| UsageError(format!("--missed {text}: turns are counted from 1")))?;
            let choice = choice(rule_id, v1::ReviewVerb::Change);
            choices.push(v1::ReviewChoice {
                verdict: v1::Verdict::Hit.into(),
                turn: Some(turn - 1),
                ..choice
            });
        }
        Ok(choices)
    }

    fn hands(&self) -> Result<Vec<v1::HandScore>, UsageError> {
        let hand = |text: &String| {
            let (item_id, points) = sides("points", text)?;
            let points = points.parse().map_err(|_| UsageError(format!("--points {text}: no number")))?;
            Ok(v1::HandScore { item_id: item_id.to_owned(), points, reviewer: String::new() })
        };
        self.points.iter().map(hand).collect()
    }
}

/// Says it to the server.
pub(super) async fn submit(
    args: &SubmitArgs,
    reviewer: String,
    client: &mut ReviewClient,
    server: &ServerArgs,
) -> anyhow::Result<v1::Review> {
    let mut choices = args.choices()?;
    if args.confirm_rest {
        let request = v1::ListFindingsRequest { call_id: args.call_id.clone(), ..Default::default() };
        let hits = server.client()?.list_findings(request).await.map_err(|status| server.explain(&status))?;
        for hit in hits.into_inner().findings {
            if choices.iter().all(|choice| choice.rule_id != hit.rule_id) {
                choices.push(v1::ReviewChoice {
                    rule_id: hit.rule_id,
                    verb: v1::ReviewVerb::Confirm.into(),
                    ..v1::ReviewChoice::default()
                });
            }
        }
    }
    let request = v1::SubmitReviewRequest {
        call_id: args.call_id.clone(),
        reviewer,
        choices,
        hand_scores: args.hands()?,
        comment: args.comment.clone().unwrap_or_default(),
    };
    let answer = client.submit_review(request).await.map_err(|status| server.explain(&status))?;
    Ok(answer.into_inner().review.unwrap_or_default())
}

/// What was typed after `diting review appeal`.
#[derive(Debug, clap::Args)]
pub(super) struct AppealArgs {
    /// The call
    call_id: String,
    /// Why
    reason: String,
    #[command(flatten)]
    subject: SubjectArgs,
}

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct SubjectArgs {
    /// Against the verdict of this rule
    #[arg(long, value_name = "ID")]
    rule: Option<String>,
    /// Against the points given by hand for this item
    #[arg(long, value_name = "ID")]
    item: Option<String>,
}

impl AppealArgs {
    /// The same on the wire.
    pub(super) fn request(&self, agent_id: String) -> v1::SubmitAppealRequest {
        use v1::submit_appeal_request::Subject;
        let rule = self.subject.rule.clone().map(Subject::RuleId);
        v1::SubmitAppealRequest {
            call_id: self.call_id.clone(),
            agent_id,
            subject: rule.or_else(|| self.subject.item.clone().map(Subject::ItemId)),
            reason: self.reason.clone(),
        }
    }
}

/// What was typed after `diting review handle`.
#[derive(Debug, clap::Args)]
pub(super) struct HandleArgs {
    /// The call
    call_id: String,
    /// Number of the appeal in the call, or several as 1,2: all get this answer, or none of them when one cannot be answered so
    #[arg(value_name = "NUMBER")]
    numbers: Numbers,
    /// Why
    reason: String,
    #[command(flatten)]
    answer: AnswerArgs,
    /// The verdict instead, when it is not simply the other one; for one appeal
    #[arg(long, value_enum, requires = "accept")]
    verdict: Option<VerdictArg>,
    /// The points instead, for points by hand; for one appeal
    #[arg(long, allow_hyphen_values = true, requires = "accept")]
    points: Option<f64>,
    /// This is the final judgement: nothing about the call can be changed any more
    #[arg(long = "final")]
    is_final: bool,
}

/// One number or several with commas between them: one positional, so that the reason may stand anywhere behind it.
#[derive(Debug, Clone)]
struct Numbers(Vec<u32>);

impl std::str::FromStr for Numbers {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers = text.split(',').map(|number| number.parse().ok()).collect::<Option<_>>();
        numbers.map(Self).ok_or_else(|| "write 1, or 1,2 for several".to_owned())
    }
}

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct AnswerArgs {
    /// The agent is right
    #[arg(long)]
    accept: bool,
    /// The agent is not
    #[arg(long)]
    reject: bool,
}

impl HandleArgs {
    /// The same on the wire.
    pub(super) fn request(&self, handler: String) -> v1::HandleAppealRequest {
        v1::HandleAppealRequest {
            call_id: self.call_id.clone(),
            numbers: self.numbers.0.clone(),
            handler,
            accept: self.answer.accept,
            verdict: self.verdict.map_or(v1::Verdict::Unspecified, Into::into).into(),
            points: self.points,
            reason: self.reason.clone(),
            final_judgement: self.is_final,
        }
    }
}
