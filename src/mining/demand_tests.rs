//! Tests of the classifier of demands, on sentences of which half were never tuned on.

use std::collections::BTreeMap;

use super::*;

const SENTENCES: &str = include_str!("demand_sentences.txt");

/// Right, found and wanted, of one class.
#[derive(Debug, Default, Clone, Copy)]
struct Counts {
    right: u32,
    found: u32,
    wanted: u32,
}

fn measure(half: &str) -> BTreeMap<Demand, Counts> {
    let mut counts: BTreeMap<Demand, Counts> = BTreeMap::new();
    for line in SENTENCES.lines().filter(|line| !line.starts_with('#')) {
        let mut parts = line.split('\t');
        let (class, of, sentence) = (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap());
        if of != half {
            continue;
        }
        let wanted = Demand::of_label(class).expect("it is a class");
        let found = of_turn(sentence);
        counts.entry(wanted).or_default().wanted += 1;
        counts.entry(found).or_default().found += 1;
        counts.entry(wanted).or_default().right += u32::from(found == wanted);
        if found != wanted {
            println!("{half} {class} as {}: {sentence}", found.label());
        }
    }
    counts
}

fn of_turn(sentence: &str) -> Demand {
    of(sentence).unwrap_or(Demand::Other)
}

fn table(counts: &BTreeMap<Demand, Counts>) -> (String, f64) {
    let mut rows = String::new();
    let (mut right, mut wanted) = (0, 0);
    for (demand, one) in counts {
        let share = |of: u32| f64::from(one.right) / f64::from(of.max(1));
        let label = demand.label();
        rows.push_str(&format!("| {label} | {:.2} | {:.2} |\n", share(one.found), share(one.wanted)));
        right += one.right;
        wanted += one.wanted;
    }
    (rows, f64::from(right) / f64::from(wanted))
}

#[test]
fn the_page_tells_how_well_classes_are_told_on_sentences_not_tuned_on() {
    let (held_out, accuracy) = table(&measure("b"));
    println!(
        "held out {accuracy:.3}\n{held_out}tuned {:.3}\n{}",
        table(&measure("a")).1,
        table(&measure("a")).0
    );
    let page = include_str!("../../docs/topics.md");
    assert!(page.contains(&held_out), "docs/topics.md must tell:\n{held_out}");
    assert!(page.contains(&format!("{:.0} %", accuracy * 100.0)), "and {accuracy:.2} altogether");
}

#[test]
fn a_denied_cue_is_none_and_the_gravest_counts() {
    assert_eq!(of("我不投诉"), None);
    assert_eq!(of("我不是要投诉，我想查一下余额"), Some(Demand::Query));
    assert_eq!(of("还没解决我就投诉"), Some(Demand::Complaint));
    assert_eq!(of(""), None);
    assert_eq!(of("好的"), None);
}

#[test]
fn labels_name_their_classes() {
    for demand in DEMANDS {
        assert_eq!(Demand::of_label(demand.label()), Some(demand));
    }
}
