//! Medians, and how sure they are.

/// Resamples of the bootstrap.
const RESAMPLES: usize = 2_000;

/// The middle value, or the mean of the two in the middle.
pub fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    median_of(&mut values)
}

fn median_of(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let half = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        odd if odd % 2 == 1 => values[half],
        _ => (values[half - 1] + values[half]) / 2.0,
    }
}

/// A median, the interval in which it is with 95 % certainty, and the extremes of what it is the median of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    pub median: f64,
    pub low: f64,
    pub high: f64,
    pub least: f64,
    pub most: f64,
}

impl Estimate {
    /// By the bootstrap: medians of values that are drawn again from the values. The same values give the same.
    pub fn of(values: &[f64]) -> Option<Estimate> {
        if values.is_empty() {
            return None;
        }
        let mut random = fastrand::Rng::with_seed(1);
        let mut drawn = vec![0.0; values.len()];
        let resample = |_| {
            drawn.fill_with(|| values[random.usize(..values.len())]);
            median_of(&mut drawn)
        };
        let mut medians: Vec<f64> = (0..RESAMPLES).map(resample).collect();
        medians.sort_unstable_by(f64::total_cmp);
        let at = |share: f64| medians[(share * (RESAMPLES - 1) as f64).round() as usize];
        Some(Estimate {
            median: median(values),
            low: at(0.025),
            high: at(0.975),
            least: values.iter().copied().fold(f64::INFINITY, f64::min),
            most: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_one_in_any_order() {
        assert_eq!(median(&[9.0, 1.0, 5.0]), 5.0);
        assert_eq!(median(&[9.0, 1.0, 5.0, 4.0]), 4.5);
        assert_eq!(median(&[3.0]), 3.0);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn equal_values_leave_no_doubt() {
        let all = Estimate::of(&[2.0; 15]).unwrap();
        let one = |value| Estimate {
            median: value,
            low: value,
            high: value,
            least: value,
            most: value,
        };
        assert_eq!(all, one(2.0));
        assert_eq!(Estimate::of(&[]), None);
    }

    #[test]
    fn one_value_far_off_widens_the_range_but_not_the_interval() {
        let mut values: Vec<f64> = (0..15).map(|n| 1.0 + f64::from(n) / 100.0).collect();
        values[14] = 50.0;
        let estimate = Estimate::of(&values).unwrap();
        assert_eq!(estimate.median, 1.07);
        assert_eq!((estimate.least, estimate.most), (1.0, 50.0));
        // Of 15 values, the interval of the median is about the fourth to the twelfth.
        assert!((1.02..=1.05).contains(&estimate.low), "{estimate:?}");
        assert!((1.09..=1.12).contains(&estimate.high), "{estimate:?}");
    }

    #[test]
    fn the_interval_is_the_same_each_time() {
        let values = [1.0, 1.2, 0.9, 1.1, 1.05];
        assert_eq!(Estimate::of(&values), Estimate::of(&values));
    }
}
