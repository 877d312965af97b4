//! The behaviour files in tests/rules, which users can write too: turns in, findings out.

use std::path::Path;

use diting::analysis::RuleSet;

#[test]
fn every_behaviour_file_passes() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rules");
    let (mut num_files, mut wrong) = (0, Vec::new());
    for entry in std::fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("it can be read").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).expect("it is text");
        let set = RuleSet::compile(&name, &text).unwrap_or_else(|error| panic!("{error}"));
        num_files += 1;
        let tests = set.run_tests().into_iter().filter_map(|test| Some((test.line, test.failure?)));
        let cases = set.run_cases().into_iter();
        let cases = cases.flat_map(|case| case.failures.into_iter().map(move |failure| (case.line, failure)));
        wrong.extend(
            tests.chain(cases).map(|(line, failure)| format!("tests/rules/{name}:{line}: {failure}")),
        );
    }
    assert!(num_files >= 3, "the behaviour files were not found");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
