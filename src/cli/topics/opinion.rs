//! Opinions of the bank's own model, printed as what they are.

use std::fmt::Write as _;

use crate::cli::Exit;
use crate::cli::client::ServerArgs;
use crate::cli::output::{Format, emit};
use crate::cli::report::clean;
use crate::proto::{json, v1};

/// Which call, after `diting calls summarize` and `diting calls judge`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct CallOpinion {
    /// The call
    call_id: String,
    /// Ask the model again where an opinion is kept
    #[arg(long)]
    anew: bool,
}

/// Asks for a summary of a call, or for answers to the configured questions, and prints it.
pub(in crate::cli) async fn about_call(
    server: &ServerArgs,
    about: &CallOpinion,
    judges: bool,
    format: Format,
) -> anyhow::Result<Exit> {
    let CallOpinion { call_id, anew } = about;
    let (call_id, anew) = (call_id.clone(), *anew);
    let mut client = server.opinion_client()?;
    let explain = |status: tonic::Status| server.explain(&status);
    let (line, opinion) = if judges {
        let answer =
            client.judge_call(v1::JudgeCallRequest { call_id, anew }).await.map_err(explain)?.into_inner();
        (json::to_line(&answer), answer.opinion)
    } else {
        let request = v1::SummarizeCallRequest { call_id, anew };
        let answer = client.summarize_call(request).await.map_err(explain)?.into_inner();
        (json::to_line(&answer), answer.opinion)
    };
    match format {
        Format::Json => emit(&line)?,
        Format::Text | Format::Srt => emit(text(opinion.as_ref()).trim_end())?,
    }
    Ok(Exit::Success)
}

/// Asks for a summary of a topic.
pub(super) async fn of_topic(
    server: &ServerArgs,
    topic: String,
) -> anyhow::Result<v1::SummarizeTopicResponse> {
    let request = v1::SummarizeTopicRequest { topic };
    let answer = server.opinion_client()?.summarize_topic(request).await;
    Ok(answer.map_err(|status| server.explain(&status))?.into_inner())
}

/// An opinion for a person. What a model says and quotes is text from outside: nothing in it steers the terminal.
pub(super) fn text(opinion: Option<&v1::ModelOpinion>) -> String {
    let Some(opinion) = opinion else { return String::new() };
    let kept = if opinion.is_kept { "，此前保存" } else { "" };
    let mut text = format!("模型意见（{}{kept}），不是质检结果，不计分\n", clean(&opinion.model));
    for statement in &opinion.statements {
        let answer = match statement.answer.as_str() {
            "yes" => "是：",
            "no" => "否：",
            "unclear" => "不明：",
            _ => "",
        };
        let question = &statement.question_id;
        let question = if question.is_empty() { String::new() } else { format!("[{}] ", clean(question)) };
        writeln!(text, "- {question}{answer}{}", clean(&statement.text)).ok();
        for quote in &statement.quotes {
            let (call, said) = (clean(&quote.call_id), clean(&quote.text));
            writeln!(text, "    {call} 第 {} 轮：「{said}」", u64::from(quote.turn) + 1).ok();
        }
    }
    if opinion.statements.is_empty() {
        writeln!(text, "没有有原文依据的内容").ok();
    }
    if opinion.num_unfounded > 0 {
        writeln!(text, "另有 {} 条引文与原文不符，已丢弃", opinion.num_unfounded).ok();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_model_says_steers_no_terminal() {
        let quote = v1::OpinionQuote {
            call_id: "c1".to_owned(),
            text: "还钱\u{1b}[31m\n".to_owned(),
            ..Default::default()
        };
        let statement = v1::OpinionStatement {
            text: "\u{1b}]0;x\u{7}\u{202e}好\n- 伪造".to_owned(),
            quotes: vec![quote],
            ..Default::default()
        };
        let opinion = v1::ModelOpinion { statements: vec![statement], ..Default::default() };
        let text = text(Some(&opinion));
        assert!(!text.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{text:?}");
        assert_eq!(text.lines().count(), 3, "no line of its own: {text:?}");
    }
}
