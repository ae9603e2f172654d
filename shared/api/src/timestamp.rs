//! Points in time as the API writes them.

use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, SecondsFormat, Utc};
use serde::{Serialize, Serializer};

/// RFC 3339 in UTC with microseconds: `2026-11-23T05:14:00.000000Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, utoipa::ToSchema)]
#[schema(value_type = String, format = DateTime)]
pub struct Timestamp(pub DateTime<Utc>);

impl Timestamp {
    /// Reads RFC 3339 in any zone, or a date, which is its first moment in UTC; of the years 1 to 9999.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let date = || text.parse::<NaiveDate>().ok().map(|date| date.and_time(NaiveTime::MIN).and_utc());
        let time = DateTime::parse_from_rfc3339(text).ok().map(|time| time.to_utc()).or_else(date)?;
        (1..=9999).contains(&time.year()).then_some(Self(time))
    }
}

impl From<DateTime<Utc>> for Timestamp {
    fn from(time: DateTime<Utc>) -> Self {
        Self(time)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.to_rfc3339_opts(SecondsFormat::Micros, true))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn always_utc_and_microseconds() {
        let time: DateTime<Utc> = "2016-11-04T18:28:17+01:00".parse().unwrap();
        assert_eq!(serde_json::to_value(Timestamp(time)).unwrap(), "2016-11-04T17:28:17.000000Z");
    }

    #[test]
    fn times_and_dates_are_read_and_nothing_else_is() {
        let read = |text| Timestamp::read(text).map(|time| serde_json::to_value(time).unwrap());
        for same in ["2016-11-04T18:28:17+01:00", "2016-11-04T17:28:17Z", "2016-11-04t17:28:17.000z"] {
            assert_eq!(read(same).unwrap(), "2016-11-04T17:28:17.000000Z", "{same}");
        }
        assert_eq!(read("2016-11-04").unwrap(), "2016-11-04T00:00:00.000000Z");
        for bad in
            ["", "now", "2016-11-04T17:28:17", "2016-13-01", "0000-01-01", "+99999-01-01T00:00:00Z", "+99999-01-01"]
        {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
