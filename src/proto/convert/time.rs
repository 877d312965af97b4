//! Times: milliseconds and timestamps to and from the well-known types.

use prost_types::{Duration, Timestamp};

use super::ConvertError;
use crate::types::Millis;

/// A length or a position on a recording's timeline.
#[must_use]
pub fn duration(millis: Millis) -> Duration {
    // A thousand times i64::MAX seconds does not fit u64 milliseconds, and the remainder is below 10^9.
    Duration { seconds: (millis.0 / 1000) as i64, nanos: (millis.0 % 1000) as i32 * 1_000_000 }
}

/// A moment.
#[must_use]
pub fn timestamp(moment: jiff::Timestamp) -> Timestamp {
    let (mut seconds, mut nanos) = (moment.as_second(), moment.subsec_nanosecond());
    // The wire counts nanoseconds forward, also before 1970.
    if nanos < 0 {
        seconds -= 1;
        nanos += 1_000_000_000;
    }
    Timestamp { seconds, nanos }
}

/// The moment in `field`.
///
/// # Errors
/// [`ConvertError`] when it is outside of the years that exist.
pub fn timestamp_from_wire(field: &str, wire: Timestamp) -> Result<jiff::Timestamp, ConvertError> {
    jiff::Timestamp::new(wire.seconds, wire.nanos)
        .map_err(|_| ConvertError::new(field, "the timestamp is out of range"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_duration_keeps_its_milliseconds() {
        assert_eq!(duration(Millis(61_005)), Duration { seconds: 61, nanos: 5_000_000 });
    }

    proptest! {
        #[test]
        fn a_timestamp_survives_the_wire(seconds in -3_000_000_000_i64..30_000_000_000, nanos in 0..1_000_000_000_i32) {
            let moment = jiff::Timestamp::new(seconds, nanos).expect("in range");
            let wire = timestamp(moment);
            prop_assert!((0..1_000_000_000).contains(&wire.nanos));
            prop_assert_eq!(timestamp_from_wire("at", wire), Ok(moment));
        }
    }
}
