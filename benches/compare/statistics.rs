//! Medians and spreads: the machine is noisy, so no mean is ever shown.

pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
}

/// Of no numbers there is no median.
pub(crate) fn spread(numbers: impl IntoIterator<Item = f64>) -> Option<Spread> {
    let mut numbers: Vec<f64> = numbers.into_iter().collect();
    numbers.sort_by(f64::total_cmp);
    let upper = *numbers.get(numbers.len() / 2)?;
    let median = match numbers.len() % 2 {
        0 => f64::midpoint(upper, *numbers.get(numbers.len() / 2 - 1)?),
        _ => upper,
    };
    Some(Spread {
        median,
        least: *numbers.first()?,
        most: *numbers.last()?,
    })
}

pub(crate) fn median(numbers: impl IntoIterator<Item = f64>) -> Option<f64> {
    spread(numbers).map(|spread| spread.median)
}

/// The number below which this part of them lies.
pub(crate) fn percentile(numbers: &[f64], part: f64) -> Option<f64> {
    let mut numbers = numbers.to_vec();
    numbers.sort_by(f64::total_cmp);
    let last = numbers.len().checked_sub(1)?;
    numbers.get((last as f64 * part).round() as usize).copied()
}
