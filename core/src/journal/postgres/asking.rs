//! The seam's questions in SQL, and a server's answers to them.

use serde_json::{Map, Value as Json, json};
use tokio_postgres::Row;

use super::connection::{Session, Value};
use super::store::{Ask, Failure, Function, Later, Line, Reply, Which};
use super::{conditions, failed, is_lost, rows, unsure};
use crate::journal::codes::{ACCEPTED, DECLINED};
use crate::journal::{DEFAULT_LIMIT, Filter, schema};

/// A connection to a schema.
pub(super) struct SchemaLine {
    pub(super) session: Session,
    pub(super) schema: String,
}

impl Line for SchemaLine {
    fn ask<'a>(&'a self, ask: &'a Ask) -> Later<'a, Result<Reply, Failure>> {
        Box::pin(self.answer(ask))
    }

    fn is_closed(&self) -> bool {
        self.session.is_closed()
    }

    fn give_up(&self) {
        self.session.give_up();
    }
}

impl SchemaLine {
    async fn answer(&self, ask: &Ask) -> Result<Reply, Failure> {
        let doing = ask.doing();
        let (sql, values) = statement(&self.schema, ask);
        let warned = self.session.warnings();
        match self.session.ask(&sql, &values).await {
            // A commit that somebody broke off while it waited for the standby is told as done, with a
            // warning beside it; what was read behind a barrier may be lost as well.
            Ok(_) if self.session.warnings() != warned => Err(Failure::Lost(unsure(doing))),
            Ok(rows) => reply(ask, &rows).map_err(|error| Failure::Refused(failed(doing, &error))),
            Err(error) => {
                let code = error.code().map_or("", |code| code.code());
                let told = failed(doing, &error);
                // It became a standby; somebody else is the server now.
                if is_lost(&error) || code == "25006" {
                    Err(Failure::Lost(told))
                } else if ["40001", "40P01", "55P03"].contains(&code) {
                    Err(Failure::Passes(told))
                } else {
                    Err(Failure::Refused(told))
                }
            }
        }
    }
}

fn statement(schema: &str, ask: &Ask) -> (String, Vec<Value>) {
    let table = |name: &str| format!("{schema}.{name}");
    match ask {
        Ask::Call(function, told) => call(schema, *function, told),
        Ask::Payments(which, known) => payments(schema, which, known.as_ref()),
        Ask::Dues => {
            let payment = table("payment");
            let sql =
                format!("SELECT boot, min(due) FROM {payment} WHERE due IS NOT NULL GROUP BY boot");
            (sql, Vec::new())
        }
        Ask::Meta => (format!("SELECT k, v FROM {}", table("meta")), Vec::new()),
        Ask::Water => {
            let water = table("water");
            (format!("SELECT begun, batch, floor, doubted FROM {water} WHERE one = 1"), Vec::new())
        }
        Ask::Health => {
            let [unsettled, _] = conditions();
            let payment = table("payment");
            let sql = format!(
                "SELECT (SELECT count(*) FROM {payment}), (SELECT count(*) FROM {payment} WHERE {unsettled}), \
                 current_setting('fsync'), current_setting('full_page_writes'), \
                 (SELECT coalesce(max(id & 1099511627775), 0) - count(*) FROM (\
                  SELECT id FROM {payment} UNION ALL SELECT id FROM {}) AS known \
                  WHERE id >> 40 = (SELECT number - 1 FROM {}))",
                table("archived"),
                table("epoch")
            );
            (sql, Vec::new())
        }
        Ask::Figures => {
            let [unsettled, needs_operator] = conditions();
            let lists =
                ["verdict IS NULL", unsettled, needs_operator, schema::IS_UNACKNOWLEDGED].map(|list| {
                    format!(
                        "count(*) FILTER (WHERE {list}), (coalesce(sum(amount) FILTER (WHERE {list}), 0))::bigint, \
                         min(wall) FILTER (WHERE {list})"
                    )
                });
            let (lists, listed) = (lists.join(", "), schema::is_listed());
            (format!("SELECT {lists} FROM {} WHERE {listed}", table("payment")), Vec::new())
        }
        Ask::Doubt => {
            let sql = format!(
                "SELECT f.why FROM {0}.water AS w JOIN {0}.failover AS f ON f.number = w.doubted \
                 WHERE w.doubted > coalesce((SELECT v::bigint FROM {0}.meta WHERE k = 'vouched'), 0)",
                schema
            );
            (sql, Vec::new())
        }
        Ask::IsAnswered => {
            let sql = format!(
                "SELECT EXISTS (SELECT 1 FROM {} WHERE verdict IN ({ACCEPTED}, {DECLINED})) \
                 OR EXISTS (SELECT 1 FROM {})",
                table("payment"),
                table("archived")
            );
            (sql, Vec::new())
        }
        Ask::Archived(invoice) => {
            let sql = format!(
                "SELECT coalesce(part, 0), archive FROM {} WHERE invoice = $1",
                table("archived")
            );
            (sql, vec![Value::text(invoice)])
        }
        Ask::Taken(number) => {
            let sql = format!("SELECT count(*) FROM {} WHERE part = $1", table("archived"));
            (sql, vec![Value::Int((*number).into())])
        }
        Ask::Archives => {
            let sql = format!(
                "SELECT q.part, q.payments, (SELECT wall FROM {0} WHERE id < q.first ORDER BY id DESC LIMIT 1), \
                 (SELECT wall FROM {0} WHERE id > q.last ORDER BY id LIMIT 1), q.archive FROM (\
                 SELECT coalesce(part, 0) AS part, archive, count(*) AS payments, min(id) AS first, max(id) AS last \
                 FROM {1} GROUP BY 1, 2) AS q ORDER BY q.first",
                table("payment"),
                table("archived")
            );
            (sql, Vec::new())
        }
        // Where the server does not tell what its sessions do, they may be at work.
        Ask::IsAtWork => (
            "SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE usename = current_user \
             AND datname = current_database() AND pid <> pg_backend_pid() AND (state = 'disabled' \
             OR (state = 'active' AND query_start < clock_timestamp() - interval '5 seconds')))"
                .to_owned(),
            Vec::new(),
        ),
        Ask::Epoch => {
            let epoch = table("epoch");
            (format!("SELECT number, nonce, state FROM {epoch} WHERE one = 1"), Vec::new())
        }
        Ask::Follows(nonce) => {
            let failover = table("failover");
            let sql = format!("SELECT EXISTS (SELECT 1 FROM {failover} WHERE nonce = $1)");
            (sql, vec![Value::text(nonce)])
        }
    }
}

fn call(schema: &str, function: Function, told: &Json) -> (String, Vec<Value>) {
    let text = |key: &str| Value::text(told[key].as_str().unwrap_or_default());
    let number = |key: &str| Value::Int(told[key].as_i64().unwrap_or(0));
    let name = match function {
        Function::Join => {
            let values =
                vec![text("nonce"), text("name"), number("token"), number("ms"), number("start")];
            return (format!("SELECT {schema}.join_clock($1, $2, $3, $4, $5)::text"), values);
        }
        Function::Write => "write",
        Function::Beat => "beat",
        Function::Remember => "remember",
        Function::Archive => "archive",
        Function::Judge => "judge",
        Function::Reassert => "reassert",
        Function::Conclude => "conclude",
    };
    let sql = format!("SELECT to_json({schema}.{name}($1::jsonb))::text");
    (sql, vec![Value::Text(told.to_string())])
}

fn payments(schema: &str, which: &Which, known: Option<&Json>) -> (String, Vec<Value>) {
    let mut values = Vec::new();
    // Asked once a statement, before the table is read: also that something is not there is told.
    let gate = known.map_or_else(
        || "true".to_owned(),
        |known| {
            let known = bound(&mut values, Value::Text(known.to_string()));
            format!("(SELECT {schema}.barrier({known}::jsonb))")
        },
    );
    let from = from(schema, which, &gate, &mut values);
    (format!("SELECT {}, payment.token FROM {from}", rows::selection(schema)), values)
}

/// The place of a value in a statement.
fn bound(values: &mut Vec<Value>, value: Value) -> String {
    values.push(value);
    format!("${}", values.len())
}

/// A table with conditions, the first of which is `gate`.
fn from(schema: &str, which: &Which, gate: &str, values: &mut Vec<Value>) -> String {
    let table = format!("{schema}.payment");
    match which {
        Which::Id(id) => {
            let id = bound(values, Value::Int(*id));
            format!("{table} AS payment WHERE {gate} AND payment.id = {id}")
        }
        Which::Invoice(invoice) => {
            let invoice = bound(values, Value::text(invoice));
            format!("{table} AS payment WHERE {gate} AND payment.invoice = {invoice}")
        }
        Which::Listed(filter) => listed(&table, filter, gate, values),
        Which::Ids(ids) => {
            let ids = bound(values, Value::Ints(ids.clone()));
            format!("{table} AS payment WHERE {gate} AND payment.id = ANY({ids})")
        }
        Which::Over { above, before, limit } => {
            let over = schema::is_over();
            let above = bound(values, Value::Int(*above));
            let before = bound(values, Value::Int(*before));
            let limit = bound(values, Value::Int(*limit));
            format!(
                "{table} AS payment WHERE {gate} AND id > {above} AND wall < {before} AND {over} \
                 ORDER BY id LIMIT {limit}"
            )
        }
        Which::DueBefore { boot, due, late, limit } => {
            let late = i64::from(*late);
            let boot = bound(values, Value::Int((*boot).into()));
            let due = bound(values, Value::Int(*due));
            let limit = bound(values, Value::Int(*limit));
            format!(
                "{table} AS payment WHERE {gate} AND due IS NOT NULL AND late_paid = {late} \
                 AND (boot, due) <= ({boot}, {due}) ORDER BY boot, due LIMIT {limit}"
            )
        }
        Which::Due { own, clocks, until, late, among, limit } => {
            let late = i64::from(*late);
            let clocks = bound(values, Value::Ints(clocks.clone()));
            let until = bound(values, Value::Ints(until.clone()));
            let (among, limit) =
                (bound(values, Value::Int(*among)), bound(values, Value::Int(*limit)));
            // Nodes that look at the same time take different rows, in different orders.
            format!(
                "unnest({clocks}::bigint[], {until}::bigint[]) AS u(c, until) CROSS JOIN LATERAL (\
                 SELECT * FROM {table} AS p WHERE p.boot = u.c AND p.due IS NOT NULL AND p.due <= u.until \
                 AND p.late_paid = {late} ORDER BY p.boot, p.due LIMIT {among}) AS payment WHERE {gate} \
                 ORDER BY (payment.boot <> {own}), \
                 CASE WHEN payment.boot = {own} THEN payment.due::double precision ELSE random() END LIMIT {limit}"
            )
        }
    }
}

fn listed(table: &str, filter: &Filter, gate: &str, values: &mut Vec<Value>) -> String {
    let [unsettled, needs_operator] = conditions();
    let limit = if filter.limit == 0 { DEFAULT_LIMIT } else { filter.limit };
    let mut from = format!("{table} AS payment WHERE {gate}");
    for (wanted, condition) in [
        (filter.unacknowledged, schema::IS_UNACKNOWLEDGED),
        (filter.unsettled, unsettled.as_str()),
        (filter.needs_operator, needs_operator.as_str()),
    ] {
        if wanted {
            from.push_str(" AND ");
            from.push_str(condition);
        }
    }
    let is_after = if filter.newest_first { "id <" } else { "id >" };
    for (condition, value) in [
        ("tid =", filter.tid.as_ref().map(Value::text)),
        ("mid =", filter.mid.as_ref().map(Value::text)),
        (is_after, filter.after.map(|after| Value::Int(after.0.max(0)))),
        ("wall >=", filter.since.map(|since| Value::Int(since.unix_millis()))),
        ("wall <", filter.until.map(|until| Value::Int(until.unix_millis()))),
    ] {
        if let Some(value) = value {
            from.push_str(&format!(" AND {condition} {}", bound(values, value)));
        }
    }
    let order = if filter.newest_first { "DESC" } else { "ASC" };
    let limit = bound(values, Value::Int(i64::try_from(limit).unwrap_or(i64::MAX)));
    from.push_str(&format!(" ORDER BY id {order} LIMIT {limit}"));
    from
}

fn reply(ask: &Ask, answer: &[Row]) -> Result<Reply, tokio_postgres::Error> {
    let first = answer.first();
    let numbers = |row: &Row, columns: std::ops::Range<usize>| {
        let all: Result<Vec<Json>, _> =
            columns.map(|column| row.try_get::<_, i64>(column).map(Json::from)).collect();
        all.map(Json::Array)
    };
    let told = match ask {
        Ask::Payments(..) => return Ok(Reply::Payments(answer.iter().map(rows::stored).collect())),
        Ask::Call(..) => {
            let text: Option<String> = first.map(|row| row.try_get(0)).transpose()?.flatten();
            text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or(Json::Null)
        }
        Ask::Dues => {
            let dues: Result<Vec<Json>, _> = answer.iter().map(|row| numbers(row, 0..2)).collect();
            Json::Array(dues?)
        }
        Ask::Meta => {
            let mut meta = Map::new();
            for row in answer {
                meta.insert(row.try_get(0)?, Json::String(row.try_get(1)?));
            }
            Json::Object(meta)
        }
        Ask::Water => match first {
            Some(row) => numbers(row, 0..4)?,
            None => Json::Null,
        },
        Ask::Health => match first {
            Some(row) => {
                let (fsync, pages): (String, String) = (row.try_get(2)?, row.try_get(3)?);
                let number = |column: usize| row.try_get::<_, i64>(column);
                json!([number(0)?, number(1)?, fsync, pages, number(4)?])
            }
            None => Json::Null,
        },
        Ask::Figures => match first {
            Some(row) => {
                let lists = (0..4).map(|list| {
                    let (payments, rupiah): (i64, i64) =
                        (row.try_get(3 * list)?, row.try_get(3 * list + 1)?);
                    Ok(json!([payments, rupiah, row.try_get::<_, Option<i64>>(3 * list + 2)?]))
                });
                Json::Array(lists.collect::<Result<_, tokio_postgres::Error>>()?)
            }
            None => Json::Null,
        },
        Ask::Archived(_) => {
            let told = |row: &Row| -> Result<Json, tokio_postgres::Error> {
                Ok(json!([row.try_get::<_, i64>(0)?, row.try_get::<_, String>(1)?]))
            };
            first.map_or(Ok(Json::Null), told)?
        }
        Ask::Doubt => {
            let why: Option<String> = first.map(|row| row.try_get(0)).transpose()?;
            why.map_or(Json::Null, Json::String)
        }
        Ask::Taken(_) => {
            first.map_or(Ok(Json::Null), |row| row.try_get::<_, i64>(0).map(Json::from))?
        }
        Ask::Archives => {
            let wall = |row: &Row, column: usize| row.try_get::<_, Option<i64>>(column);
            let archives = answer.iter().map(|row| {
                let (part, payments): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
                let place: String = row.try_get(4)?;
                Ok(json!([part, payments, wall(row, 2)?, wall(row, 3)?, place]))
            });
            Json::Array(archives.collect::<Result<_, tokio_postgres::Error>>()?)
        }
        Ask::IsAnswered | Ask::IsAtWork | Ask::Follows(_) => {
            first.map_or(Ok(Json::Null), |row| row.try_get(0).map(Json::Bool))?
        }
        Ask::Epoch => match first {
            Some(row) => {
                let (nonce, state): (String, String) = (row.try_get(1)?, row.try_get(2)?);
                json!([row.try_get::<_, i64>(0)?, nonce, state])
            }
            None => Json::Null,
        },
    };
    Ok(Reply::Told(told))
}
