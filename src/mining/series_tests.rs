//! Tests of trends and bursts: planted ones are found, and months of chance claim nothing.

use jiff::civil::date;

use super::*;

/// Numbers that look random, the same each time.
struct Random(u64);

impl Random {
    fn unit(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn poisson(&mut self, mean: f64) -> u32 {
        let (limit, mut product, mut count) = ((-mean).exp(), self.unit(), 0);
        while product > limit {
            product *= self.unit();
            count += 1;
        }
        count
    }
}

fn month() -> Vec<Date> {
    (1..=31).map(|day| date(2026, 10, day)).collect()
}

/// Fewer calls on weekends.
fn calls(dates: &[Date]) -> Vec<u32> {
    let weekend = |date: &Date| matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday);
    dates.iter().map(|date| if weekend(date) { 800 } else { 2_000 }).collect()
}

#[test]
fn a_planted_burst_is_found_on_its_days() {
    let (dates, mut random) = (month(), Random(7));
    let calls = calls(&dates);
    let mut finds: Vec<u32> = calls.iter().map(|calls| random.poisson(f64::from(*calls) * 0.01)).collect();
    finds[14..18].iter_mut().for_each(|finds| *finds += 60);
    let found = burst(Days { dates: &dates, calls: &calls }, &finds).expect("it is plain");
    assert!((found.from, found.to) == (14, 17), "{found:?}");
    assert!(found.p_value < 1e-10 && found.expected < 100.0, "{found:?}");
}

#[test]
fn what_never_came_up_before_is_a_burst_from_its_first_day() {
    let dates = month();
    let calls = calls(&dates);
    let finds: Vec<u32> = (0..31).map(|day| if day >= 27 { 15 } else { 0 }).collect();
    let found = burst(Days { dates: &dates, calls: &calls }, &finds).expect("it is plain");
    assert_eq!((found.from, found.to, found.num_calls), (27, 30, 60));
    assert!(found.p_value < MAX_P);
}

/// Of this many months in which nothing happens, how many claim a burst of any of this many words.
fn share_of_null_months(num_months: usize, num_words: usize, mean: impl Fn(&Date, f64, f64) -> f64) -> usize {
    let (dates, mut random) = (month(), Random(99));
    let calls = calls(&dates);
    let days = Days { dates: &dates, calls: &calls };
    let claims = |random: &mut Random| {
        (0..num_words).any(|_| {
            let share = 0.001 + 0.03 * random.unit();
            let finds: Vec<u32> = dates
                .iter()
                .zip(&calls)
                .map(|(date, calls)| {
                    let noise = random.unit();
                    random.poisson(mean(date, f64::from(*calls) * share, noise))
                })
                .collect();
            burst(days, &finds).is_some_and(|found| corrected(found.p_value, num_words) < MAX_P)
        })
    };
    (0..num_months).filter(|_| claims(&mut random)).count()
}

#[test]
fn months_of_chance_claim_a_burst_in_one_of_a_hundred_at_most() {
    // 200 months at 1 %: two are expected at most; seven would come by chance once in two hundred tries.
    let steady = share_of_null_months(200, 40, |_, mean, _| mean);
    assert!(steady < 7, "{steady} of 200");
}

#[test]
fn a_weekend_that_is_always_otherwise_is_no_burst() {
    let weekly = share_of_null_months(200, 40, |date, mean, _| {
        let weekend = matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday);
        if weekend { mean * 2.5 } else { mean }
    });
    assert!(weekly < 7, "{weekly} of 200");
}

#[test]
fn days_that_differ_more_than_chance_lets_them_are_no_burst() {
    let unsteady = share_of_null_months(200, 40, |_, mean, noise| mean * (0.5 + noise));
    assert!(unsteady < 7, "{unsteady} of 200");
}

#[test]
fn trends_are_told_and_chance_is_none() {
    let (dates, mut random) = (month(), Random(3));
    let calls = calls(&dates);
    let days = Days { dates: &dates, calls: &calls };
    let mut of = |growth: f64| -> Vec<u32> {
        let rows = calls.iter().enumerate();
        rows.map(|(day, calls)| random.poisson(f64::from(*calls) * 0.01 * (1.0 + growth * day as f64)))
            .collect()
    };
    assert_eq!(trend(days, &of(0.05), 10).direction, Direction::Rising);
    assert_eq!(trend(days, &of(-0.025), 10).direction, Direction::Falling);
    let claimed = (0..300).filter(|_| trend(days, &of(0.0), 1).direction != Direction::Steady).count();
    // At 1 % three of 300 are expected; eleven come once in three thousand tries.
    assert!(claimed < 11, "{claimed} of 300");
}

#[test]
fn few_days_claim_nothing() {
    let dates = &month()[..9];
    let calls = vec![100; 9];
    let mut finds = vec![0; 9];
    finds[4] = 90;
    let days = Days { dates, calls: &calls };
    assert_eq!(burst(days, &finds), None);
    assert_eq!(trend(days, &finds, 1).direction, Direction::Steady);
}
