//! What only shows when all texts of a pack are read: doubles, names that nobody has, circles, frozen revisions.

use std::collections::HashMap;

use super::coaching::check_coaching;
use super::rule::Rule;
use super::scheme::{Pack, Scheme};
use super::toml_table::nearest;
use super::{Diagnostic, RuleKind};
use crate::types::RuleId;

/// The one scheme of all packs together.
pub(super) fn one_scheme(packs: &[Pack], diagnostics: &mut Vec<Diagnostic>) -> Scheme {
    let mut schemes = packs.iter().filter_map(|pack| pack.scheme.as_ref());
    let scheme = schemes.next().cloned().unwrap_or_default();
    if let Some(second) = schemes.next() {
        diagnostics.push(Diagnostic {
            source_name: second.name.clone(),
            line: 1,
            column: 1,
            reason: "rule.duplicate_scheme",
            message: format!("two schemes are given, `{}` and `{}`", scheme.name, second.name),
            hint: "keep one [scheme] in all packs together".to_owned(),
        });
    }
    scheme
}

/// Ids that two packs share, dimensions that the scheme lacks, rules that nobody has, rules that need each other.
pub(super) fn check_across(packs: &[Pack], scheme: &Scheme, diagnostics: &mut Vec<Diagnostic>) {
    let mut seen: HashMap<&RuleId, &Rule> = HashMap::new();
    let rules: Vec<&Rule> = packs.iter().flat_map(|pack| &pack.rules).collect();
    let ids: Vec<&str> = rules.iter().map(|rule| rule.id.as_str()).collect();
    let unknown = |id: &RuleId| {
        let near = nearest(id.as_str(), &ids).map(|near| format!("did you mean `{near}`?"));
        (
            format!("there is no rule `{id}`"),
            near.unwrap_or_else(|| "name the id of a rule of these packs".to_owned()),
        )
    };
    for rule in &rules {
        let at = |reason, (message, hint)| Diagnostic {
            source_name: rule.source_name.clone(),
            line: rule.line,
            column: 1,
            reason,
            message,
            hint,
        };
        if let Some(first) = seen.insert(&rule.id, rule) {
            let message = format!("rule `{}` is there already", rule.id);
            let hint = format!("the first one is in {}:{}", first.source_name, first.line);
            diagnostics.push(at("rule.duplicate_id", (message, hint)));
        }
        let known = scheme.dimensions.iter().any(|dimension| dimension.name == rule.dimension);
        if !known && rule.kind != RuleKind::Watch {
            let names: Vec<_> = scheme.dimensions.iter().map(|dimension| dimension.name.as_str()).collect();
            let message = format!("scheme `{}` has no dimension `{}`", scheme.name, rule.dimension);
            let hint = match nearest(&rule.dimension, &names) {
                Some(near) => format!("did you mean `{near}`? one of: {}", names.join(", ")),
                None => format!("one of: {}", names.join(", ")),
            };
            diagnostics.push(at("rule.unknown_dimension", (message, hint)));
        }
        for needed in rule.needs() {
            if !ids.contains(&needed.as_str()) {
                diagnostics.push(at("rule.unknown_rule", unknown(needed)));
            }
        }
    }
    for risk in packs.iter().flat_map(|pack| &pack.risks) {
        for id in risk.signals.iter().flat_map(|signal| &signal.rules) {
            if !ids.contains(&id.as_str()) {
                let (message, hint) = unknown(id);
                diagnostics.push(Diagnostic {
                    source_name: risk.source_name.clone(),
                    line: risk.line,
                    column: 1,
                    reason: "rule.unknown_rule",
                    message: format!("risk `{}`: {message}", risk.id),
                    hint,
                });
            }
        }
    }
    for pack in packs {
        let missing = |id: &RuleId| (!ids.contains(&id.as_str())).then(|| unknown(id));
        check_coaching(&pack.coaching, missing, diagnostics);
    }
    let index_of = |id: &RuleId| rules.iter().position(|rule| rule.id == *id);
    let needs = |index: usize| {
        let rule = rules.get(index).copied();
        rule.into_iter().flat_map(Rule::needs).filter_map(index_of).collect()
    };
    if let Err(circle) = order(rules.len(), needs) {
        let names: Vec<&str> =
            circle.iter().filter_map(|index| rules.get(*index)).map(|rule| rule.id.as_str()).collect();
        let Some(rule) = circle.first().and_then(|index| rules.get(*index)) else { return };
        diagnostics.push(Diagnostic {
            source_name: rule.source_name.clone(),
            line: rule.line,
            column: 1,
            reason: "rule.circle",
            message: format!("these rules need each other: {}", names.join(" → ")),
            hint: "one of them must be judged first: take `rule` out of it".to_owned(),
        });
    }
}

/// A revision that was published and now has other content.
pub(super) fn check_published(
    packs: &[Pack],
    scheme: &Scheme,
    digest: &str,
    diagnostics: &mut Vec<Diagnostic>,
) {
    for published in packs.iter().flat_map(|pack| &pack.published) {
        let same = published.scheme == scheme.name && published.version == scheme.version;
        if same && published.digest != digest {
            diagnostics.push(Diagnostic {
                source_name: published.source_name.clone(),
                line: published.line,
                column: 1,
                reason: "rule.revision_frozen",
                message: format!(
                    "revision `{}` of scheme `{}` was published with other content",
                    published.version, published.scheme
                ),
                hint: format!("give the scheme a new `version`, then publish it; this content is {digest}"),
            });
        }
    }
}

/// An order in which each of `0..count` comes after those it needs, or the circle that makes that impossible.
pub(super) fn order(count: usize, needs: impl Fn(usize) -> Vec<usize>) -> Result<Vec<usize>, Vec<usize>> {
    let mut order = Vec::with_capacity(count);
    // 0: not seen, 1: on the way, 2: done.
    let mut state = vec![0_u8; count];
    for start in 0..count {
        let mut way: Vec<(usize, Vec<usize>)> = Vec::new();
        if state.get(start) == Some(&0) {
            way.push((start, needs(start)));
        }
        while let Some((node, rest)) = way.last_mut() {
            let node = *node;
            if let Some(flag) = state.get_mut(node) {
                *flag = 1;
            }
            match rest.pop() {
                None => {
                    if let Some(flag) = state.get_mut(node) {
                        *flag = 2;
                    }
                    order.push(node);
                    way.pop();
                }
                Some(next) => match state.get(next) {
                    Some(0) => way.push((next, needs(next))),
                    Some(1) => {
                        let mut circle: Vec<usize> =
                            way.iter().map(|(node, _)| *node).skip_while(|node| *node != next).collect();
                        circle.push(next);
                        return Err(circle);
                    }
                    Some(_) | None => {}
                },
            }
        }
    }
    Ok(order)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_circle_is_named() {
        let needs = [vec![1], vec![2], vec![0]];
        assert_eq!(order(3, |index| needs[index].clone()), Err(vec![0, 1, 2, 0]));
    }

    proptest! {
        #[test]
        fn what_is_needed_comes_first(edges in proptest::collection::vec((0_usize..8, 0_usize..8), 0..12)) {
            let needs = |index: usize| -> Vec<usize> {
                edges.iter().filter(|(from, to)| *from == index && to < from).map(|(_, to)| *to).collect()
            };
            let found = order(8, needs).expect("edges that only go down make no circle");
            let place = |index| found.iter().position(|node| *node == index);
            prop_assert_eq!(found.len(), 8);
            for index in 0..8 {
                prop_assert!(needs(index).into_iter().all(|needed| place(needed) < place(index)));
            }
        }
    }
}
