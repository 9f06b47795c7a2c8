-- The tables of a fleet's journal. What stands between two at signs is filled in by migrate.rs.
CREATE TABLE @s@.meta (k text PRIMARY KEY, v text NOT NULL);
-- A row for each client that was ever opened: what its clock showed at least (see clocks.rs).
CREATE TABLE @s@.clock (
  id bigint PRIMARY KEY,
  name text NOT NULL UNIQUE,
  token bigint NOT NULL,
  base bigint NOT NULL,
  ms bigint NOT NULL,
  beats bigint NOT NULL,
  seen timestamptz NOT NULL,
  moved timestamptz NOT NULL,
  closed boolean NOT NULL
) WITH (fillfactor = 50);
-- Which server may write: its timeline and its system, and a name of this time's own.
CREATE TABLE @s@.epoch (
  one bigint PRIMARY KEY CHECK (one = 1),
  number bigint NOT NULL,
  timeline text NOT NULL,
  system bigint NOT NULL,
  -- The number of the table of payments: one that a dump has put back is another.
  payments bigint NOT NULL,
  nonce text NOT NULL,
  state text NOT NULL CHECK (state IN ('open', 'judging', 'doubting')),
  lost boolean NOT NULL,
  -- Whether a node that ran before the judgement has compared what it was told.
  witnessed boolean NOT NULL,
  loss_possible boolean NOT NULL,
  -- The number of the database: a copy of one, under whatever name, is another.
  database bigint,
  -- The transaction that wrote this row last: one that was put back was written by another.
  written bigint
);
-- The epochs before, each with the name of the one that it followed.
CREATE TABLE @s@.failover (number bigint PRIMARY KEY, nonce text NOT NULL UNIQUE, follows text, judged timestamptz NOT NULL, why text NOT NULL);
CREATE TABLE @s@.water (
  one bigint PRIMARY KEY CHECK (one = 1),
  begun bigint NOT NULL CHECK (begun >= 0),
  last_id bigint NOT NULL CHECK (last_id >= 0),
  batch bigint NOT NULL CHECK (batch BETWEEN 0 AND 999999),
  reference bigint NOT NULL CHECK (reference BETWEEN 0 AND 999999),
  day bigint NOT NULL,
  floor bigint NOT NULL CHECK (floor >= 0),
  -- The number of the last epoch before which something was lost; 0 if there is none.
  doubted bigint NOT NULL CHECK (doubted >= 0)
) WITH (fillfactor = 10);
INSERT INTO @s@.water VALUES (1, 0, 0, 0, 0, 0, 0, 0);
CREATE TABLE @s@.payment (
@columns@,
  token bigint NOT NULL,
@checks@
) WITH (fillfactor = 70);
CREATE TABLE @s@.phone (id bigint PRIMARY KEY, sealed bytea NOT NULL);
CREATE UNIQUE INDEX payment_invoice ON @s@.payment (invoice);
CREATE UNIQUE INDEX payment_numbers ON @s@.payment (batch, reference);
CREATE INDEX payment_due ON @s@.payment (boot, due) WHERE due IS NOT NULL;
CREATE INDEX payment_evidence ON @s@.payment (boot, due) WHERE due IS NOT NULL AND late_paid = 1;
CREATE INDEX payment_touched ON @s@.payment (boot, touched) WHERE due IS NOT NULL;
CREATE INDEX payment_customer ON @s@.payment (phone_tag) WHERE phone_tag IS NOT NULL AND @may_still_debit@;
CREATE INDEX payment_wall ON @s@.payment (wall);
CREATE INDEX payment_listed ON @s@.payment (id) WHERE @is_listed@;
