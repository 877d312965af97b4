//! Parts of a call.

use proptest::prelude::*;

use super::*;
use crate::audio::{AudioProfile, ChannelLayout};
use crate::dialogue::build;
use crate::dialogue::properties::transcripts;
use crate::dialogue::tests::profile;
use crate::types::CallMetadata;

proptest! {
    #[test]
    fn parts_hold_every_word_once_and_lead_back_to_it(
        transcript in transcripts(), border in 0..40_000_u64, layout in prop::sample::select(vec![ChannelLayout::Stereo, ChannelLayout::Mono]),
    ) {
        let config = DialogueConfig::default();
        let audio = AudioProfile { layout, ..profile(&[0, 1], Millis(40_000)) };
        let whole = build(&transcript, None, &audio, &CallMetadata::default(), &config);
        let spans = [
            TimeSpan::new(Millis::ZERO, Millis(border)),
            TimeSpan::new(Millis(border), Millis(60_000)),
        ];
        let mut num_words = 0;
        for span in spans {
            let part = excerpt(&whole, span, &config);
            for (position, turn) in part.turns.iter().enumerate() {
                prop_assert_eq!(turn.index as usize, position);
                let place = part.place(turn.index);
                let original = &whole.turns[place.turn as usize];
                let from = place.char_from as usize;
                let there: String = original.text.chars().skip(from).take(turn.text.chars().count()).collect();
                prop_assert_eq!(&there, &turn.text);
                let said: String = turn.utterances.iter().map(|one| {
                    let length = (one.char_to - one.char_from) as usize;
                    turn.text.chars().skip(one.char_from as usize).take(length).collect::<String>()
                }).collect();
                prop_assert_eq!(&said, &turn.text);
                prop_assert!(turn.words.iter().all(|word| contains(span, word.span.start)));
                num_words += turn.words.len();
            }
        }
        prop_assert_eq!(num_words, whole.turns.iter().map(|turn| turn.words.len()).sum::<usize>());
        let all = excerpt(&whole, TimeSpan::new(Millis::ZERO, Millis(40_000)), &config);
        if all.turns.len() == whole.turns.len() {
            prop_assert_eq!(&all.timing.gaps, &whole.timing.gaps);
            prop_assert_eq!(all.timing.silence, whole.timing.silence);
        }
    }
}
