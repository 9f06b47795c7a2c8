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
                 (SELECT coalesce(max(id & 1099511627775), 0) - count(*) FROM {payment} \
                  WHERE id >> 40 = (SELECT number - 1 FROM {}))",
                table("epoch")
            );
            (sql, Vec::new())
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
                "SELECT EXISTS (SELECT 1 FROM {} WHERE verdict IN ({ACCEPTED}, {DECLINED}))",
                table("payment")
            );
            (sql, Vec::new())
        }
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
        Function::Conclude => {
            return (format!("SELECT to_json({schema}.conclude($1))::text"), vec![text("nonce")]);
        }
        Function::Write => "write",
        Function::Beat => "beat",
        Function::Remember => "remember",
        Function::Judge => "judge",
        Function::Reassert => "reassert",
    };
    let sql = format!("SELECT to_json({schema}.{name}($1::jsonb))::text");
    (sql, vec![Value::Text(told.to_string())])
}

fn payments(schema: &str, which: &Which, known: Option<&Json>) -> (String, Vec<Value>) {
    let (from, mut values) = from(schema, which);
    let mut sql = format!("SELECT {}, payment.token", rows::selection(schema));
    if let Some(known) = known {
        values.push(Value::Text(known.to_string()));
        sql.push_str(&format!(", {schema}.barrier(${}::jsonb) AS b", values.len()));
    }
    sql.push_str(" FROM ");
    sql.push_str(&from);
    (sql, values)
}

/// A table with conditions.
fn from(schema: &str, which: &Which) -> (String, Vec<Value>) {
    let table = format!("{schema}.payment");
    match which {
        Which::Id(id) => {
            (format!("{table} AS payment WHERE payment.id = $1"), vec![Value::Int(*id)])
        }
        Which::Invoice(invoice) => {
            (format!("{table} AS payment WHERE payment.invoice = $1"), vec![Value::text(invoice)])
        }
        Which::Listed(filter) => listed(&table, filter),
        Which::DueBefore { boot, due, late, limit } => {
            let late = i64::from(*late);
            let from = format!(
                "{table} AS payment WHERE due IS NOT NULL AND late_paid = {late} \
                 AND (boot, due) <= ($1, $2) ORDER BY boot, due LIMIT $3"
            );
            (from, vec![Value::Int((*boot).into()), Value::Int(*due), Value::Int(*limit)])
        }
        Which::Due { own, clocks, until, late, limit } => {
            let late = i64::from(*late);
            // Nodes that find the same rows at the same time take them in different orders.
            let from = format!(
                "unnest($1::bigint[], $2::bigint[]) AS u(c, until) CROSS JOIN LATERAL (\
                 SELECT * FROM {table} AS p WHERE p.boot = u.c AND p.due IS NOT NULL AND p.due <= u.until \
                 AND p.late_paid = {late} ORDER BY p.boot, p.due LIMIT $3) AS payment \
                 ORDER BY (payment.boot <> {own}), \
                 CASE WHEN payment.boot = {own} THEN payment.due::double precision ELSE random() END LIMIT $3"
            );
            let values =
                vec![Value::Ints(clocks.clone()), Value::Ints(until.clone()), Value::Int(*limit)];
            (from, values)
        }
    }
}

fn listed(table: &str, filter: &Filter) -> (String, Vec<Value>) {
    let [unsettled, needs_operator] = conditions();
    let limit = if filter.limit == 0 { DEFAULT_LIMIT } else { filter.limit };
    let mut from = format!("{table} AS payment WHERE true");
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
    let mut values = Vec::new();
    for (column, wanted) in [("tid", &filter.tid), ("mid", &filter.mid)] {
        if let Some(wanted) = wanted {
            values.push(Value::text(wanted));
            from.push_str(&format!(" AND {column} = ${}", values.len()));
        }
    }
    let mut bound = |from: &mut String, condition: &str, value: i64| {
        values.push(Value::Int(value));
        from.push_str(&format!(" AND {condition} ${}", values.len()));
    };
    if let Some(after) = filter.after {
        let condition = if filter.newest_first { "id <" } else { "id >" };
        bound(&mut from, condition, after.0.max(0));
    }
    if let Some(since) = filter.since {
        bound(&mut from, "wall >=", since.unix_millis());
    }
    if let Some(until) = filter.until {
        bound(&mut from, "wall <", until.unix_millis());
    }
    values.push(Value::Int(i64::try_from(limit).unwrap_or(i64::MAX)));
    let order = if filter.newest_first { "DESC" } else { "ASC" };
    from.push_str(&format!(" ORDER BY id {order} LIMIT ${}", values.len()));
    (from, values)
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
        Ask::Doubt => {
            let why: Option<String> = first.map(|row| row.try_get(0)).transpose()?;
            why.map_or(Json::Null, Json::String)
        }
        Ask::IsAnswered | Ask::Follows(_) => {
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
