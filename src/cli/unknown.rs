//! Turns a filter that found nothing into what in it no call has at all: a name that is spelled otherwise.
//!
//! **Invariant**: only a hint on standard error; a server that does not answer it changes nothing.

use super::client::Client;
use crate::proto::v1;

/// Most values that are looked up.
const MAX_ASKED: usize = 20;

/// Tells which values of `filter` no call has.
pub(super) async fn tell_unknown(client: &mut Client, filter: &v1::CallFilter) {
    for (what, filter) in alone(filter).into_iter().take(MAX_ASKED) {
        let request = v1::ListCallsRequest { filter: Some(filter), page_size: 1, ..Default::default() };
        let Ok(page) = client.list_calls(request).await else { return };
        if page.into_inner().total_size == 0 {
            eprintln!("diting: no call has {what}: mind the spelling");
        }
    }
}

/// Each value of a filter that is typed by hand, in words and as a filter that asks for nothing else.
fn alone(filter: &v1::CallFilter) -> Vec<(String, v1::CallFilter)> {
    type Put = fn(&mut v1::CallFilter, String);
    let of_calls: [(&str, &[String], Put); 7] = [
        ("agent", &filter.agent_ids, |one, value| one.agent_ids.push(value)),
        ("team", &filter.teams, |one, value| one.teams.push(value)),
        ("skill group", &filter.skill_groups, |one, value| one.skill_groups.push(value)),
        ("business", &filter.businesses, |one, value| one.businesses.push(value)),
        ("product", &filter.products, |one, value| one.products.push(value)),
        ("topic", &filter.topics, |one, value| one.topics.push(value)),
        ("demand", &filter.demands, |one, value| one.demands.push(value)),
    ];
    let of_findings: [(&str, &[String], Put); 2] = [
        ("a finding of rule", &filter.rule_ids, |one, value| one.rule_ids.push(value)),
        ("a finding in dimension", &filter.dimensions, |one, value| one.dimensions.push(value)),
    ];
    // A finding is one whatever it came to.
    let verdicts = [v1::Verdict::Hit, v1::Verdict::Miss, v1::Verdict::NotApplicable].map(i32::from);
    let whatever = v1::CallFilter { verdicts: verdicts.to_vec(), ..Default::default() };
    let values = of_calls
        .map(|group| (group, v1::CallFilter::default()))
        .into_iter()
        .chain(of_findings.map(|group| (group, whatever.clone())));
    let mut asked = Vec::new();
    for ((what, values, put), empty) in values {
        for value in values {
            let mut one = empty.clone();
            put(&mut one, value.clone());
            asked.push((format!("{what} {value}"), one));
        }
    }
    asked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_is_asked_for_alone() {
        let filter = v1::CallFilter {
            teams: vec!["一组".to_owned(), "二组".to_owned()],
            rule_ids: vec!["B99".to_owned()],
            min_score: Some(60.0),
            ..Default::default()
        };
        let asked = alone(&filter);
        let words: Vec<&str> = asked.iter().map(|one| one.0.as_str()).collect();
        assert_eq!(words, ["team 一组", "team 二组", "a finding of rule B99"]);
        assert_eq!(asked[0].1, v1::CallFilter { teams: vec!["一组".to_owned()], ..Default::default() });
        assert_eq!((asked[2].1.rule_ids.len(), asked[2].1.verdicts.len()), (1, 3));
        assert_eq!(asked[2].1.min_score, None);
    }
}
