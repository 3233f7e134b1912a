//! Times on the command line.

use jiff::{SignedDuration, Span, SpanRelativeTo};

/// A time such as 90s, 5m, 2h30m or 30d; a day has 24 hours.
pub(crate) fn time(text: &str) -> Result<SignedDuration, String> {
    let span: Span = text.parse().map_err(|_| "a time is 90s, 5m, 2h or 30d".to_owned())?;
    span.to_duration(SpanRelativeTo::days_are_24_hours())
        .map_err(|_| "how long a month is nobody knows: say days".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_as_people_write_them() {
        for (text, seconds) in
            [("90s", 90), ("5m", 300), ("2h30m", 9000), ("30d", 2_592_000), ("0s", 0), ("2w", 1_209_600)]
        {
            assert_eq!(time(text), Ok(SignedDuration::from_secs(seconds)), "{text}");
        }
        for wrong in ["", "5", "d", "1month", "soon"] {
            assert!(time(wrong).is_err(), "{wrong}");
        }
    }
}
