//! Records of every shape come back as they went.

use proptest::prelude::*;

use super::*;

fn metadata() -> impl Strategy<Value = CallMetadata> {
    let text = || proptest::option::of(".{0,20}");
    let roles = proptest::collection::btree_map(0..8_u16, 0..4_u8, 0..4);
    let attributes = proptest::collection::btree_map(".{0,8}", ".{0,8}", 0..4);
    (text(), text(), text(), roles, attributes, proptest::option::of(-9_000_000_000_i64..9_000_000_000))
        .prop_map(|(agent_id, agent_name, product, roles, attributes, second)| {
            let channel_roles: BTreeMap<ChannelIndex, SpeakerRole> = roles
                .into_iter()
                .map(|(channel, role)| {
                    let all =
                        [SpeakerRole::Agent, SpeakerRole::Customer, SpeakerRole::Bot, SpeakerRole::Unknown];
                    (ChannelIndex(channel), all[usize::from(role)])
                })
                .collect();
            let channels = channel_roles.keys().copied().collect();
            let started_at = second.map(at);
            CallMetadata {
                agent_id,
                agent_name,
                product,
                channel_roles,
                channels,
                attributes,
                started_at,
                ..CallMetadata::default()
            }
        })
}

proptest! {
    #[test]
    fn a_record_survives_the_store(
        metadata in metadata(),
        hash: [u8; 32],
        num_bytes: u64,
        micros in -9_000_000_000_000_000_i64..9_000_000_000_000_000,
        reason in ".{0,30}",
        state in 0..6_u8,
        num_attempts: u32,
        duration: Option<u32>,
    ) {
        let state = match state {
            0 => CallState::Accepted,
            1 => CallState::Decoding,
            2 => CallState::Transcribing,
            3 => CallState::Scoring,
            4 => CallState::Done,
            _ => CallState::Failed(Failure { message: reason.clone(), reason }),
        };
        let stored = record::StoredCall::new(CallRecord {
            id: id("c1"),
            metadata,
            recording: Recording { hash: ContentHash::new(hash), num_bytes, declaration: AudioDeclaration::default() },
            received_at: jiff::Timestamp::from_microsecond(micros).expect("within range"),
            state,
            num_attempts,
            duration: duration.map(|millis| Millis(u64::from(millis))),
            origin: Origin::Upload,
        });
        let frame = codec::encode(&stored, "call").expect("encodes");
        prop_assert_eq!(codec::decode::<record::StoredCall>(&frame, "call").expect("decodes"), stored);
    }
}
