//! Reviews to the wire.

use super::finding::{level, verdict};
use super::review::told;
use super::{duration, timestamp};
use crate::analysis::{ManualItem, Settled};
use crate::catalog::{ReviewFacts, ReviewState};
use crate::proto::v1;
use crate::review::{
    Agreement, Appeal, AppealState, Event, Kappa, LabelledCall, Mode, Plan, Review, ReviewerFigures,
    RuleCounts, Shown, Slot, Subject, Task, What, Window,
};
use crate::types::{CallId, Millis, RuleId, Score, Share};

/// How a review stands.
#[must_use]
pub fn review_state(state: ReviewState) -> v1::ReviewState {
    match state {
        ReviewState::None => v1::ReviewState::None,
        ReviewState::Queued => v1::ReviewState::Queued,
        ReviewState::Reviewed => v1::ReviewState::Reviewed,
        ReviewState::Appealed => v1::ReviewState::Appealed,
        ReviewState::Closed => v1::ReviewState::Closed,
    }
}

fn slot(slot: Slot) -> v1::ReviewSlot {
    match slot {
        Slot::First => v1::ReviewSlot::First,
        Slot::Second => v1::ReviewSlot::Second,
        Slot::Decider => v1::ReviewSlot::Decider,
        Slot::Appeal => v1::ReviewSlot::Appeal,
    }
}

/// Puts what people decided beside what the machine found.
pub fn decided(
    findings: &mut [v1::Finding],
    facts: &ReviewFacts,
    review: &Review,
    settled: Option<&Settled>,
) {
    for finding in findings {
        finding.review = review_state(facts.state).into();
        let mut costs = settled.iter().flat_map(|settled| &settled.costs);
        if let Some(cost) = costs.find(|cost| cost.rule_id.as_str() == finding.rule_id) {
            finding.final_score_delta = Some(cost.points.as_f64());
            finding.final_veto = cost.veto;
        }
        let own = facts.finals.iter().find(|one| one.rule_id.as_str() == finding.rule_id);
        let Some(own) = own else { continue };
        finding.final_verdict = verdict(own.verdict).into();
        if let Some(told) = review.decisions.get(&own.rule_id) {
            finding.decision_by.clone_from(&told.by);
            finding.decision_comment.clone_from(&told.comment);
            finding.decision_turn = told.turn;
        }
    }
}

/// A task at a time.
#[must_use]
pub fn review_task(task: &Task, now: jiff::Timestamp) -> v1::ReviewTask {
    let lease = task.lease.as_ref().filter(|_| task.holder(now).is_some());
    v1::ReviewTask {
        call_id: task.id.call_id.to_string(),
        slot: slot(task.id.slot).into(),
        plan_id: task.plan.clone().unwrap_or_default(),
        level: task.level.map_or(v1::Level::Unspecified, level).into(),
        queued_at: Some(timestamp(task.queued_at)),
        reviewer: lease.map(|lease| lease.reviewer.clone()).unwrap_or_default(),
        leased_until: lease.map(|lease| timestamp(lease.until)),
        assigned_to: task.assigned_to.clone().unwrap_or_default(),
    }
}

/// A review as it is shown.
#[must_use]
pub fn review(shown: &Shown, items: &[ManualItem], now: jiff::Timestamp) -> v1::Review {
    let Shown { review: own, facts, tasks, is_blind, num_damaged } = shown;
    let decisions = own.decisions.iter().map(|(rule_id, one)| v1::ReviewDecision {
        rule_id: rule_id.to_string(),
        verdict: verdict(one.verdict).into(),
        machine_verdict: verdict(one.machine).into(),
        revision: one.revision.clone(),
        reviewer: one.by.clone(),
        time: Some(timestamp(one.at)),
        slot: slot(one.slot).into(),
        turn: one.turn,
        comment: one.comment.clone(),
    });
    let hands = own.hands.iter().map(|(item_id, (points, by))| v1::HandScore {
        item_id: item_id.to_string(),
        points: points.as_f64(),
        reviewer: by.clone(),
    });
    v1::Review {
        call_id: facts.id.to_string(),
        // Not what its events come to: some of them may be damaged.
        state: review_state(facts.review_state()).into(),
        decisions: decisions.collect(),
        hand_scores: hands.collect(),
        appeals: own.appeals.iter().map(|one| appeal(&facts.id, one)).collect(),
        events: own.events.iter().map(event).collect(),
        machine_score: facts.judgement.as_ref().and_then(|own| own.score).map(Score::as_f64),
        final_score: facts.final_score().map(Score::as_f64),
        tasks: tasks.iter().map(|task| review_task(task, now)).collect(),
        blind: *is_blind,
        num_damaged: *num_damaged,
        disputed_ids: own.disputed.iter().map(ToString::to_string).collect(),
        manual_items: items
            .iter()
            .map(|item| v1::ManualItem {
                item_id: item.id.to_string(),
                name: item.name.clone(),
                dimension: item.dimension.clone(),
                points: item.points.as_f64(),
            })
            .collect(),
    }
}

/// An appeal about a call.
#[must_use]
pub fn appeal(call_id: &CallId, own: &Appeal) -> v1::Appeal {
    let (rule_id, item_id) = match &own.subject {
        Subject::Rule(rule_id) => (rule_id.to_string(), String::new()),
        Subject::Item(item_id) => (String::new(), item_id.to_string()),
    };
    let state = match own.state {
        AppealState::Open => v1::AppealState::Open,
        AppealState::Withdrawn => v1::AppealState::Withdrawn,
        AppealState::Accepted => v1::AppealState::Accepted,
        AppealState::Rejected => v1::AppealState::Rejected,
    };
    v1::Appeal {
        call_id: call_id.to_string(),
        number: own.number,
        rule_id,
        item_id,
        agent_id: own.agent.clone(),
        reason: own.reason.clone(),
        time: Some(timestamp(own.at)),
        state: state.into(),
        ended_by: own.ended_by.clone().unwrap_or_default(),
        ended_at: own.ended_at.map(timestamp),
        answer: own.answer.clone(),
        final_judgement: own.is_final,
    }
}

fn event(event: &Event) -> v1::ReviewEvent {
    use v1::ReviewEventKind as Kind;
    let base = |kind: Kind| v1::ReviewEvent {
        time: Some(timestamp(event.at)),
        actor: event.actor.clone(),
        kind: kind.into(),
        comment: event.comment.clone(),
        ..v1::ReviewEvent::default()
    };
    let as_slot = |kind, own: &Slot| v1::ReviewEvent { slot: slot(*own).into(), ..base(kind) };
    match &event.what {
        What::Queued { plan, slots: _ } => {
            v1::ReviewEvent { subject: plan.clone().unwrap_or_default(), ..base(Kind::Queued) }
        }
        What::Assigned { slot, to } => {
            v1::ReviewEvent { subject: to.clone(), ..as_slot(Kind::Assigned, slot) }
        }
        What::Returned { slot } => as_slot(Kind::Returned, slot),
        What::Submitted { slot, took_seconds } => v1::ReviewEvent {
            took: took_seconds.map(|seconds| duration(Millis(u64::from(seconds) * 1000))),
            ..as_slot(Kind::Submitted, slot)
        },
        What::Decided { slot, rule_id, machine, revision, verdict: own, how: _, turn } => v1::ReviewEvent {
            rule_ids: vec![rule_id.to_string()],
            verdict: verdict(*own).into(),
            machine_verdict: verdict(*machine).into(),
            revision: revision.clone(),
            turn: *turn,
            ..as_slot(Kind::Decided, slot)
        },
        What::Scored { slot, item_id, points } => v1::ReviewEvent {
            rule_ids: vec![item_id.to_string()],
            points: Some(points.as_f64()),
            ..as_slot(Kind::Scored, slot)
        },
        What::Differed { rule_ids } => v1::ReviewEvent {
            rule_ids: rule_ids.iter().map(ToString::to_string).collect(),
            ..base(Kind::Differed)
        },
        What::Appealed { number, subject } => v1::ReviewEvent {
            rule_ids: vec![subject.id().to_string()],
            appeal_number: *number,
            ..base(Kind::Appealed)
        },
        What::Withdrawn { number } => v1::ReviewEvent { appeal_number: *number, ..base(Kind::Withdrawn) },
        What::Handled { number, accepted, is_final } => v1::ReviewEvent {
            appeal_number: *number,
            accepted: *accepted,
            final_judgement: *is_final,
            ..base(Kind::Handled)
        },
    }
}

impl From<Plan> for v1::ReviewPlan {
    fn from(plan: Plan) -> Self {
        let (mode, proportion, number) = match plan.mode {
            Mode::All => (v1::SamplingMode::All, 0.0, 0),
            Mode::Proportion(share) => (v1::SamplingMode::Proportion, share, 0),
            Mode::PerAgent(number) => (v1::SamplingMode::PerAgent, 0.0, number),
            Mode::PerTeam(number) => (v1::SamplingMode::PerTeam, 0.0, number),
            Mode::Number(number) => (v1::SamplingMode::Number, 0.0, number),
        };
        let window = match plan.window {
            Window::Day => v1::SamplingWindow::Day,
            Window::Week => v1::SamplingWindow::Week,
            Window::Month => v1::SamplingWindow::Month,
        };
        Self {
            selection: Some(told(&plan)),
            plan_id: plan.id,
            title: plan.title,
            mode: mode.into(),
            proportion,
            number,
            window: window.into(),
            seed: plan.seed,
            double_share: plan.double_share,
            priority: plan.priority,
            continuous: plan.is_continuous,
            paused: !plan.is_active,
            created_at: Some(timestamp(plan.created_at)),
        }
    }
}

impl From<RuleCounts> for v1::RuleCountInfo {
    fn from(counts: RuleCounts) -> Self {
        let interval = counts.precision().wilson();
        Self {
            hit_rate: counts.hit_rate().rate(),
            review_rate: counts.review_rate().rate(),
            review_accuracy_rate: counts.precision().rate(),
            review_accuracy_low: interval.map(|(low, _)| low),
            review_accuracy_high: interval.map(|(_, high)| high),
            hit_real_violation_rate: counts.real_hit_rate().rate(),
            rule_id: counts.rule_id.to_string(),
            rule_name: counts.rule_name,
            level: level(counts.level).into(),
            check_number: counts.num_checked,
            hit_number: counts.num_hit,
            pre_review_number: counts.num_pre_review,
            review_number: counts.num_reviewed,
            un_review_number: counts.num_hit - counts.num_reviewed,
            real_violation_number: counts.num_real,
            problem_number: counts.num_problem,
            confirmed_number: counts.num_confirmed,
        }
    }
}

impl From<Kappa> for v1::Agreement {
    fn from(own: Kappa) -> Self {
        Self {
            num_pairs: own.num_pairs,
            observed: own.observed,
            expected: own.expected,
            kappa: own.kappa,
            kappa_low: own.interval.map(|(low, _)| low),
            kappa_high: own.interval.map(|(_, high)| high),
            too_few: own.is_too_few,
        }
    }
}

impl From<Agreement> for v1::GetReviewerAgreementResponse {
    fn from(own: Agreement) -> Self {
        let rule = |(rule_id, kappa): (RuleId, Kappa)| v1::RuleAgreement {
            rule_id: rule_id.to_string(),
            agreement: Some(kappa.into()),
        };
        Self {
            num_calls: own.num_calls,
            num_damaged: own.num_damaged,
            overall: own.overall.map(Into::into),
            rules: own.rules.into_iter().map(rule).collect(),
            reviewers: own.reviewers.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<ReviewerFigures> for v1::ReviewerFigures {
    fn from(own: ReviewerFigures) -> Self {
        let Share { num, of } = own.overturned;
        Self {
            reviewer: own.reviewer,
            num_reviews: own.num_reviews,
            num_decisions: own.num_decisions,
            num_appeals: own.num_appeals,
            median_time: own.median_seconds.map(|seconds| duration(Millis(u64::from(seconds) * 1000))),
            num_overturned: num,
            num_verdicts: of,
        }
    }
}

impl From<LabelledCall> for v1::LabelledCall {
    fn from(call: LabelledCall) -> Self {
        let labels = call.labels.into_iter().map(|label| v1::RuleLabel {
            rule_id: label.rule_id.to_string(),
            verdict: verdict(label.verdict).into(),
            machine_verdict: verdict(label.machine).into(),
            revision: label.revision,
        });
        Self {
            call_id: call.call_id.to_string(),
            turns: call.turns,
            mono: call.is_mono,
            length: Some(duration(call.length)),
            metadata: Some((&call.metadata).into()),
            labels: labels.collect(),
        }
    }
}
