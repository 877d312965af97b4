//! Looks for hot spots: tests every rule of every subject, and leaves out what another rise explains.
//!
//! **Invariant**: what was tested is counted, whether it rose or not; a claim is made once, where it belongs.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::cube::{BASELINE, Cube, Days, Source, Subject, WINDOW, rule_slots, side_of, sides, whole_of};
use super::hot_spot::{HotSpot, HotSpotQuery, HotSpots, Since};
use super::scan::{Part, Revisions, Slots, agents_of, narrow, plain};
use super::spread::Spreads;
use super::stats::{Two, benjamini_hochberg, change_point, grew_more, ln_fisher, newcombe};
use super::tally::{Clock, Step};
use super::{Figure, Group, Period, RuleRef};
use crate::analysis::Verdict;
use crate::catalog::{CallQuery, Catalog, Stage};

/// How rises are tested, in words.
const STATISTIC: &str = "Fisher 精确检验（单侧，窗口对自身基线），计数先按 Rao–Scott 有效样本量除以离散系数；Benjamini–Hochberg 控制错误发现率；多个上升逐个剔除已确认者的通话后重检；起始日用二项似然比变点与 999 次置换检验";

/// What is looked at when nobody says.
const DEFAULT_GROUPS: [Group; 6] =
    [Group::Team, Group::Agent, Group::SkillGroup, Group::Business, Group::Product, Group::Topic];

/// The p value at which the subject of another rule's claim rose in this one as well.
const ROSE: f64 = 0.05;
/// Two subjects with this share of their checks in common, of those of either, are one for all that can be told.
const SAME: f64 = 0.9;
/// Fewest calls of an agent who helps to tell how much counts vary.
const MIN_AGENT_CALLS: u64 = 5;

/// Looks for them.
#[must_use]
pub fn hot_spots(catalog: &Catalog, query: &HotSpotQuery) -> HotSpots {
    let mut by: Vec<Group> = query.by.iter().copied().filter(|group| !group.is_of_findings()).collect();
    if by.is_empty() {
        by = DEFAULT_GROUPS.to_vec();
    }
    by.sort_unstable();
    by.dedup();
    // Agents and teams tell how much counts vary by nature, whether asked for or not.
    let mut groups = by.clone();
    groups.extend([Group::Agent, Group::Team]);
    groups.sort_unstable();
    groups.dedup();
    let from = query.window.from.min(query.baseline.from);
    let before = query.window.before.max(query.baseline.before);
    let mut calls = query.calls.clone();
    calls.started = Period { from, before }.range();
    let revisions = Revisions::of(catalog, &calls);
    let (slots, rules) = rule_slots(&revisions, &query.rules);
    let search = Search { catalog, query, by, calls, slots };
    search.run(rules, &groups)
}

/// A rise that may be claimed.
struct Candidate {
    rule: usize,
    subject: Subject,
    window: Two,
    baseline: Two,
    dispersion: f64,
    ln_p: f64,
    q: f64,
    is_claimed: bool,
    /// The position of the candidate that explains it.
    part_of: Option<usize>,
}

struct Search<'a> {
    catalog: &'a Catalog,
    query: &'a HotSpotQuery,
    by: Vec<Group>,
    calls: CallQuery,
    slots: Slots,
}

impl Search<'_> {
    fn run(&self, rules: Vec<RuleRef>, groups: &[Group]) -> HotSpots {
        let (window, baseline) = (self.query.window, self.query.baseline);
        let mut cube = Cube::new(rules.clone(), 2);
        cube.fill(self.catalog, &self.calls, &self.slots, groups, self.min_calls(), |call| {
            side_of(window, baseline, call.started_at)
        });
        let days = self.days(rules);
        // Only days before the window: a rise in it is what is looked for.
        let num_before = days.starts.iter().filter(|day| **day < window.from).count();
        let mut spreads = Spreads::of(self.catalog, &self.calls, &cube, &days.cube, num_before);
        let subjects = cube.distinct(|group| self.by.contains(&group));
        let mut candidates = Vec::new();
        let mut num_tested = 0_u64;
        for rule in 0..cube.rules.len() {
            for subject in subjects.iter().copied() {
                let dispersion = spreads.of_subject(rule, subject);
                let (window, baseline) = (cube.get(subject, rule, WINDOW), cube.get(subject, rule, BASELINE));
                let Some(ln_p) = self.test(window, baseline, dispersion) else { continue };
                num_tested += 1;
                // Anything less is never claimed, and is in the number of tests.
                if ln_p < -1.0 && window.rate() > baseline.rate() {
                    let subject = subject.clone();
                    let (q, is_claimed, part_of) = (1.0, false, None);
                    candidates.push(Candidate {
                        rule,
                        subject,
                        window,
                        baseline,
                        dispersion,
                        ln_p,
                        q,
                        is_claimed,
                        part_of,
                    });
                }
            }
        }
        candidates.sort_by(|left, right| {
            left.ln_p
                .total_cmp(&right.ln_p)
                .then_with(|| (left.rule, &left.subject).cmp(&(right.rule, &right.subject)))
        });
        let p_values: Vec<f64> = candidates.iter().map(|one| one.ln_p.exp()).collect();
        for (one, q) in candidates.iter_mut().zip(benjamini_hochberg(&p_values, num_tested)) {
            one.q = q;
            one.is_claimed = q <= self.query.limits.max_q && self.matters(one.window, one.baseline);
        }
        let significant = candidates.iter().filter(|one| one.q <= self.query.limits.max_q);
        let cutoff = significant.map(|one| one.ln_p).fold(f64::NEG_INFINITY, f64::max);
        self.explain(&mut candidates, cutoff);
        self.stand_alone(&mut candidates, num_tested);
        let order = order(&candidates);
        let spots = order.iter().take(self.query.max_spots).filter_map(|index| candidates.get(*index));
        let spots = spots.map(|one| self.spot(&cube, &days, one, &order)).collect();
        HotSpots { spots, num_tested, statistic: STATISTIC }
    }

    /// Fewest calls of a subject that is counted: others cannot be tested, but agents' tell how much counts vary.
    fn min_calls(&self) -> impl Fn(Group) -> u64 {
        let of_others = self.query.limits.min_checked;
        move |group| if group == Group::Agent { of_others.min(MIN_AGENT_CALLS) } else { of_others }
    }

    /// Counts by day, of all and of teams.
    fn days(&self, rules: Vec<RuleRef>) -> Days {
        let clock = Clock::new(Some(Step::Day), self.query.time_zone.clone(), Default::default());
        let within = |at: Timestamp| side_of(self.query.window, self.query.baseline, at).is_some();
        let source = Source { catalog: self.catalog, calls: &self.calls, slots: &self.slots };
        Days::of(source, rules, &[Group::Team], self.min_calls(), clock, within)
    }

    /// The logarithm of the p value, where there are enough calls. That there are says nothing about which way it goes.
    fn test(&self, window: Two, baseline: Two, dispersion: f64) -> Option<f64> {
        let limits = &self.query.limits;
        let enough = window.n >= limits.min_checked
            && baseline.n >= limits.min_checked
            && window.h + baseline.h >= limits.min_hits;
        enough.then(|| {
            if window.rate() > baseline.rate() {
                ln_fisher(window.effective(dispersion), baseline.effective(dispersion))
            } else {
                0.0
            }
        })
    }

    fn matters(&self, window: Two, baseline: Two) -> bool {
        let limits = &self.query.limits;
        window.h >= limits.min_hits
            && window.rate() - baseline.rate() >= limits.min_rise
            && window.rate() >= limits.min_ratio * baseline.rate()
    }

    /// Takes back claims that others explain: the strongest stays, and each next one must still be significant without
    /// the calls of those that stay, or have risen more than the rest of the one that it lies in; one of nearly the same
    /// calls as one that stays is always explained by it. A claim of another rule explains it only where the calls of that
    /// subject rose in this rule too, and the other calls did not.
    fn explain(&self, candidates: &mut [Candidate], cutoff: f64) {
        let members = Self::members(candidates);
        let shared = self.shared(candidates, &members);
        // The subjects of those kept, each with its first claim.
        let mut kept: Vec<(usize, usize, Subject)> = Vec::new();
        for index in 0..candidates.len() {
            let Some(one) = candidates.get(index).filter(|one| one.is_claimed) else { continue };
            let empty = (Vec::new(), BTreeMap::new());
            let indexes = members.get(&one.rule).unwrap_or(&empty.0);
            let patterns = shared.get(&one.rule).unwrap_or(&empty.1);
            let Some(place) = indexes.iter().position(|other| *other == index) else { continue };
            let sum = |wanted: &dyn Fn(&[usize]) -> bool| {
                let of = patterns.iter().filter(|(pattern, _)| wanted(pattern));
                of.fold((Two::default(), Two::default()), |sum, (_, counts)| {
                    (sum.0.plus(counts.0), sum.1.plus(counts.1))
                })
            };
            let own = |pattern: &[usize]| pattern.contains(&place);
            // By their places among the members; those of the rule itself, then those that another rule's claim is of.
            let (mut same, mut foreign) = (Vec::new(), Vec::new());
            for (other, member) in indexes.iter().enumerate().filter(|(other, _)| *other != place) {
                let Some(member_of) = candidates.get(*member) else { continue };
                if kept.iter().any(|(index, ..)| index == member) {
                    same.push(other);
                } else if kept.iter().any(|(_, rule, subject)| {
                    *rule != one.rule && *subject == member_of.subject && one.subject != *subject
                }) {
                    foreign.push(other);
                }
            }
            let in_any =
                |pattern: &[usize], places: &[usize]| pattern.iter().any(|place| places.contains(place));
            let is_left = |(window, baseline): (Two, Two)| {
                self.matters(window, baseline)
                    && self.test(window, baseline, one.dispersion).is_some_and(|ln_p| ln_p <= cutoff)
            };
            let stands = is_left(sum(&|pattern| own(pattern) && !in_any(pattern, &same)));
            // Of those kept, the one that has most of its calls.
            let overlap = |other: usize| sum(&|pattern| own(pattern) && pattern.contains(&other)).0.n;
            let most = |places: &[usize]| {
                places.iter().copied().max_by_key(|other| (overlap(*other), usize::MAX - other))
            };
            let holder = most(&same);
            let num = |wanted: &dyn Fn(&[usize]) -> bool| {
                let (window, baseline) = sum(wanted);
                window.n + baseline.n
            };
            // A team and the skill group that is nearly nobody else say the same, whatever the few others do.
            let twin = same.iter().copied().find(|other| {
                let both = num(&|pattern| own(pattern) && pattern.contains(other));
                let either = num(&|pattern| own(pattern) || pattern.contains(other));
                both as f64 >= SAME * either as f64
            });
            let sticks_out = holder.is_some_and(|holder| {
                let inside = sum(&|pattern| own(pattern) && pattern.contains(&holder));
                let rest = sum(&|pattern| !own(pattern) && pattern.contains(&holder));
                let excess = (inside.0.rate() - inside.1.rate()) - (rest.0.rate() - rest.1.rate());
                2 * inside.0.n >= one.window.n
                    && rest.0.n >= self.query.limits.min_checked
                    && excess >= self.query.limits.min_rise
                    && grew_more(inside, rest, one.dispersion).ln() <= cutoff
            });
            let elsewhere = {
                let inside = sum(&|pattern| own(pattern) && in_any(pattern, &foreign));
                let rest = sum(&|pattern| own(pattern) && !in_any(pattern, &foreign));
                let rise = |(window, baseline): (Two, Two)| window.rate() - baseline.rate();
                !foreign.is_empty()
                    && rest.0.n.min(rest.1.n) >= self.query.limits.min_checked
                    && rise(rest) < 0.5 * rise(inside)
                    && !is_left(rest)
            };
            let is_other = same.is_empty() || (twin.is_none() && (stands || sticks_out));
            if is_other && !elsewhere {
                kept.push((index, one.rule, one.subject.clone()));
                continue;
            }
            let of_rule = |holder: usize| indexes.get(holder).copied();
            let by = if elsewhere {
                let member = most(&foreign).and_then(of_rule).and_then(|member| candidates.get(member));
                let subject = member.map(|member| &member.subject);
                kept.iter().find(|(.., kept)| Some(kept) == subject).map(|(index, ..)| *index)
            } else {
                twin.or(holder).and_then(of_rule)
            };
            if let Some(one) = candidates.get_mut(index) {
                one.is_claimed = false;
                one.part_of = by;
            }
        }
    }

    /// Takes back claims that were significant only beside those that others explain: one rise of a team is a discovery of
    /// the team, of its agents and of what it sells, and as many discoveries as that would let chance pass for another.
    fn stand_alone(&self, candidates: &mut [Candidate], num_tested: u64) {
        let kept: Vec<usize> =
            candidates.iter().enumerate().filter(|(_, one)| one.is_claimed).map(|(index, _)| index).collect();
        let p_values: Vec<f64> =
            kept.iter().filter_map(|index| candidates.get(*index)).map(|one| one.ln_p.exp()).collect();
        for (index, q) in kept.into_iter().zip(benjamini_hochberg(&p_values, num_tested)) {
            if let Some(one) = candidates.get_mut(index) {
                one.q = q;
                one.is_claimed = q <= self.query.limits.max_q;
            }
        }
    }

    /// By rule, who may explain a claim of it: its claims, and the other subjects of claims that rose in it as well.
    fn members(candidates: &[Candidate]) -> BTreeMap<usize, Vec<usize>> {
        let claimed = || candidates.iter().filter(|one| one.is_claimed);
        let rules: BTreeSet<usize> = claimed().map(|one| one.rule).collect();
        let subjects: HashSet<&Subject> = claimed().map(|one| &one.subject).collect();
        let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (index, one) in candidates.iter().enumerate().filter(|(_, one)| rules.contains(&one.rule)) {
            let rose = one.subject.is_some() && subjects.contains(&one.subject) && one.ln_p <= ROSE.ln();
            if one.is_claimed || rose {
                members.entry(one.rule).or_default().push(index);
            }
        }
        members
    }

    /// For each rule, how its verdicts fall on the mixes of its members: window and baseline.
    fn shared(
        &self,
        candidates: &[Candidate],
        claimed: &BTreeMap<usize, Vec<usize>>,
    ) -> BTreeMap<usize, BTreeMap<Vec<usize>, (Two, Two)>> {
        let mut places: HashMap<(usize, &Subject), usize> = HashMap::new();
        for (rule, indexes) in claimed {
            for (place, index) in indexes.iter().enumerate() {
                if let Some(one) = candidates.get(*index) {
                    places.insert((*rule, &one.subject), place);
                }
            }
        }
        let mut shared: BTreeMap<usize, BTreeMap<Vec<usize>, (Two, Two)>> = BTreeMap::new();
        for call in self.catalog.chosen(&self.calls) {
            let is_window = self.query.window.contains(call.started_at);
            if !is_window && !self.query.baseline.contains(call.started_at) {
                continue;
            }
            let subjects: Vec<Subject> =
                sides(&self.calls, &self.by, call).into_iter().flat_map(|side| side.subjects).collect();
            let part = whole_of(&self.calls, call);
            self.slots.visit(self.catalog, call, &part, |rule, counting| {
                if !claimed.contains_key(&rule) || counting.verdict == Verdict::NotApplicable {
                    return;
                }
                let mut pattern: Vec<usize> =
                    subjects.iter().filter_map(|subject| places.get(&(rule, subject)).copied()).collect();
                pattern.sort_unstable();
                let counts = shared.entry(rule).or_default().entry(pattern).or_default();
                let side = if is_window { &mut counts.0 } else { &mut counts.1 };
                side.n += 1;
                side.h += u64::from(counting.verdict == Verdict::Hit);
            });
        }
        shared
    }

    fn spot(&self, cube: &Cube, days: &Days, one: &Candidate, order: &[usize]) -> HotSpot {
        let rule = cube.rules.get(one.rule).cloned().expect("a candidate's rule is one of those counted");
        let subject = cube.key(&one.subject);
        let figure = |two: Two, period: Period| {
            let mut calls = self.query.calls.clone();
            calls.started = period.range();
            calls.stages = vec![Stage::Done];
            if let Some(key) = &subject {
                narrow(&mut calls, key);
            }
            Figure::of_rule(two, calls, &rule.id)
        };
        let effective = (one.window.effective(one.dispersion), one.baseline.effective(one.dispersion));
        let p_value = one.ln_p.exp();
        HotSpot {
            window: figure(one.window, self.query.window),
            baseline: figure(one.baseline, self.query.baseline),
            rise: one.window.rate() - one.baseline.rate(),
            rise_interval: newcombe(effective.0, effective.1),
            ratio: (one.baseline.h > 0).then(|| one.window.rate() / one.baseline.rate()),
            dispersion: one.dispersion,
            p_value,
            q_value: one.q,
            is_claimed: one.is_claimed,
            part_of: one.part_of.and_then(|index| order.iter().position(|other| *other == index)),
            since: if one.is_claimed { self.since(days, one).filter(Since::is_rise) } else { None },
            rule,
            subject,
        }
    }

    fn since(&self, days: &Days, one: &Candidate) -> Option<Since> {
        let is_counted = one.subject.as_ref().is_none_or(|subject| subject.0 == Group::Team);
        let cells =
            if is_counted { days.cube.places(&one.subject, one.rule) } else { self.days_of(days, one) };
        since(&cells, &days.starts)
    }

    /// Counts by day of one subject that they were not kept of.
    fn days_of(&self, days: &Days, one: &Candidate) -> Vec<Two> {
        let mut calls = self.calls.clone();
        if let Some((group, value)) = &one.subject {
            narrow(&mut calls, &plain(*group, Some(Arc::clone(value))));
        }
        let mut clock = Clock::new(Some(Step::Day), self.query.time_zone.clone(), Default::default());
        let mut cells = vec![Two::default(); days.starts.len()];
        for call in self.catalog.chosen(&calls) {
            let day =
                clock.bucket(call.started_at).and_then(|day| days.starts.binary_search(&day.start).ok());
            let Some(cell) = day.and_then(|day| cells.get_mut(day)) else { continue };
            let group = one.subject.as_ref().map(|subject| subject.0);
            let part = match group {
                Some(group) if group.is_of_agents() => Part::Agents(agents_of(&calls, call)),
                Some(_) | None => whole_of(&self.calls, call),
            };
            self.slots.visit(self.catalog, call, &part, |rule, counting| {
                if rule == one.rule && counting.verdict != Verdict::NotApplicable {
                    cell.n += 1;
                    cell.h += u64::from(counting.verdict == Verdict::Hit);
                }
            });
        }
        cells
    }
}

/// Claims first, then by p value.
fn order(candidates: &[Candidate]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..candidates.len()).collect();
    order.sort_by_key(|index| candidates.get(*index).is_none_or(|one| !one.is_claimed));
    order
}

/// Since when a series of days has another rate.
pub(super) fn since(cells: &[Two], starts: &[Timestamp]) -> Option<Since> {
    let split = change_point(cells)?;
    Some(Since {
        day: *starts.get(split.day)?,
        earliest: *starts.get(split.near.0)?,
        latest: *starts.get(split.near.1)?,
        p_value: split.p_value,
        before: split.before.rate(),
        after: split.after.rate(),
    })
}
