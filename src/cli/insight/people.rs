//! Reports on agents and teams as text for people.
//!
//! **Invariant**: no place and no label without what it rests on.

use jiff::tz::TimeZone;

use super::opens::{opens, opens_all, opens_hits};
use super::show::{day, percent, points, points_interval, rate, rule, sparkline, table, zone};
use crate::cli::report::layout::clean;
use crate::proto::v1;
use crate::types::{Millis, Probability};

/// A list of agents.
pub(super) fn agents(agents: &[v1::AgentLine], with_head: bool) -> String {
    let mut rows = Vec::new();
    if with_head {
        let head = ["工号", "姓名", "班组", "通话", "命中率", "均分", "班组名次（区间）"];
        rows.push(head.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
    }
    for agent in agents {
        let calls = agent.calls.clone().unwrap_or_default();
        let score = agent.score.unwrap_or_default();
        rows.push(vec![
            clean(&agent.agent_id),
            clean(&agent.agent_name),
            clean(&agent.team),
            calls.num_calls.to_string(),
            percent(calls.rate),
            score.mean.map_or_else(|| "-".to_owned(), |mean| format!("{mean:.1}")),
            rank(agent.rank.as_ref()),
        ]);
    }
    table(&rows, 3)
}

fn rank(rank: Option<&v1::Rank>) -> String {
    rank.map_or_else(
        || "样本不足".to_owned(),
        |rank| format!("{}（{}–{}）/ {}", rank.place, rank.best, rank.worst, rank.of),
    )
}

/// The hit rate of several rules together with its counts: `12.0%（命中 12 次 / 检查 100 次）`.
fn hit_rate(figure: Option<&v1::InsightFigure>) -> String {
    let Some(figure) = figure else { return "-".to_owned() };
    format!("{}（命中 {} 次 / 检查 {} 次）", percent(figure.rate), figure.num_hits, figure.num_checked)
}

/// The report on an agent or a team.
pub(super) fn report(report: &v1::PeopleReport) -> String {
    let mut text = String::new();
    let zone = zone(&report.time_zone);
    let subject = report.subject.clone().unwrap_or_default();
    let is_agent = subject.group() == v1::InsightGroup::Agent;
    let what = if is_agent { "座席" } else { "班组" };
    text.push_str(&format!("{what} {} {}", clean(&subject.value), clean(&subject.name)));
    if is_agent && !report.team.is_empty() {
        text.push_str(&format!("  班组 {}", clean(&report.team)));
    }
    let calls = report.calls.clone().unwrap_or_default();
    let (from, before) =
        (day(report.from.as_ref(), "%Y-%m-%d", &zone), day(report.before.as_ref(), "%Y-%m-%d", &zone));
    say!(
        text,
        "\n{from} 至 {before}  通话 {} 通  规则命中率（不含预警类）{}",
        calls.num_calls,
        hit_rate(Some(&calls))
    );
    text.push_str(&opens_all(Some(&calls), ""));
    if calls.num_hits > 0 {
        text.push_str(&opens(Some(&calls), ""));
        text.push_str(&opens_hits(Some(&calls), ""));
    }
    if report.too_few {
        text.push_str("样本不足：通话太少，不给弱项、标签与名次\n");
    }
    if is_agent && report.rank.is_some() {
        say!(text, "班组内名次 {}", rank(report.rank.as_ref()));
    }
    scores(&mut text, report);
    if !report.labels.is_empty() {
        text.push_str("\n── 画像（规则命中率，不含预警类）\n");
    }
    for label in &report.labels {
        let (own, others) = (hit_rate(label.own.as_ref()), hit_rate(label.others.as_ref()));
        say!(
            text,
            "  {}  本人 {own}，同组其他人 {others}，{}",
            label.label,
            Probability(label.p_value).of('p')
        );
        text.push_str(&opens(label.own.as_ref(), "    "));
        text.push_str(&opens_hits(label.own.as_ref(), "    "));
    }
    lines(&mut text, "弱项", &report.weak, &zone);
    lines(&mut text, "强项", &report.strengths, &zone);
    if !report.hints.is_empty() {
        text.push_str("\n── 培训建议\n");
    }
    for hint in &report.hints {
        let rules: Vec<String> = hint.rules.iter().map(|one| rule(Some(one))).collect();
        say!(text, "  {}（{}）", clean(&hint.title), rules.join("、"));
        say!(text, "    {}  {}", clean(&hint.material), clean(&hint.text));
    }
    let reviews = report.reviews.unwrap_or_default();
    if reviews.num_reviewed + reviews.num_appealed > 0 {
        say!(
            text,
            "\n── 复核\n  已复核 {} 通：维持 {}，驳回 {}，补判 {}；申诉中 {} 通",
            reviews.num_reviewed,
            reviews.num_confirmed,
            reviews.num_rejected,
            reviews.num_added,
            reviews.num_appealed
        );
    }
    trend(&mut text, &report.trend, &zone);
    if let Some(past) = &report.against_past {
        let difference = past.difference.map_or_else(|| "-".to_owned(), points);
        say!(
            text,
            "\n── 与上期相比\n  上期 {}  本期 {}  差 {difference} {}",
            rate(past.before.as_ref()),
            rate(past.after.as_ref()),
            points_interval(past.interval.as_ref())
        );
    }
    if !report.members.is_empty() {
        text.push_str("\n── 成员\n");
        text.push_str(&agents(&report.members, true));
    }
    say!(text, "\n方法：{}", report.statistic);
    text
}

fn scores(text: &mut String, report: &v1::PeopleReport) {
    let mean = |mean: Option<&v1::InsightMean>| {
        mean.and_then(|mean| mean.mean).map_or_else(|| "-".to_owned(), |mean| format!("{mean:.1}"))
    };
    let difference = |difference: Option<f64>, interval: Option<&v1::InsightInterval>| {
        let Some(difference) = difference else { return "-".to_owned() };
        let interval =
            interval.map_or_else(String::new, |one| format!(" [{:+.1}, {:+.1}]", one.lower, one.upper));
        format!("{difference:+.1}{interval}")
    };
    let head = ["得分", "满分", "本期", "其他人", "上期", "比其他人", "比上期"];
    let mut rows = vec![head.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()];
    for line in &report.scores {
        let name = if line.dimension.is_empty() { "总分" } else { line.dimension.as_str() };
        rows.push(vec![
            clean(name),
            format!("{}", line.full),
            mean(line.own.as_ref()),
            mean(line.others.as_ref()),
            mean(line.past.as_ref()),
            difference(line.against_others, line.against_others_interval.as_ref()),
            difference(line.against_past, line.against_past_interval.as_ref()),
        ]);
    }
    text.push('\n');
    text.push_str(&table(&rows, 1));
}

fn lines(text: &mut String, title: &str, lines: &[v1::RuleLine], zone: &TimeZone) {
    if !lines.is_empty() {
        say!(text, "\n── {title}");
    }
    for line in lines {
        say!(
            text,
            "  {}  {}，其他人 {}，差 {} {}，{}",
            rule(line.rule.as_ref()),
            rate(line.own.as_ref()),
            rate(line.others.as_ref()),
            points(line.difference),
            points_interval(line.interval.as_ref()),
            Probability(line.q_value).of('q')
        );
        text.push_str(&opens(line.own.as_ref(), "    "));
        for moment in &line.moments {
            let at = moment.at.and_then(|at| u64::try_from(at.seconds).ok()).map(|secs| Millis(secs * 1000));
            let at = at.map_or_else(String::new, |at| format!(" {at}"));
            let words = if moment.text.is_empty() { &moment.explanation } else { &moment.text };
            let when = day(moment.started_at.as_ref(), "%m-%d", zone);
            say!(text, "    {when} {}{at}  {}", clean(&moment.call_id), clean(words));
        }
    }
}

fn trend(text: &mut String, trend: &[v1::InsightCell], zone: &TimeZone) {
    if trend.len() < 2 {
        return;
    }
    let rates: Vec<Option<f64>> = trend.iter().map(|cell| cell.figure.as_ref()?.rate).collect();
    text.push_str("\n── 按周\n");
    say!(text, "  命中率 {}", sparkline(&rates));
    for cell in trend {
        let partial = if cell.is_partial { "*" } else { "" };
        let score = cell.mean_score.map_or_else(|| "-".to_owned(), |mean| format!("{mean:.1}"));
        let others = cell.others_mean_score.map_or_else(|| "-".to_owned(), |mean| format!("{mean:.1}"));
        say!(
            text,
            "  {}{partial}  {}  其他人 {}  均分 {score}，其他人 {others}",
            day(cell.start.as_ref(), "%m-%d", zone),
            rate(cell.figure.as_ref()),
            percent(cell.others_rate)
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_calls_open_calls_and_numbers_of_hits_open_hits() {
        let figure = |rule: &str| v1::InsightFigure {
            num_calls: 40,
            num_checked: 70,
            num_hits: 12,
            num_calls_hit: 9,
            rate: Some(12.0 / 70.0),
            calls: Some(v1::CallFilter {
                agent_ids: vec!["8103".to_owned()],
                rule_ids: vec![rule.to_owned()],
                verdicts: vec![v1::Verdict::Hit.into()],
                ..Default::default()
            }),
            ..Default::default()
        };
        let label = v1::ProfileLabel {
            label: "服务态度".to_owned(),
            own: Some(figure("L01")),
            others: Some(v1::InsightFigure {
                num_hits: 3,
                num_checked: 400,
                rate: Some(3.0 / 400.0),
                ..Default::default()
            }),
            ..Default::default()
        };
        let told = report(&v1::PeopleReport {
            calls: Some(figure("B01")),
            labels: vec![label],
            ..Default::default()
        });
        for wanted in [
            "通话 40 通  规则命中率（不含预警类）17.1%（命中 12 次 / 检查 70 次）\n",
            "  服务态度  本人 17.1%（命中 12 次 / 检查 70 次），同组其他人 0.8%（命中 3 次 / 检查 400 次），",
            "\n全部通话 40 通：diting calls list --agent 8103\n",
            "\n有命中的通话 9 通：diting calls list --agent 8103 --rule B01 --verdict hit\n",
            "\n命中 12 次：diting findings list --agent 8103 --rule B01 --verdict hit\n",
            "\n    有命中的通话 9 通：diting calls list --agent 8103 --rule L01 --verdict hit\n",
            "\n    命中 12 次：diting findings list --agent 8103 --rule L01 --verdict hit\n",
        ] {
            assert!(told.contains(wanted), "{wanted}\n{told}");
        }
    }
}
