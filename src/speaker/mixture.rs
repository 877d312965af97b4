//! A mixture of Gaussians with diagonal covariance over all speech of a call: the sounds that the call is made of.
//!
//! Speakers are told apart by how they say each sound, so every frame is first given to the few sounds that it may be.
//!
//! **Invariant**: the same frames give the same mixture; nothing is drawn at random.

/// Dimensions of a vector.
pub(super) const DIMS: usize = super::frames::NUM_CEPSTRA;

/// A vector of cepstra.
pub(super) type Vector = [f32; DIMS];

/// Sounds that a frame may be at once.
pub(super) const MAX_SOUNDS: usize = 3;

/// Variances are at least this share of those of all frames together.
const VARIANCE_FLOOR: f32 = 0.05;
const NUM_ROUNDS: usize = 6;
/// Frames that the mixture is learnt from, at most; spread evenly.
const MAX_LEARNT: usize = 30_000;

/// The sounds of a call.
#[derive(Debug, Clone)]
pub(super) struct Mixture {
    sounds: Vec<Sound>,
}

#[derive(Debug, Clone)]
struct Sound {
    log_weight: f32,
    mean: Vector,
    /// One over the standard deviation.
    scale: Vector,
    /// Logarithm of the product of `scale`.
    log_scale: f32,
}

/// What a frame may be: a sound, how likely, and by how much the frame departs from it, in standard deviations.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading {
    pub(super) sound: u16,
    pub(super) share: f32,
}

impl Mixture {
    /// Learns `num_sounds` sounds, or fewer when there are few frames.
    pub(super) fn learn(vectors: &[Vector], num_sounds: usize) -> Self {
        let step = vectors.len().div_ceil(MAX_LEARNT).max(1);
        let learnt: Vec<&Vector> = vectors.iter().step_by(step).collect();
        let num_sounds = num_sounds.min(learnt.len() / 40).max(1);
        let (mean, variance) = moments(&learnt);
        let floor = variance.map(|variance| (variance * VARIANCE_FLOOR).max(1e-6));
        let mut mixture = Self { sounds: vec![Sound::new(0.0, mean, variance, &floor)] };
        while mixture.sounds.len() < num_sounds {
            mixture.split(num_sounds);
            for _ in 0..NUM_ROUNDS {
                mixture.relearn(&learnt, &floor);
            }
        }
        mixture
    }

    /// Number of sounds.
    pub(super) fn len(&self) -> usize {
        self.sounds.len()
    }

    /// The likeliest sounds of `vector`; shares sum to one.
    pub(super) fn read(&self, vector: &Vector, readings: &mut Vec<Reading>) {
        readings.clear();
        for (index, sound) in self.sounds.iter().enumerate() {
            let log = sound.log_likelihood(vector);
            let place = readings.iter().position(|reading| log > reading.share).unwrap_or(readings.len());
            if place < MAX_SOUNDS {
                readings.truncate(MAX_SOUNDS - 1);
                // Fits: mixtures have a few dozen sounds.
                readings.insert(place, Reading { sound: index as u16, share: log });
            }
        }
        let most = readings.first().map_or(0.0, |reading| reading.share);
        let mut total = 0.0;
        for reading in readings.iter_mut() {
            reading.share = (reading.share - most).exp();
            total += reading.share;
        }
        for reading in readings.iter_mut() {
            reading.share /= total;
        }
    }

    /// How far `vector` lies from `sound`, in standard deviations.
    pub(super) fn departure(&self, sound: u16, vector: &Vector) -> Vector {
        let mut departure = [0.0; DIMS];
        if let Some(sound) = self.sounds.get(usize::from(sound)) {
            for (((out, value), mean), scale) in
                departure.iter_mut().zip(vector).zip(&sound.mean).zip(&sound.scale)
            {
                *out = (value - mean) * scale;
            }
        }
        departure
    }

    /// Splits the heaviest sounds in two, up to `most` sounds.
    fn split(&mut self, most: usize) {
        self.sounds.sort_by(|a, b| b.log_weight.total_cmp(&a.log_weight));
        let num_new = self.sounds.len().min(most - self.sounds.len());
        for index in 0..num_new {
            let Some(sound) = self.sounds.get_mut(index) else { break };
            sound.log_weight -= std::f32::consts::LN_2;
            let mut other = sound.clone();
            for ((mean, scale), away) in sound.mean.iter_mut().zip(&sound.scale).zip(&mut other.mean) {
                *mean += 0.3 / scale;
                *away -= 0.3 / scale;
            }
            self.sounds.push(other);
        }
    }

    fn relearn(&mut self, vectors: &[&Vector], floor: &Vector) {
        let mut sums = vec![(0.0_f64, [0.0_f64; DIMS], [0.0_f64; DIMS]); self.sounds.len()];
        let mut readings = Vec::new();
        for vector in vectors {
            self.read(vector, &mut readings);
            for reading in &readings {
                let Some((count, first, second)) = sums.get_mut(usize::from(reading.sound)) else { continue };
                let share = f64::from(reading.share);
                *count += share;
                for ((first, second), value) in first.iter_mut().zip(second).zip(*vector) {
                    let value = f64::from(*value);
                    *first += share * value;
                    *second += share * value * value;
                }
            }
        }
        let total: f64 = sums.iter().map(|(count, _, _)| count).sum();
        for (sound, (count, first, second)) in self.sounds.iter_mut().zip(&sums) {
            if *count < 5.0 {
                continue;
            }
            let mean = first.map(|sum| sum / count);
            let mut variance = [0.0_f32; DIMS];
            for ((variance, second), mean) in variance.iter_mut().zip(second).zip(&mean) {
                *variance = (second / count - mean * mean) as f32;
            }
            *sound = Sound::new((count / total).ln() as f32, mean.map(|mean| mean as f32), variance, floor);
        }
    }
}

impl Sound {
    fn new(log_weight: f32, mean: Vector, variance: Vector, floor: &Vector) -> Self {
        let mut scale = [0.0; DIMS];
        for ((scale, variance), floor) in scale.iter_mut().zip(&variance).zip(floor) {
            *scale = 1.0 / variance.max(*floor).sqrt();
        }
        let log_scale = scale.iter().map(|scale| scale.ln()).sum();
        Self { log_weight, mean, scale, log_scale }
    }

    /// Up to a constant.
    fn log_likelihood(&self, vector: &Vector) -> f32 {
        let mut log = self.log_weight + self.log_scale;
        for ((value, mean), scale) in vector.iter().zip(&self.mean).zip(&self.scale) {
            let away = (value - mean) * scale;
            log -= 0.5 * away * away;
        }
        log
    }
}

/// Mean and variance of each dimension.
fn moments(vectors: &[&Vector]) -> (Vector, Vector) {
    let (mut mean, mut square) = ([0.0_f64; DIMS], [0.0_f64; DIMS]);
    for vector in vectors {
        for ((mean, square), value) in mean.iter_mut().zip(&mut square).zip(*vector) {
            *mean += f64::from(*value);
            *square += f64::from(*value).powi(2);
        }
    }
    let count = vectors.len().max(1) as f64;
    let mut variance = [1.0; DIMS];
    for ((variance, square), mean) in variance.iter_mut().zip(&square).zip(&mean) {
        *variance = (square / count - (mean / count).powi(2)) as f32;
    }
    (mean.map(|mean| (mean / count) as f32), variance)
}
