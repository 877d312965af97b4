//! Which words and phrases mark the period against its background.
//!
//! By calls with and without: Dunning's log-likelihood ratio (G²) says whether the difference is one, the log-odds ratio
//! with an informative Dirichlet prior (Monroe, Colaresi and Quinn, 2008) ranks them. The prior is the share in both
//! together, as strong as [`PRIOR_CALLS`] calls. A term is told when its share is at least [`MIN_RATIO`] times that of the
//! background, the corrected probability of G² is below [`MAX_P`], and the background has [`MIN_BACKGROUND`] calls.

use super::candidates::TermKind;
use super::outcome::KeyPhrase;
use super::series::MAX_P;
use super::stats::{chi_squared, corrected, g2};
use super::tally::{Tally, TermId};

const PRIOR_CALLS: f64 = 100.0;
const MIN_RATIO: f64 = 1.5;
const MIN_BACKGROUND: u32 = 100;
const MAX_PHRASES: usize = 200;

/// The key phrases, the most telling first. `is_new_word`: which of the possible new words are some.
pub(super) fn key_phrases(tally: &Tally, is_new_word: &[bool]) -> Vec<KeyPhrase> {
    if tally.num_background < MIN_BACKGROUND {
        return Vec::new();
    }
    let tested: Vec<TermId> = tally
        .terms()
        .filter(|(id, term)| {
            term.kind != TermKind::NewWord || is_new_word.get(usize::from(*id)).copied().unwrap_or(false)
        })
        .map(|(id, _)| id)
        .collect();
    let (calls, background) = (f64::from(tally.num_calls), f64::from(tally.num_background));
    let mut found: Vec<KeyPhrase> = Vec::new();
    for id in &tested {
        let (num_calls, num_background) = (tally.num_with(*id), tally.num_background_with(*id));
        let (here, there) = (f64::from(num_calls), f64::from(num_background));
        let ratio = (here / calls) / ((there + 0.5) / (background + 1.0));
        let g2 = g2(here, calls, there, background);
        let p_value = corrected(chi_squared(g2), tested.len());
        if ratio < MIN_RATIO || p_value >= MAX_P {
            continue;
        }
        let prior = PRIOR_CALLS * (here + there) / (calls + background);
        let odds = |with: f64, total: f64| ((with + prior) / (total + PRIOR_CALLS - with - prior)).ln();
        let variance = 1.0 / (here + prior) + 1.0 / (there + prior);
        let z_score = (odds(here, calls) - odds(there, background)) / variance.sqrt();
        found.push(KeyPhrase {
            phrase: tally.text(*id).to_owned(),
            num_calls,
            num_background,
            z_score,
            g2,
            p_value,
        });
    }
    found.sort_by(|one, other| {
        other.z_score.total_cmp(&one.z_score).then_with(|| one.phrase.cmp(&other.phrase))
    });
    found.truncate(MAX_PHRASES);
    found
}
