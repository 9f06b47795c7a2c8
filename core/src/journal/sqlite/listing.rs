//! A page of payments. It is read in strides, so that payments which are begun meanwhile do not wait for
//! it, and bounded by the index of times where a filter names some.

use super::{STRIDE, SqliteJournal};
use crate::journal::{DEFAULT_LIMIT, Filter, JournalError, schema};
use crate::payment::Payment;

impl SqliteJournal {
    /// The payments that a filter wants, in its order.
    pub(super) fn listed(&self, filter: &Filter) -> Result<Vec<Payment>, JournalError> {
        let mut conditions = String::new();
        let unsettled = schema::is_unsettled();
        let needs_operator = schema::needs_operator();
        for (wanted, condition) in [
            (filter.unacknowledged, schema::IS_UNACKNOWLEDGED),
            (filter.unsettled, unsettled.as_str()),
            (filter.needs_operator, needs_operator.as_str()),
        ] {
            if wanted {
                conditions.push_str(" AND ");
                conditions.push_str(condition);
            }
        }
        // With a condition an index names the rows; without one a narrow time may pass over all of
        // them.
        let stride = if conditions.is_empty() { STRIDE } else { i64::MAX };
        let order = if filter.newest_first { "DESC" } else { "ASC" };
        let rest = format!(
            "WHERE id > ?1 AND id <= ?2{conditions} AND (?3 IS NULL OR wall >= ?3) \
             AND (?4 IS NULL OR wall < ?4) \
             AND (?5 IS NULL OR tid = ?5) AND (?6 IS NULL OR mid = ?6) ORDER BY id {order}"
        );
        let (tid, mid) = (filter.tid.as_deref(), filter.mid.as_deref());
        let since = filter.since.map(|wall| wall.unix_millis());
        let until = filter.until.map(|wall| wall.unix_millis());
        let limit = if filter.limit == 0 { DEFAULT_LIMIT } else { filter.limit };
        let mut listed = Vec::new();
        let last = self.report(|view| view.last_id())?;
        // What is left to look at: numbers above the first and up to the second.
        let after = filter.after.map(|after| after.0.max(0));
        let (mut low, mut high) = match (filter.newest_first, after) {
            (true, Some(after)) => (0, last.min(after.saturating_sub(1))),
            (true, None) => (0, last),
            (false, after) => (after.unwrap_or(0), last),
        };
        // The index of times bounds them: a clock may have jumped, so they need not be in order. A page that
        // goes on behind another is begun without it, or a walk would read that index once for each page.
        let mut is_bounded = since.is_none() && until.is_none();
        let mut goes_on = after.is_some();
        while low < high && listed.len() < limit {
            if !is_bounded && !goes_on {
                match self.report(|view| view.begun_between(since, until))? {
                    Some((first, last)) => (low, high) = (low.max(first - 1), high.min(last)),
                    None => break,
                }
                is_bounded = true;
                continue;
            }
            goes_on = false;
            let (from, to) = match filter.newest_first {
                true => (low.max(high.saturating_sub(stride)), high),
                false => (low, high.min(low.saturating_add(stride))),
            };
            self.report(|view| {
                view.rows("list", &rest, (from, to, since, until, tid, mid), |_, payment| {
                    listed.extend(payment);
                    listed.len() < limit
                })
            })?;
            match filter.newest_first {
                true => high = from,
                false => low = to,
            }
        }
        Ok(listed)
    }
}
