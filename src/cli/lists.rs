//! `diting calls list`, `diting calls search` and `diting findings list`: a page of what a server knows.
//!
//! On a terminal a table, elsewhere fields parted by tabs; how many there are in all, and how to ask for the next page,
//! goes to standard error.

use owo_colors::OwoColorize;

use super::client::{Client, ServerArgs};
use super::clock::Clock;
use super::exit::UsageError;
use super::output::{Format, emit};
use super::query_args::{FilterArgs, PageArgs};
use super::report::Style;
use super::table::Table;
use super::unknown::tell_unknown;
use super::watch::state_name;
use super::{Exit, output};
use crate::proto::{json, v1};
use crate::types::Millis;

/// Most matching turns of one call that are shown.
const MAX_TURNS: usize = 5;

/// What was typed after `diting calls list`.
#[derive(Debug, clap::Args)]
pub(super) struct CallsArgs {
    #[command(flatten)]
    filter: FilterArgs,
    /// Words that were said: all of them; "…" keeps spaces, - before one: not said, 客户: or 客服: before one: by whom
    #[arg(long, value_name = "WORDS", allow_hyphen_values = true, value_parser = words_of_flag)]
    text: Option<String>,
    /// The calls behind a figure, by its `calls` as --format json prints it; instead of other filters
    #[arg(long, value_name = "JSON", conflicts_with_all = ["FilterArgs", "text"])]
    of_figure: Option<String>,
    #[command(flatten)]
    page: PageArgs,
    /// Fields to give with --format json, for example call.call_id,score
    #[arg(long, value_name = "FIELDS", value_delimiter = ',')]
    fields: Vec<String>,
}

/// What was typed after `diting calls search`.
#[derive(Debug, clap::Args)]
pub(super) struct SearchArgs {
    /// Words that were said: all of them; "…" keeps spaces, - before one: not said, 客户: or 客服: before one: by whom
    #[arg(value_name = "WORDS", allow_hyphen_values = true, value_parser = words)]
    text: String,
    #[command(flatten)]
    filter: FilterArgs,
    #[command(flatten)]
    page: PageArgs,
}

/// What was typed after `diting findings list`.
#[derive(Debug, clap::Args)]
pub(super) struct FindingsArgs {
    #[command(flatten)]
    filter: FilterArgs,
    /// Words that were said in the call
    #[arg(long, value_name = "WORDS", allow_hyphen_values = true, value_parser = words_of_flag)]
    text: Option<String>,
    #[command(flatten)]
    page: PageArgs,
    /// Fields to give with --format json, for example rule_id,evidence.text
    #[arg(long, value_name = "FIELDS", value_delimiter = ',')]
    fields: Vec<String>,
}

/// What is to have been said. A dash before a word means that it was not; two make a flag that there is not.
fn words(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        return Err("write at least one word; `diting calls list` lists calls whatever was said".to_owned());
    }
    if text.starts_with("--") {
        return Err("there is no such flag; put words that begin like one into quotation marks of their own"
            .to_owned());
    }
    Ok(text.to_owned())
}

/// The same behind `--text`, which takes even a flag that there is for its words.
fn words_of_flag(text: &str) -> Result<String, String> {
    if text.starts_with("--") {
        return Err("--text needs its words first, as in --text '提前还款' --since 2026-06-01; put words that begin like a flag into quotation marks of their own"
            .to_owned());
    }
    words(text)
}

/// Lists calls.
pub(super) async fn calls(
    args: &CallsArgs,
    client: &mut Client,
    server: &ServerArgs,
    format: Format,
) -> anyhow::Result<Exit> {
    let clock = server.clock_if(format == Format::Text || args.filter.needs_clock()).await?;
    let fields = json_fields(&args.fields, format)?;
    let mut request = calls_request((&args.filter, &clock), args.text.as_ref(), &args.page, &fields)?;
    if let Some(figure) = &args.of_figure {
        let filter = json::parse(figure)
            .map_err(|error| UsageError(format!("--of-figure is no `calls` of a figure: {error}")))?;
        request.filter = Some(filter);
    }
    let filter = request.filter.clone().unwrap_or_default();
    let page = client.list_calls(request).await.map_err(|status| server.explain(&status))?.into_inner();
    match format {
        Format::Json => page.calls.iter().try_for_each(|call| emit(&json::to_line(call)))?,
        Format::Text | Format::Srt => {
            let started = format!("通话时间 {}", clock.name());
            let head = [&started, "通话", "座席", "组", "时长", "状态", "得分", "复核", "命中"];
            let mut table = Table::new(head);
            page.calls.iter().for_each(|call| {
                let at = table.time(&clock, time_of(call).as_ref());
                table.add(call_row(call, at));
            });
            table.print()?;
        }
    }
    tell_rest("calls", page.calls.len(), page.total_size, &page.next_page_token);
    if page.total_size == 0 {
        tell_unknown(client, &filter).await;
    }
    tell_currency(
        args.text.is_some(),
        [page.text_current_to, page.last_change],
        [page.text_num_indexed, page.text_num_calls],
    );
    Ok(Exit::Success)
}

/// Shows what was said in the calls in which it was said.
pub(super) async fn search(
    args: &SearchArgs,
    client: &mut Client,
    server: &ServerArgs,
    format: Format,
) -> anyhow::Result<Exit> {
    let clock = server.clock_if(format == Format::Text || args.filter.needs_clock()).await?;
    let request = calls_request((&args.filter, &clock), Some(&args.text), &args.page, &["*".to_owned()])?;
    let filter = request.filter.clone().unwrap_or_default();
    let page = client.list_calls(request).await.map_err(|status| server.explain(&status))?.into_inner();
    let style = Style::for_stdout(clock.zone());
    for call in &page.calls {
        match format {
            Format::Json => emit(&json::to_line(call))?,
            Format::Text | Format::Srt => emit(&matches_text(call, &style, &clock))?,
        }
    }
    tell_rest("calls", page.calls.len(), page.total_size, &page.next_page_token);
    if page.total_size == 0 {
        tell_unknown(client, &filter).await;
    }
    tell_currency(
        true,
        [page.text_current_to, page.last_change],
        [page.text_num_indexed, page.text_num_calls],
    );
    Ok(Exit::Success)
}

/// Lists findings across calls.
pub(super) async fn findings(
    args: &FindingsArgs,
    client: &mut Client,
    server: &ServerArgs,
    format: Format,
) -> anyhow::Result<Exit> {
    let mut fields = json_fields(&args.fields, format)?;
    if format == Format::Text {
        fields.push("*".to_owned());
    }
    let filter =
        args.filter.filter(args.text.as_ref(), &server.clock_if(args.filter.needs_clock()).await?)?;
    let request = v1::ListFindingsRequest {
        call_id: String::new(),
        filter: Some(filter.clone()),
        page_size: args.page.page_size,
        page_token: args.page.page_token.clone(),
        order_by: args.page.sort.clone(),
        read_mask: Some(prost_types::FieldMask { paths: fields }),
    };
    let page = client.list_findings(request).await.map_err(|status| server.explain(&status))?.into_inner();
    match format {
        Format::Json => page.findings.iter().try_for_each(|finding| emit(&json::to_line(finding)))?,
        Format::Text | Format::Srt => {
            let head = ["通话", "判定", "机器", "级别", "规则", "规则名", "扣分", "复核", "证据"];
            let mut table = Table::new(head);
            page.findings.iter().for_each(|finding| table.add(finding_row(finding)));
            table.print()?;
        }
    }
    tell_rest("findings", page.findings.len(), page.total_size, &page.next_page_token);
    if page.total_size == 0 {
        tell_unknown(client, &filter).await;
    }
    tell_currency(
        args.text.is_some(),
        [page.text_current_to, page.last_change],
        [page.text_num_indexed, page.text_num_calls],
    );
    Ok(Exit::Success)
}

fn calls_request(
    (filter, clock): (&FilterArgs, &Clock),
    text: Option<&String>,
    page: &PageArgs,
    fields: &[String],
) -> Result<v1::ListCallsRequest, UsageError> {
    Ok(v1::ListCallsRequest {
        filter: Some(filter.filter(text, clock)?),
        page_size: page.page_size,
        page_token: page.page_token.clone(),
        order_by: page.sort.clone(),
        read_mask: Some(prost_types::FieldMask { paths: fields.to_vec() }),
    })
}

/// Fields chosen by hand are for machines: a table has its own. The server refuses those that there are not.
fn json_fields(fields: &[String], format: Format) -> Result<Vec<String>, UsageError> {
    if format != Format::Json && !fields.is_empty() {
        return Err(UsageError(
            "--fields goes with --format json: a table has columns of its own".to_owned(),
        ));
    }
    Ok(fields.to_vec())
}

/// When a call began, or came in where nobody told.
fn time_of(summary: &v1::CallSummary) -> Option<prost_types::Timestamp> {
    let call = summary.call.as_ref()?;
    call.metadata.as_ref().and_then(|metadata| metadata.started_at).or(call.received_at)
}

fn call_row(summary: &v1::CallSummary, at: String) -> Vec<String> {
    let call = summary.call.clone().unwrap_or_default();
    let metadata = call.metadata.clone().unwrap_or_default();
    let (agents, teams) = agents_of(&metadata);
    let hits = match &call.failure {
        Some(failure) => failure.reason.clone(),
        None if summary.hit_rule_ids.is_empty() => "-".to_owned(),
        None => summary.hit_rule_ids.join(","),
    };
    vec![
        at,
        call.call_id.clone(),
        or_dash(agents),
        or_dash(teams),
        call.duration.as_ref().map_or_else(|| "-".to_owned(), |length| millis(length).to_string()),
        state_name(call.state()).to_owned(),
        summary.score.map_or_else(|| "-".to_owned(), |score| score.to_string()),
        review_name(summary.review()).to_owned(),
        hits,
    ]
}

/// Numbers and teams of the agents, in order.
fn agents_of(metadata: &v1::CallMetadata) -> (String, String) {
    if metadata.segments.len() < 2 {
        return (metadata.agent_id.clone(), metadata.team.clone());
    }
    let of = |choose: fn(&v1::AgentSegment) -> &String| {
        let mut texts: Vec<&str> = metadata.segments.iter().map(|segment| choose(segment).as_str()).collect();
        texts.dedup();
        texts.join("→")
    };
    (of(|segment| &segment.agent_id), of(|segment| &segment.team))
}

fn finding_row(finding: &v1::Finding) -> Vec<String> {
    vec![
        finding.call_id.clone(),
        output::verdict_name(finding.final_verdict()).to_owned(),
        output::verdict_name(finding.verdict()).to_owned(),
        finding.level().as_str_name().trim_start_matches("LEVEL_").to_owned(),
        finding.rule_id.clone(),
        finding.rule_name.clone(),
        finding.final_score_delta.unwrap_or(finding.score_delta).to_string(),
        review_name(finding.review()).to_owned(),
        or_dash(output::finding_place(finding)),
    ]
}

fn matches_text(summary: &v1::CallSummary, style: &Style, clock: &Clock) -> String {
    let mut lines = vec![call_row(summary, clock.full(time_of(summary).as_ref())).join("  ")];
    for found in summary.matches.iter().take(MAX_TURNS) {
        let role = match found.role() {
            v1::SpeakerRole::Agent => "客服",
            v1::SpeakerRole::Customer => "客户",
            v1::SpeakerRole::Bot => "机器",
            v1::SpeakerRole::Unknown | v1::SpeakerRole::Unspecified => "不明",
        };
        let start = found.start.as_ref().map_or_else(|| "-".to_owned(), |start| millis(start).to_string());
        lines.push(format!("  {start:>7}  {role}  {}", marked(found, style.colour)));
    }
    if summary.matches.len() > MAX_TURNS {
        lines.push(format!("           … 还有 {} 处", summary.matches.len() - MAX_TURNS));
    }
    lines.join("\n")
}

/// The text of a turn with the words marked: in colour, or between 【 and 】.
fn marked(found: &v1::TextMatch, colour: bool) -> String {
    let chars: Vec<char> = found.text.chars().collect();
    let part = |from: u32, to: u32| -> String {
        chars.get(from as usize..to as usize).unwrap_or_default().iter().collect()
    };
    let (mut text, mut behind) = (String::new(), 0);
    for range in &found.ranges {
        text.push_str(&part(behind, range.from));
        let word = part(range.from, range.to);
        if colour {
            text.push_str(&word.bold().yellow().to_string());
        } else {
            text.push_str(&format!("【{word}】"));
        }
        behind = range.to;
    }
    text.extend(chars.get(behind as usize..).unwrap_or_default());
    text
}

fn tell_rest(what: &str, num_shown: usize, total: u64, token: &str) {
    if token.is_empty() {
        eprintln!("diting: {num_shown} of {total} {what}");
    } else {
        eprintln!("diting: {num_shown} of {total} {what}; the next page: --page-token {token}");
    }
}

fn tell_currency(asked: bool, [current_to, last_change]: [u64; 2], [num_indexed, num_calls]: [u64; 2]) {
    if asked && current_to < last_change {
        eprintln!(
            "diting: the text index has {num_indexed} of {num_calls} calls and is {} changes behind: calls may be missing here",
            last_change - current_to
        );
    }
}

fn or_dash(text: String) -> String {
    if text.is_empty() { "-".to_owned() } else { text }
}

fn review_name(review: v1::ReviewState) -> &'static str {
    match review {
        v1::ReviewState::Unspecified | v1::ReviewState::None => "-",
        v1::ReviewState::Queued => "待复核",
        v1::ReviewState::Reviewed => "已复核",
        v1::ReviewState::Appealed => "申诉中",
        v1::ReviewState::Closed => "已终审",
    }
}

fn millis(length: &prost_types::Duration) -> Millis {
    let seconds = u64::try_from(length.seconds).unwrap_or_default();
    let millis = u64::try_from(length.nanos).unwrap_or_default() / 1_000_000;
    Millis(seconds * 1000 + millis)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, clap::Parser)]
    struct Typed {
        #[command(flatten)]
        args: CallsArgs,
    }

    #[test]
    fn the_calls_of_a_figure_are_not_mixed_with_other_filters() {
        let typed = |more: &[&str]| Typed::try_parse_from(["t", "--of-figure", "{}"].iter().chain(more));
        assert_eq!(typed(&["--sort", "started"]).expect("order is no filter").args.page.sort, "started");
        for more in [["--team", "一组"], ["--since", "2026-03-01"], ["--text", "还款"], ["--min-score", "60"]]
        {
            let error = typed(&more).expect_err("two filters");
            assert_eq!(error.kind(), clap::error::ErrorKind::ArgumentConflict, "{more:?}");
        }
    }

    #[test]
    fn words_come_right_behind_their_flag() {
        let typed = |words: &str| Typed::try_parse_from(["t", "--text", words, "--page-size", "5"]);
        let error = typed("--since").expect_err("it is a flag").to_string();
        assert!(error.contains("needs its words first") && !error.contains("no such flag"), "{error}");
        for words in ["还款 -投诉", "-投诉", "\"--since\""] {
            assert_eq!(typed(words).expect("words").args.text.as_deref(), Some(words));
        }
    }

    #[test]
    fn words_are_marked_where_they_stand() {
        let found = v1::TextMatch {
            text: "我要，提前还款。谢谢".to_owned(),
            ranges: vec![v1::CharRange { from: 3, to: 7 }],
            ..Default::default()
        };
        assert_eq!(marked(&found, false), "我要，【提前还款】。谢谢");
        let damaged = v1::TextMatch { ranges: vec![v1::CharRange { from: 30, to: 70 }], ..found };
        assert_eq!(marked(&damaged, false), "【】");
    }
}
