//! Whether what a load generator found is to be believed.

use crate::check::{Checked, Close};
use crate::wrk::Figures;

/// Fast errors are no answers: a round that has any is not counted.
pub(crate) fn judge(figures: &Figures, checked: &Checked, status: u16) -> Result<(), String> {
    let refusals = match status {
        400.. => figures.requests,
        _ => 0.0,
    };
    if figures.requests == 0.0 {
        return Err("no answer in time".to_owned());
    }
    if (figures.bad_statuses - refusals).abs() > 0.0 {
        return Err(format!("{} unexpected statuses", figures.bad_statuses));
    }
    // Where the connection ends unannounced, wrk reads on in vain, each time.
    let in_vain = match checked.close {
        Close::Silent => figures.requests + figures.connections,
        Close::Never | Close::Announced => 0.0,
    };
    if figures.read_errors > in_vain || figures.other_errors > 0.0 {
        let errors = figures.read_errors + figures.other_errors;
        return Err(format!("{errors} socket errors"));
    }
    if figures.bytes < figures.requests * checked.length as f64 {
        return Err("answers shorter than the file".to_owned());
    }
    Ok(())
}
