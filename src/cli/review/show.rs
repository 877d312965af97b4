//! Tasks, reviews and appeals for a person: Chinese, one thing a line; or as JSON.

use super::super::clock::Clock;
use super::super::output::{Format, emit, tell_damaged};
use super::super::table::Table;
use crate::proto::{json, v1};
use crate::types::Millis;

/// Turns shown before and after the one that hit.
const TURNS_AROUND: u32 = 2;
/// Places shown for one rule.
const MAX_PLACES: usize = 5;

/// Text of a call, harmless to a terminal.
fn plain(text: &str) -> String {
    text.chars().map(|char| if char.is_control() { ' ' } else { char }).collect()
}

fn position(at: Option<&prost_types::Duration>) -> String {
    let Some(at) = at else { return String::new() };
    let seconds = u64::try_from(at.seconds).unwrap_or_default();
    format!(" {}", Millis(seconds * 1000 + u64::try_from(at.nanos).unwrap_or_default() / 1_000_000))
}

/// The verdict in a word.
pub(super) fn verdict(verdict: v1::Verdict) -> &'static str {
    match verdict {
        v1::Verdict::Hit => "命中",
        v1::Verdict::Miss => "未命中",
        v1::Verdict::NotApplicable => "不适用",
        v1::Verdict::Unspecified => "–",
    }
}

/// The level in a word.
pub(super) fn level(level: v1::Level) -> &'static str {
    match level {
        v1::Level::Unspecified => "--",
        v1::Level::S1 => "S1",
        v1::Level::S2 => "S2",
        v1::Level::S3 => "S3",
        v1::Level::S4 => "S4",
        v1::Level::S5 => "S5",
    }
}

/// How a review stands, in a word.
pub(super) fn state(state: v1::ReviewState) -> &'static str {
    match state {
        v1::ReviewState::Unspecified | v1::ReviewState::None => "未复核",
        v1::ReviewState::Queued => "待复核",
        v1::ReviewState::Reviewed => "已复核",
        v1::ReviewState::Appealed => "申诉中",
        v1::ReviewState::Closed => "已终审",
    }
}

fn slot(slot: v1::ReviewSlot) -> &'static str {
    match slot {
        v1::ReviewSlot::Unspecified => "",
        v1::ReviewSlot::First => "初审",
        v1::ReviewSlot::Second => "背靠背复审",
        v1::ReviewSlot::Decider => "裁定",
        v1::ReviewSlot::Appeal => "申诉复核",
    }
}

/// Prints a task.
pub(super) fn task(task: &v1::ReviewTask, clock: &Clock, format: Format) -> anyhow::Result<()> {
    if format == Format::Json {
        return Ok(emit(&json::to_line(task))?);
    }
    let mut table = task_table(clock);
    add_task(&mut table, task, clock);
    Ok(table.print()?)
}

fn task_table(clock: &Clock) -> Table {
    let queued = format!("送审时间 {}", clock.name());
    Table::new(["级别", "通话", "环节", "计划", &queued, "归谁"])
}

fn add_task(table: &mut Table, task: &v1::ReviewTask, clock: &Clock) {
    let who = match (task.reviewer.as_str(), task.assigned_to.as_str()) {
        ("", "") => "空闲".to_owned(),
        ("", to) => format!("指派给 {to}"),
        (holder, _) => format!("{holder} 至 {}", table.time(clock, task.leased_until.as_ref())),
    };
    let plan = if task.plan_id.is_empty() { "–" } else { &task.plan_id };
    let queued = table.time(clock, task.queued_at.as_ref());
    let cells = [level(task.level()), &task.call_id, slot(task.slot()), plan, &queued, &who];
    table.add(cells.map(str::to_owned).to_vec());
}

/// Prints what waits. A call that two people look at, or that an agent appealed against, has a task for each.
pub(super) fn queue(
    answer: &v1::ListReviewTasksResponse,
    clock: &Clock,
    format: Format,
) -> anyhow::Result<()> {
    if format == Format::Json {
        return Ok(emit(&json::to_line(answer))?);
    }
    let mut table = task_table(clock);
    answer.tasks.iter().for_each(|one| add_task(&mut table, one, clock));
    table.print()?;
    for load in &answer.loads {
        let assigned = match load.num_assigned {
            0 => String::new(),
            number => format!("，指派 {number} 项"),
        };
        emit(&format!("{}：在手 {} 项{assigned}", load.reviewer, load.num_held))?;
    }
    let shown = match answer.tasks.len() {
        number if number as u64 == answer.num_tasks => String::new(),
        number => format!("，显示 {number} 项"),
    };
    emit(&format!("共 {} 项待复核{shown}", answer.num_tasks))?;
    tell_damaged("项待复核任务", answer.num_damaged);
    Ok(())
}

/// Prints how a review stands, in a few lines.
pub(super) fn standing(review: &v1::Review, format: Format) -> anyhow::Result<()> {
    if format == Format::Json {
        return Ok(emit(&json::to_line(review))?);
    }
    let score = |score: Option<f64>| score.map_or("无".to_owned(), |score| score.to_string());
    emit(&format!(
        "{}：{}，机器得分 {}，最终得分 {}",
        review.call_id,
        state(review.state()),
        score(review.machine_score),
        score(review.final_score)
    ))?;
    if review.blind {
        emit("  双人背靠背：两人都提交后才生效")?;
    }
    tell_damaged("步经过", review.num_damaged.into());
    if !review.disputed_ids.is_empty() {
        emit(&format!("  两人意见不同，待第三人裁定：{}", review.disputed_ids.join("、")))?;
    }
    for decision in &review.decisions {
        let comment = if decision.comment.is_empty() {
            String::new()
        } else {
            format!("：{}", plain(&decision.comment))
        };
        emit(&format!(
            "  {}：机器{}，人工{}（{} {}）{comment}",
            decision.rule_id,
            verdict(decision.machine_verdict()),
            verdict(decision.verdict()),
            decision.reviewer,
            slot(decision.slot()),
        ))?;
    }
    for hand in &review.hand_scores {
        emit(&format!("  {}：人工打分 {}（{}）", hand.item_id, hand.points, hand.reviewer))?;
    }
    for own in &review.appeals {
        if own.state() == v1::AppealState::Open {
            emit(&format!("  申诉 {} 待处理：{} {}", own.number, subject(own), plain(&own.reason)))?;
        }
    }
    Ok(())
}

fn subject(appeal: &v1::Appeal) -> &str {
    if appeal.rule_id.is_empty() { &appeal.item_id } else { &appeal.rule_id }
}

/// Prints everything about a review.
pub(super) fn review(review: &v1::Review, clock: &Clock, format: Format) -> anyhow::Result<()> {
    standing(review, format)?;
    if format == Format::Json {
        return Ok(());
    }
    if !review.events.is_empty() {
        emit("经过")?;
    }
    for event in &review.events {
        let comment =
            if event.comment.is_empty() { String::new() } else { format!("：{}", plain(&event.comment)) };
        emit(&format!("  {} {} {}{comment}", clock.full(event.time.as_ref()), actor(event), what(event)))?;
    }
    Ok(())
}

/// Who it was; plans and the server are one to whoever reads it.
fn actor(event: &v1::ReviewEvent) -> &str {
    match event.actor.as_str() {
        "sampling" | "review" => "系统",
        person => person,
    }
}

fn what(event: &v1::ReviewEvent) -> String {
    use v1::ReviewEventKind as Kind;
    let (rules, slot) = (event.rule_ids.join("、"), slot(event.slot()));
    match event.kind() {
        Kind::Unspecified => "?".to_owned(),
        Kind::Queued if event.subject.is_empty() => "送审".to_owned(),
        Kind::Queued => format!("按计划 {} 送审", event.subject),
        Kind::Assigned if event.subject.is_empty() => format!("取消指派（{slot}）"),
        Kind::Assigned => format!("指派给 {}（{slot}）", event.subject),
        Kind::Returned => format!("退回队列（{slot}）"),
        Kind::Decided => {
            let (machine, own) = (verdict(event.machine_verdict()), verdict(event.verdict()));
            let turn = event.turn.map_or_else(String::new, |turn| format!("，第 {} 轮", turn + 1));
            format!("判定 {rules}：机器{machine}，人工{own}{turn}（{slot}）")
        }
        Kind::Scored => format!("打分 {rules} {}（{slot}）", event.points.unwrap_or_default()),
        Kind::Submitted => {
            let took = event.took.as_ref().map(|took| format!("，用时 {} 秒", took.seconds));
            format!("提交{slot}{}", took.unwrap_or_default())
        }
        Kind::Differed => format!("意见不同：{rules}"),
        Kind::Appealed => format!("申诉 {} {rules}", event.appeal_number),
        Kind::Withdrawn => format!("撤回申诉 {}", event.appeal_number),
        Kind::Handled => {
            let outcome = if event.accepted { "成立" } else { "不成立" };
            let last = if event.final_judgement { "，终审" } else { "" };
            format!("申诉 {} {outcome}{last}", event.appeal_number)
        }
    }
}

/// The heading of appeals.
pub(super) fn appeal_table(clock: &Clock) -> Table {
    let when = format!("申诉时间 {}", clock.name());
    Table::new(["通话", "编号", &when, "座席", "对象", "理由", "处理"])
}

/// Prints an appeal as JSON, or adds it to a table.
pub(super) fn appeal(
    appeal: &v1::Appeal,
    table: &mut Table,
    clock: &Clock,
    format: Format,
) -> anyhow::Result<()> {
    if format == Format::Json {
        return Ok(emit(&json::to_line(appeal))?);
    }
    let outcome = match appeal.state() {
        v1::AppealState::Open | v1::AppealState::Unspecified => "待处理".to_owned(),
        v1::AppealState::Withdrawn => "已撤回".to_owned(),
        v1::AppealState::Accepted => format!("成立（{}：{}）", appeal.ended_by, plain(&appeal.answer)),
        v1::AppealState::Rejected => format!("不成立（{}：{}）", appeal.ended_by, plain(&appeal.answer)),
    };
    let last = if appeal.final_judgement { "，终审" } else { "" };
    table.add(vec![
        appeal.call_id.clone(),
        appeal.number.to_string(),
        table.time(clock, appeal.time.as_ref()),
        appeal.agent_id.clone(),
        subject(appeal).to_owned(),
        plain(&appeal.reason),
        format!("{outcome}{last}"),
    ]);
    Ok(())
}

/// Prints a call that was taken: what is to be decided, with the turns around it.
pub(super) fn work(
    task: &v1::ReviewTask,
    review: &v1::Review,
    report: &v1::CallReport,
    clock: &Clock,
) -> anyhow::Result<()> {
    let metadata = report.call.clone().unwrap_or_default().metadata.unwrap_or_default();
    let agent = format!("{} {}", metadata.agent_name, metadata.agent_id);
    let facts = [agent.trim(), &metadata.team, &metadata.business].map(plain);
    let facts: Vec<_> = facts.into_iter().filter(|fact| !fact.is_empty()).collect();
    emit(&format!("{} {}  {}", slot(task.slot()), task.call_id, facts.join(" · ")))?;
    emit(&format!("归你处理至 {}；查看或提交都会续期", clock.full(task.leased_until.as_ref())))?;
    standing(review, Format::Text)?;
    let turns = report.transcript.as_ref().map_or(&[][..], |transcript| &transcript.turns);
    let appealed = |rule: &str| {
        let open = review.appeals.iter().filter(|own| own.state() == v1::AppealState::Open);
        open.clone().any(|own| own.rule_id == rule)
    };
    let is_appeal = task.slot() == v1::ReviewSlot::Appeal;
    let wanted = report.findings.iter().filter(|finding| {
        if is_appeal { appealed(&finding.rule_id) } else { finding.verdict() == v1::Verdict::Hit }
    });
    for finding in wanted {
        self::finding(finding, turns)?;
    }
    for item in &review.manual_items {
        let points = item.points;
        emit(&format!("\n人工打分 {} {}（{}，{points} 分以内）", item.item_id, item.name, item.dimension))?;
    }
    let id = &task.call_id;
    emit("")?;
    if is_appeal {
        emit(&format!("diting review handle {id} 编号[,编号] --accept|--reject '理由' [--final]"))?;
    } else {
        emit(&format!(
            "diting review submit {id} --confirm 规则 --reject 规则=理由 --missed 规则=轮次 ['说明']"
        ))?;
    }
    emit(&format!("diting calls show {id}  整通对话；diting review return {id}  退回"))?;
    Ok(())
}

fn finding(finding: &v1::Finding, turns: &[v1::Turn]) -> anyhow::Result<()> {
    let own = finding.final_verdict();
    let counts = if own == finding.verdict() || own == v1::Verdict::Unspecified {
        String::new()
    } else {
        format!("，人工改为{}", verdict(own))
    };
    emit(&format!(
        "\n{} {} {}  机器{} {} 分{}{counts}",
        level(finding.level()),
        finding.rule_id,
        plain(&finding.rule_name),
        verdict(finding.verdict()),
        finding.score_delta,
        if finding.veto { "，一票否决" } else { "" },
    ))?;
    if !finding.explanation.is_empty() {
        emit(&format!("  理由：{}", plain(&finding.explanation)))?;
    }
    let mut shown_until = 0;
    for evidence in finding.evidence.iter().take(MAX_PLACES) {
        let first = evidence.turn.saturating_sub(TURNS_AROUND).max(shown_until);
        let last = evidence.turn.saturating_add(TURNS_AROUND);
        for turn in turns.iter().filter(|turn| (first..=last).contains(&turn.index)) {
            let is_place = turn.index == evidence.turn;
            let text = if is_place { marked(turn, evidence) } else { plain(&turn.text) };
            emit(&format!(
                "  {} 第 {} 轮{} {}：{text}",
                if is_place { "▶" } else { " " },
                turn.index + 1,
                position(turn.start.as_ref()),
                role(turn.role()),
            ))?;
        }
        shown_until = last.saturating_add(1);
    }
    let more = finding.evidence.len().saturating_sub(MAX_PLACES);
    if more > 0 {
        emit(&format!("    另有 {more} 处"))?;
    }
    Ok(())
}

fn role(role: v1::SpeakerRole) -> &'static str {
    match role {
        v1::SpeakerRole::Agent => "客服",
        v1::SpeakerRole::Customer => "客户",
        v1::SpeakerRole::Bot => "语音菜单",
        v1::SpeakerRole::Unknown | v1::SpeakerRole::Unspecified => "未知",
    }
}

/// The text of a turn with what hit between brackets.
fn marked(turn: &v1::Turn, evidence: &v1::Evidence) -> String {
    let part = |from: u32, to: u32| -> String {
        let length = to.saturating_sub(from) as usize;
        plain(&turn.text.chars().skip(from as usize).take(length).collect::<String>())
    };
    if evidence.char_from >= evidence.char_to {
        return format!("{} 〔{}〕", plain(&turn.text), plain(&evidence.text));
    }
    let (before, hit) = (part(0, evidence.char_from), part(evidence.char_from, evidence.char_to));
    format!("{before}【{hit}】{}", part(evidence.char_to, u32::MAX))
}
