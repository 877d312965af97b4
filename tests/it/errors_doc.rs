//! docs/errors.md lists every reason that the source can give, each with its meaning and its remedy.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use regex::Regex;

/// Sources in which every literal with this prefix is a reason, not only those in functions `reason`: the problems of
/// rule packs, and the gates whose work a transcript counts.
const WHOLE: [(&str, &str); 2] = [("analysis", "rule."), ("speech", "speech.")];

fn sources(folder: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).expect("it can be read") {
        let path = entry.expect("it can be read").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(std::fs::read_to_string(&path).expect("it is text"));
        }
    }
}

/// Every literal that looks like a reason inside of a function `reason`, or in [`WHOLE`].
fn reasons() -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut texts = Vec::new();
    sources(&root, &mut texts);
    let literal = Regex::new(r#""([a-z_]+\.[a-z_]+)""#).expect("it compiles");
    let mut reasons = BTreeSet::new();
    for (folder, prefix) in WHOLE {
        let mut texts = Vec::new();
        sources(&root.join(folder), &mut texts);
        let literals =
            texts.iter().flat_map(|text| literal.captures_iter(text)).map(|found| found[1].to_owned());
        reasons.extend(literals.filter(|name| name.starts_with(prefix)));
    }
    for text in texts {
        for body in text.split("fn reason(&self) -> &'static str").skip(1) {
            let end = body.find("\n    }").unwrap_or(body.len());
            let body = body.get(..end).expect("a line end is a boundary");
            reasons.extend(literal.captures_iter(body).map(|captures| captures[1].to_owned()));
        }
    }
    reasons
}

/// Meaning and remedy by reason.
fn documented() -> BTreeMap<String, (String, String)> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/errors.md");
    let text = std::fs::read_to_string(page).expect("the page is there");
    let row = Regex::new(r"(?m)^\| `([a-z_]+\.[a-z_]+)` \|([^|]*)\|([^|]*)\|$").expect("it compiles");
    let rows = row.captures_iter(&text);
    rows.map(|row| (row[1].to_owned(), (row[2].trim().to_owned(), row[3].trim().to_owned()))).collect()
}

#[test]
fn every_reason_is_documented_with_meaning_and_remedy() {
    let (reasons, documented) = (reasons(), documented());
    assert!(reasons.len() > 20, "the search for reasons finds too little: {reasons:?}");
    let missing: Vec<_> = reasons.iter().filter(|reason| !documented.contains_key(*reason)).collect();
    assert!(missing.is_empty(), "add to docs/errors.md: {missing:?}");
    let stale: Vec<_> = documented.keys().filter(|reason| !reasons.contains(*reason)).collect();
    assert!(stale.is_empty(), "no source gives these any more, drop them from docs/errors.md: {stale:?}");
    for (reason, (meaning, remedy)) in documented {
        assert!(!meaning.is_empty() && !remedy.is_empty(), "`{reason}` needs both a meaning and a remedy");
    }
}
