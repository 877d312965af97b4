//! Sampling plans: what is drawn, once, and the same again.

use super::*;
use crate::analysis::Level;
use crate::catalog::{CallQuery, FindingQuery, TimeRange};

pub(super) fn plan(id: &str, mode: Mode) -> Plan {
    Plan {
        id: id.to_owned(),
        title: String::new(),
        query: CallQuery::default(),
        told: String::new(),
        mode,
        window: Window::Day,
        seed: 1,
        double_share: 0.0,
        priority: 0,
        is_continuous: false,
        is_active: true,
        created_at: at(0),
    }
}

fn queued(desk: &Desk, plan: &str) -> Vec<String> {
    let filter = TaskFilter { plan: Some(plan.to_owned()), ..TaskFilter::default() };
    let page = desk.reviews.list(&filter, None, usize::MAX, at(100_000));
    let mut ids: Vec<_> = page.tasks.iter().map(|task| task.id.call_id.to_string()).collect();
    ids.sort();
    ids
}

const DAY: i64 = 24 * 60;

fn filled() -> Desk {
    let desk = Desk::new();
    for number in 0..60 {
        let (agent, team) = (format!("{}", number % 6), if number % 2 == 0 { "甲" } else { "乙" });
        let said = if number % 10 == 0 { "客服: 保本" } else { "客服: 您好" };
        // Two days, thirty calls each.
        desk.add(
            &format!("c{number:02}"),
            &agent,
            team,
            i64::from(number / 30) * DAY + i64::from(number),
            &[said],
        );
    }
    desk
}

#[test]
fn all_of_a_level_once() {
    let desk = filled();
    let finding = FindingQuery { levels: vec![Level::S1], ..FindingQuery::default() };
    let query = CallQuery { finding, ..CallQuery::default() };
    desk.reviews.create_plan(Plan { query, ..plan("s1", Mode::All) }, at(0)).expect("made");
    let again = desk.reviews.create_plan(plan("s1", Mode::All), at(0));
    assert!(matches!(again, Err(ReviewError::PlanExists { .. })));
    let run = desk.reviews.run_plan("s1", TimeRange::default(), at(1)).expect("run");
    assert_eq!(run, PlanRun { num_chosen: 6, num_known: 0, num_queued: 6 });
    assert_eq!(queued(&desk, "s1"), ["c00", "c10", "c20", "c30", "c40", "c50"]);
    let run = desk.reviews.run_plan("s1", TimeRange::default(), at(2)).expect("run");
    assert_eq!(run, PlanRun { num_chosen: 6, num_known: 6, num_queued: 0 });
}

#[test]
fn numbers_hold_for_each_agent_team_and_day_and_come_out_the_same_again() {
    let drawn = |mode, window| {
        let desk = filled();
        desk.reviews.create_plan(Plan { window, ..plan("p", mode) }, at(0)).expect("made");
        desk.reviews.run_plan("p", TimeRange::default(), at(1)).expect("run");
        desk.reviews.run_plan("p", TimeRange::default(), at(2)).expect("run");
        queued(&desk, "p")
    };
    let of = |ids: &[String], day: u32, wanted: &dyn Fn(u32) -> bool| {
        let numbers = ids.iter().map(|id| id.trim_start_matches('c').parse::<u32>().expect("a number"));
        numbers.filter(|number| number / 30 == day && wanted(*number)).count()
    };
    let agents = drawn(Mode::PerAgent(2), Window::Day);
    for day in 0..2 {
        for agent in 0..6 {
            assert_eq!(of(&agents, day, &|number| number % 6 == agent), 2, "agent {agent}, day {day}");
        }
    }
    assert_eq!(agents, drawn(Mode::PerAgent(2), Window::Day), "the same again");
    assert_eq!(drawn(Mode::PerAgent(2), Window::Month).len(), 12, "both days lie in one month");
    let teams = drawn(Mode::PerTeam(5), Window::Day);
    for day in 0..2 {
        assert_eq!(of(&teams, day, &|number| number % 2 == 1), 5);
    }
    assert_eq!(drawn(Mode::Number(7), Window::Day).len(), 14);
    let share = drawn(Mode::Proportion(0.5), Window::Day).len();
    assert!((15..=45).contains(&share), "about half of sixty: {share}");
}

#[test]
fn a_plan_follows_what_comes_in_and_goes_on_after_a_restart() {
    let desk = Desk::new();
    desk.add("before", "7", "a", 0, &["客服: 保本"]);
    let follows = |mode| Plan { is_continuous: true, ..plan("all", mode) };
    desk.reviews.create_plan(follows(Mode::All), at(1)).expect("made");
    let daily = Plan { id: "daily".to_owned(), query: of_agent("9"), ..follows(Mode::Number(1)) };
    desk.reviews.create_plan(daily, at(1)).expect("made");
    desk.reviews.update_plan(Plan { query: of_agent("7"), ..follows(Mode::All) }, at(1)).expect("changed");
    desk.add("c1", "7", "a", 2, &["客服: 保本"]);
    assert_eq!(desk.reviews.follow(at(3)).expect("followed"), 1);
    assert_eq!(queued(&desk, "all"), ["c1"], "not what came in before");
    assert_eq!(desk.reviews.follow(at(3)).expect("followed"), 0);
    let desk = desk.reopened();
    desk.add("c2", "7", "a", 4, &["客服: 保本"]);
    for number in 0..5 {
        desk.add(&format!("n{number}"), "9", "a", 5, &["客服: 您好"]);
    }
    assert_eq!(desk.reviews.follow(at(6)).expect("followed"), 1);
    assert_eq!(queued(&desk, "daily").len(), 0, "the day has not ended");
    assert_eq!(desk.reviews.follow(at(6 + DAY)).expect("followed"), 1);
    assert_eq!(queued(&desk, "daily").len(), 1);
    desk.reviews.delete_plan("all").expect("removed");
    desk.add("c3", "7", "a", 7, &["客服: 保本"]);
    assert_eq!(desk.reviews.follow(at(8 + DAY)).expect("followed"), 0);
    assert_eq!(queued(&desk, "all"), ["c1", "c2"], "what it drew stays");
}

fn of_agent(agent: &str) -> CallQuery {
    CallQuery { agents: vec![agent.to_owned()], ..CallQuery::default() }
}

#[test]
fn a_share_of_the_calls_goes_to_two_people() {
    let desk = filled();
    desk.reviews.create_plan(Plan { double_share: 0.5, ..plan("p", Mode::All) }, at(0)).expect("made");
    desk.reviews.run_plan("p", TimeRange::default(), at(1)).expect("run");
    let num_double = queued(&desk, "p").len() - 60;
    assert!((15..=45).contains(&num_double), "about half of sixty: {num_double}");
    let wrong = Plan { double_share: f64::NAN, ..plan("q", Mode::All) };
    assert!(matches!(desk.reviews.create_plan(wrong, at(0)), Err(ReviewError::Field { .. })));
}

#[test]
fn windows_begin_where_people_say_they_do() {
    let start = |window: Window, time: &str| window.start(time.parse().expect("a time"), 8 * 60).to_string();
    assert_eq!(start(Window::Day, "2026-11-25T15:59:59Z"), "2026-11-24T16:00:00Z");
    assert_eq!(start(Window::Week, "2026-11-25T15:59:59Z"), "2026-11-22T16:00:00Z", "Monday");
    assert_eq!(start(Window::Month, "2026-11-25T15:59:59Z"), "2026-10-31T16:00:00Z");
}

#[test]
fn what_comes_late_is_drawn_from_windows_that_have_ended() {
    let desk = Desk::new();
    let plan = Plan { is_continuous: true, window: Window::Week, ..plan("week", Mode::PerAgent(2)) };
    desk.reviews.create_plan(plan, at(0)).expect("made");
    for number in 0..3 {
        desk.add(&format!("a{number}"), "7", "a", 5 + number, &["客服: 您好"]);
    }
    assert_eq!(desk.reviews.follow(at(7 * DAY)).expect("followed"), 2);
    // Sent after the week had ended: of an agent who has two already, of one who has none, and far too late.
    desk.add("a3", "7", "a", 9, &["客服: 您好"]);
    for number in 0..3 {
        desk.add(&format!("b{number}"), "8", "a", 5 + number, &["客服: 您好"]);
    }
    assert_eq!(desk.reviews.follow(at(7 * DAY + 1)).expect("followed"), 2, "those of the other agent");
    assert_eq!(desk.reviews.follow(at(7 * DAY + 2)).expect("followed"), 0, "and never more");
    desk.add("before", "9", "a", -9 * DAY, &["客服: 您好"]);
    assert_eq!(desk.reviews.follow(at(7 * DAY + 3)).expect("followed"), 0, "not from before the plan");
    desk.add("old", "9", "a", 10, &["客服: 您好"]);
    assert_eq!(desk.reviews.follow(at(15 * DAY)).expect("followed"), 0, "two weeks are the limit");
    assert_eq!(queued(&desk, "week").iter().filter(|id| id.starts_with('b')).count(), 2);
}

#[test]
fn a_question_about_reviews_hides_nothing_that_was_drawn() {
    let desk = filled();
    let query = CallQuery { reviews: vec![crate::catalog::ReviewState::None], ..of_agent("1") };
    desk.reviews
        .create_plan(Plan { query, window: Window::Month, ..plan("p", Mode::PerAgent(3)) }, at(0))
        .expect("made");
    for minutes in 1..4 {
        desk.reviews.run_plan("p", TimeRange::default(), at(minutes)).expect("run");
    }
    assert_eq!(queued(&desk, "p").len(), 3);
}

#[test]
fn plans_that_run_at_once_draw_no_more_than_they_may() {
    let desk = filled();
    let plan = Plan { window: Window::Month, ..plan("p", Mode::PerAgent(3)) };
    desk.reviews.create_plan(plan, at(0)).expect("made");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| desk.reviews.run_plan("p", TimeRange::default(), at(1)).expect("run"));
        }
    });
    assert_eq!(queued(&desk, "p").len(), 18);
}
