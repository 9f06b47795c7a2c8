-- What the application may do: it executes these, and has no right to write any other way.
CREATE OR REPLACE FUNCTION @s@.timeline() RETURNS text LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $f$ SELECT substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) $f$;

-- The number of the database that answers.
CREATE OR REPLACE FUNCTION @s@.database() RETURNS bigint LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $f$ SELECT oid::bigint FROM pg_database WHERE datname = current_database() $f$;

-- As a row names the transaction that wrote it.
CREATE OR REPLACE FUNCTION @s@.transaction() RETURNS bigint LANGUAGE sql SET search_path = pg_catalog, pg_temp
AS $f$ SELECT pg_current_xact_id()::text::bigint & 4294967295 $f$;

-- Whether what is there is a copy: a dump makes the tables anew, or writes their rows anew; and a database that
-- was made from another, and may have been renamed into its place, has another number.
CREATE OR REPLACE FUNCTION @s@.is_remade() RETURNS boolean LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $f$ SELECT (e.payments, e.database, e.written)
  IS DISTINCT FROM (to_regclass('@s@.payment')::oid::bigint, @s@.database(), e.xmin::text::bigint)
  FROM @s@.epoch AS e WHERE e.one = 1 $f$;

CREATE OR REPLACE FUNCTION @s@.guard(p_nonce text) RETURNS @s@.epoch LANGUAGE plpgsql SET search_path = @s@, pg_temp
AS $f$
DECLARE e epoch;
BEGIN
  -- A commit that is told must be on the disk, and on the standby that the server waits for; and who
  -- broke off that wait must be heard.
  IF current_setting('synchronous_commit') IN ('off', 'local', 'remote_write') THEN
    PERFORM set_config('synchronous_commit', 'on', true);
  END IF;
  IF current_setting('client_min_messages') IN ('error', 'fatal', 'panic') THEN
    PERFORM set_config('client_min_messages', 'warning', true);
  END IF;
  IF current_setting('session_replication_role') = 'replica' THEN
    RAISE EXCEPTION 'session_replication_role is replica: no guard holds who connects; RESET it' USING ERRCODE = 'OV007';
  END IF;
  SELECT * INTO STRICT e FROM epoch WHERE one = 1;
  IF e.timeline <> timeline() OR e.system <> (SELECT system_identifier FROM pg_control_system()) OR is_remade() THEN
    RAISE EXCEPTION 'this server was promoted or restored, and nobody has judged what it lost' USING ERRCODE = 'OV001';
  END IF;
  IF e.nonce <> p_nonce THEN
    RAISE EXCEPTION 'the journal was judged anew' USING ERRCODE = 'OV004';
  END IF;
  RETURN e;
END $f$;

-- The same with what the node was told before. One server on a disk that went back, or that a dump was put
-- back into, is the same system in the same epoch: only who was told more can know.
CREATE OR REPLACE FUNCTION @s@.guard_told(p jsonb) RETURNS @s@.epoch LANGUAGE plpgsql SET search_path = @s@, pg_temp
AS $f$
DECLARE e epoch;
BEGIN
  e := guard(p->>'nonce');
  IF pg_current_wal_insert_lsn() < (p->>'lsn')::pg_lsn OR ((p->>'beats')::bigint > 0
      AND NOT EXISTS (SELECT 1 FROM clock WHERE id = (p->>'clock')::bigint AND beats >= (p->>'beats')::bigint)) THEN
    RAISE EXCEPTION 'the server went back behind what it had told' USING ERRCODE = 'OV003';
  END IF;
  RETURN e;
END $f$;

CREATE OR REPLACE FUNCTION @s@.payment_begins() RETURNS trigger LANGUAGE plpgsql SET search_path = @s@, pg_temp
AS $f$
BEGIN
  IF NEW.version <> 1 OR NEW.verdict IS NOT NULL OR NEW.acknowledged <> 0
     OR NOT EXISTS (SELECT 1 FROM phone WHERE id = NEW.id) THEN
    RAISE EXCEPTION 'a payment begins as an intent' USING ERRCODE = 'OV002';
  END IF;
  IF NOT EXISTS (SELECT 1 FROM water AS w WHERE (NEW.id & 1099511627775) = w.last_id + 1
      AND (NEW.batch, NEW.reference) > (w.batch, w.reference)) THEN
    RAISE EXCEPTION 'numbers are handed out once and in order' USING ERRCODE = 'OV002';
  END IF;
  UPDATE water SET begun = begun + 1, last_id = last_id + 1, batch = NEW.batch, reference = NEW.reference,
    day = floor((NEW.wall + 25200000) / 86400000.0) WHERE one = 1;
  RETURN NEW;
END $f$;

CREATE OR REPLACE FUNCTION @s@.payment_changes() RETURNS trigger LANGUAGE plpgsql SET search_path = @s@, pg_temp
AS $f$
BEGIN
  IF NEW.version <> OLD.version + 1 THEN
    RAISE EXCEPTION 'a version grows by one' USING ERRCODE = 'OV002';
  END IF;
  IF (@new_intent@) IS DISTINCT FROM (@old_intent@) THEN
    RAISE EXCEPTION 'an intent never changes' USING ERRCODE = 'OV002';
  END IF;
  IF NEW.phone_tag IS DISTINCT FROM OLD.phone_tag AND NEW.phone_tag IS NOT NULL THEN
    RAISE EXCEPTION 'a phone can only be forgotten' USING ERRCODE = 'OV002';
  END IF;
  IF NEW.attested <> OLD.attested AND NEW.attested <> 0 THEN
    RAISE EXCEPTION 'numbers are attested at the intent or never' USING ERRCODE = 'OV002';
  END IF;
  IF OLD.verdict IS NOT NULL
     AND (NEW.verdict, NEW.source, NEW.decline_code) IS DISTINCT FROM (OLD.verdict, OLD.source, OLD.decline_code)
     AND NOT (OLD.verdict = @QUARANTINED@ AND (NEW.verdict IS NOT DISTINCT FROM @ABANDONED@
       OR (NEW.verdict IS NOT DISTINCT FROM @ACCEPTED@ AND NEW.source IS NOT DISTINCT FROM @BY_OPERATOR@))) THEN
    RAISE EXCEPTION 'a verdict is written once' USING ERRCODE = 'OV002';
  END IF;
  IF substr(coalesce(NEW.history, ''), 1, length(coalesce(OLD.history, ''))) <> coalesce(OLD.history, '')
     OR length(coalesce(NEW.repeated, '')) < length(coalesce(OLD.repeated, '')) THEN
    RAISE EXCEPTION 'a history only grows' USING ERRCODE = 'OV002';
  END IF;
  IF NEW.phone_tag IS NULL AND OLD.phone_tag IS NOT NULL THEN
    UPDATE phone SET sealed = '' WHERE id = NEW.id;
  END IF;
  RETURN NEW;
END $f$;

CREATE OR REPLACE FUNCTION @s@.stays() RETURNS trigger LANGUAGE plpgsql SET search_path = @s@, pg_temp
AS $f$
BEGIN
  RAISE EXCEPTION 'what a journal holds is never deleted' USING ERRCODE = 'OV002';
END $f$;

-- But for what is over, and stands among what was archived.
CREATE OR REPLACE FUNCTION @s@.payment_leaves() RETURNS trigger LANGUAGE plpgsql SET search_path = @s@, pg_temp
AS $f$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM payment WHERE id = OLD.id AND @is_over@) OR NOT EXISTS (SELECT 1 FROM archived AS a
      WHERE a.id = OLD.id AND a.invoice = OLD.invoice AND a.batch = OLD.batch AND a.reference = OLD.reference) THEN
    RAISE EXCEPTION 'what a journal holds is never deleted' USING ERRCODE = 'OV002';
  END IF;
  RETURN OLD;
END $f$;

CREATE OR REPLACE FUNCTION @s@.phone_leaves() RETURNS trigger LANGUAGE plpgsql SET search_path = @s@, pg_temp
AS $f$
BEGIN
  IF EXISTS (SELECT 1 FROM payment WHERE id = OLD.id) OR NOT EXISTS (SELECT 1 FROM archived WHERE id = OLD.id) THEN
    RAISE EXCEPTION 'what a journal holds is never deleted' USING ERRCODE = 'OV002';
  END IF;
  RETURN OLD;
END $f$;

CREATE OR REPLACE FUNCTION @s@.phone_changes() RETURNS trigger LANGUAGE plpgsql SET search_path = @s@, pg_temp
AS $f$
BEGIN
  IF NEW.id <> OLD.id OR length(NEW.sealed) > 0 THEN
    RAISE EXCEPTION 'a phone can only be forgotten' USING ERRCODE = 'OV002';
  END IF;
  RETURN NEW;
END $f$;

CREATE OR REPLACE FUNCTION @s@.water_rises() RETURNS trigger LANGUAGE plpgsql SET search_path = @s@, pg_temp
AS $f$
BEGIN
  IF NEW.one <> OLD.one OR NEW.begun < OLD.begun OR (NEW.batch, NEW.reference) < (OLD.batch, OLD.reference)
     OR NEW.floor < OLD.floor OR NEW.doubted < OLD.doubted
     -- Ids are counted within an epoch.
     OR (NEW.last_id < OLD.last_id AND NOT (NEW.last_id = 0 AND NEW.floor > OLD.batch)) THEN
    RAISE EXCEPTION 'the high-water mark never goes back' USING ERRCODE = 'OV002';
  END IF;
  RETURN NEW;
END $f$;

CREATE OR REPLACE FUNCTION @s@.epoch_rises() RETURNS trigger LANGUAGE plpgsql SET search_path = @s@, pg_temp
AS $f$
BEGIN
  IF NEW.number < OLD.number OR (NEW.number = OLD.number AND ((NEW.nonce, NEW.timeline, NEW.system, NEW.payments)
      IS DISTINCT FROM (OLD.nonce, OLD.timeline, OLD.system, OLD.payments) OR NEW.database <> OLD.database)) THEN
    RAISE EXCEPTION 'an epoch is judged once' USING ERRCODE = 'OV002';
  END IF;
  -- Whatever is changed in a copy, it stays one until it is judged.
  IF NEW.number > OLD.number OR OLD.written IS NULL OR NOT is_remade() THEN
    NEW.written := transaction();
  END IF;
  RETURN NEW;
END $f$;

-- All that a group of callers writes, in one statement: a transaction of several would be left open, with
-- its locks, by a client that stands still in the middle.
CREATE OR REPLACE FUNCTION @s@.write(p jsonb) RETURNS jsonb LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = @s@, pg_temp SET lock_timeout = '2s'
AS $f$
DECLARE
  e epoch; w water; o jsonb; r payment; x payment;
  updates jsonb := '[]'; begins jsonb := '[]'; blocking jsonb;
  wrote boolean := false; has_water boolean := false; start bigint; b bigint; f bigint; d bigint; was bigint;
BEGIN
  e := guard_told(p->'known');
  IF e.state <> 'open' AND NOT (e.state = 'doubting' AND coalesce((p->>'doubting')::boolean, false)) THEN
    RAISE EXCEPTION 'the journal is being judged' USING ERRCODE = 'OV005';
  END IF;
  FOR o IN SELECT value FROM jsonb_array_elements(p->'updates') LOOP
    r := jsonb_populate_record(NULL::payment, o->'row');
    r.token := (o->>'token')::bigint;
    SELECT * INTO x FROM payment WHERE id = r.id FOR UPDATE;
    IF NOT FOUND THEN
      updates := updates || '["missing"]'::jsonb;
      CONTINUE;
    END IF;
    IF (@x_intent@) IS DISTINCT FROM (@r_intent@) THEN
      updates := updates || CASE WHEN x.version + 1 = r.version THEN '["intent"]'::jsonb ELSE '["another"]'::jsonb END;
    ELSIF x.version = r.version AND x.token = r.token THEN
      -- The answer to the same write was lost.
      updates := updates || '["won"]'::jsonb;
    ELSIF x.version + 1 <> r.version THEN
      updates := updates || '["lost"]'::jsonb;
    ELSE
      IF substr(coalesce(r.history, ''), 1, length(coalesce(x.history, ''))) <> coalesce(x.history, '')
         OR length(coalesce(r.repeated, '')) < length(coalesce(x.repeated, '')) THEN
        -- What happened before stays, and no outcome may fail for its history.
        r.history := x.history;
        r.repeated := x.repeated;
      END IF;
      IF r.phone_forgotten = 0 THEN
        r.phone_tag := x.phone_tag;
      ELSE
        r.phone_tag := NULL;
      END IF;
      UPDATE payment SET (@stored@) = (@r_stored@) WHERE id = r.id;
      wrote := true;
      updates := updates || '["won"]'::jsonb;
    END IF;
  END LOOP;
  FOR o IN SELECT value FROM jsonb_array_elements(p->'begins') LOOP
    r := jsonb_populate_record(NULL::payment, o->'row');
    r.token := (o->>'token')::bigint;
    SELECT * INTO x FROM payment WHERE invoice = r.invoice;
    IF NOT FOUND AND NOT has_water THEN
      -- From here on nobody else begins: also of two pushes to one customer the second sees the first.
      PERFORM 1 FROM water WHERE one = 1 FOR UPDATE;
      has_water := true;
      SELECT * INTO x FROM payment WHERE invoice = r.invoice;
    END IF;
    IF FOUND THEN
      begins := begins || CASE WHEN x.token = r.token AND x.version = 1
        THEN jsonb_build_array(jsonb_build_array('fresh', x.id, x.batch, x.reference, x.attested))
        ELSE jsonb_build_array(jsonb_build_array('existing', x.id)) END;
      CONTINUE;
    END IF;
    SELECT id INTO was FROM archived WHERE invoice = r.invoice;
    IF FOUND THEN
      begins := begins || jsonb_build_array(jsonb_build_array('archived', was));
      CONTINUE;
    END IF;
    IF (o->>'careful')::boolean THEN
      SELECT jsonb_agg(q.id) INTO blocking FROM (
        SELECT c.id FROM payment AS c
        WHERE c.phone_tag IN (SELECT t::bytea FROM jsonb_array_elements_text(o->'tags') AS t) AND @may_still_debit@
          AND NOT (o->'ignoring') @> jsonb_build_array(jsonb_build_array(c.id, c.version))
        ORDER BY c.id LIMIT 16) AS q;
      IF blocking IS NOT NULL THEN
        begins := begins || jsonb_build_array(jsonb_build_array('blocked', blocking));
        CONTINUE;
      END IF;
    END IF;
    SELECT * INTO STRICT w FROM water WHERE one = 1;
    start := (o->>'start')::bigint;
    d := floor((r.wall + 25200000) / 86400000.0);
    IF w.batch = 0 THEN
      b := coalesce((o->>'first')::bigint, start);
      f := 1;
    ELSIF (o->>'daily')::boolean AND d > w.day THEN
      b := greatest(w.batch + 1, coalesce(start, 0));
      f := 1;
    ELSIF w.reference < 999999 THEN
      b := w.batch;
      f := w.reference + 1;
    ELSE
      b := w.batch + 1;
      f := 1;
    END IF;
    IF b IS NULL THEN
      begins := begins || '[["no batch"]]'::jsonb;
      CONTINUE;
    END IF;
    IF b < w.floor THEN
      b := greatest(w.floor, coalesce(start, 0));
      f := 1;
    END IF;
    IF b > 999999 THEN
      begins := begins || '[["used up"]]'::jsonb;
      CONTINUE;
    END IF;
    r.id := ((e.number - 1) << 40) + w.last_id + 1;
    r.batch := b;
    r.reference := f;
    r.attested := (w.doubted <= coalesce((SELECT v::bigint FROM meta WHERE k = 'vouched'), 0))::int;
    INSERT INTO phone VALUES (r.id, (o->>'sealed')::bytea);
    INSERT INTO payment VALUES (r.*);
    wrote := true;
    begins := begins || jsonb_build_array(jsonb_build_array('fresh', r.id, b, f, r.attested));
  END LOOP;
  IF NOT wrote THEN
    -- What is told from what was read must be as durable as what was written.
    PERFORM pg_logical_emit_message(true, 'ovo', '');
  END IF;
  RETURN jsonb_build_object('updates', updates, 'begins', begins, 'lsn', pg_current_wal_insert_lsn()::text);
END $f$;

-- Before a row that is told: its commit is behind those of all rows that this statement sees.
CREATE OR REPLACE FUNCTION @s@.barrier(p jsonb) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER VOLATILE
  SET search_path = @s@, pg_temp
AS $f$
BEGIN
  PERFORM guard_told(p);
  PERFORM pg_logical_emit_message(true, 'ovo', '');
  RETURN true;
END $f$;

CREATE OR REPLACE FUNCTION @s@.join_clock(p_nonce text, p_name text, p_token bigint, p_ms bigint, p_start bigint)
  RETURNS jsonb
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = @s@, pg_temp SET lock_timeout = '2s'
AS $f$
DECLARE e epoch; n bigint; last timestamptz; left_open boolean;
BEGIN
  e := guard(p_nonce);
  SELECT id INTO n FROM clock WHERE name = p_name AND token = p_token;
  IF FOUND THEN
    PERFORM pg_logical_emit_message(true, 'ovo', '');
    RETURN jsonb_build_object('clock', n);
  END IF;
  PERFORM 1 FROM epoch WHERE one = 1 FOR UPDATE;
  SELECT max(seen), bool_or(NOT closed) INTO last, left_open FROM clock;
  -- If nobody was here, nobody remembers what a copy that was put back in the meantime does not know.
  IF NOT EXISTS (SELECT 1 FROM clock WHERE seen > clock_timestamp() - interval '10 seconds' AND NOT closed) THEN
    UPDATE water SET floor = least(999999, greatest(floor, CASE WHEN p_start > batch THEN p_start ELSE batch + 1 END))
      WHERE one = 1 AND batch > 0;
  END IF;
  -- One that was lost with a server is not given again.
  SELECT greatest(coalesce(max(id), 0), (e.number - 1) << 20) + 1 INTO n FROM clock;
  INSERT INTO clock VALUES (n, p_name, p_token, p_ms, p_ms, 1, clock_timestamp(), clock_timestamp(), false);
  RETURN jsonb_build_object('clock', n,
    -- A power cut looks like this, and so does a copy that was put back.
    'restarted', CASE WHEN left_open AND last < pg_postmaster_start_time() THEN (extract(epoch FROM last) * 1000)::bigint END);
END $f$;

-- Publishes what the own clock shows and what others' show at least, and tells what everybody's did.
CREATE OR REPLACE FUNCTION @s@.beat(p jsonb) RETURNS jsonb LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = @s@, pg_temp SET lock_timeout = '2s'
AS $f$
DECLARE e epoch; o jsonb; c clock; own jsonb := p->'own'; most bigint; told jsonb;
BEGIN
  e := guard_told(p->'known');
  FOR o IN SELECT value FROM jsonb_array_elements(p->'clocks') ORDER BY (value->>0)::bigint LOOP
    -- Others publish a dead clock only, and at the same time as each other: who comes second need not wait.
    SELECT * INTO c FROM clock WHERE id = (o->>0)::bigint AND id <> (own->>0)::bigint FOR UPDATE SKIP LOCKED;
    CONTINUE WHEN NOT FOUND;
    -- A value that is wrong once would be wrong for ever: this server's wall clock bounds it, and so can
    -- only make waits longer.
    most := greatest(c.ms, c.base) + greatest(0, extract(epoch FROM clock_timestamp() - c.moved) * 1000)::bigint + 60000;
    IF (o->>1)::bigint <= (o->>2)::bigint AND (o->>2)::bigint <= most
       AND ((o->>1)::bigint > c.base OR ((o->>1)::bigint = c.base AND (o->>2)::bigint > c.ms)) THEN
      UPDATE clock SET base = (o->>1)::bigint, ms = (o->>2)::bigint, moved = clock_timestamp() WHERE id = c.id;
    END IF;
  END LOOP;
  SELECT * INTO c FROM clock WHERE id = (own->>0)::bigint FOR UPDATE;
  IF FOUND THEN
    IF c.token <> (own->>1)::bigint THEN
      RAISE EXCEPTION 'another publishes this clock' USING ERRCODE = 'OV006';
    END IF;
    most := greatest(c.ms, c.base) + greatest(0, extract(epoch FROM clock_timestamp() - c.moved) * 1000)::bigint + 60000;
    most := greatest(c.base, least((own->>2)::bigint, most));
    UPDATE clock SET base = most, ms = most, beats = c.beats + 1, seen = clock_timestamp(), moved = clock_timestamp(),
      closed = coalesce((own->>3)::boolean, false) WHERE id = c.id RETURNING beats INTO c.beats;
  ELSE
    PERFORM pg_logical_emit_message(true, 'ovo', '');
  END IF;
  SELECT jsonb_agg(jsonb_build_array(q.boot, q.base, q.ms, q.beats, q.closed)) INTO told FROM (
    SELECT t.boot, greatest(k.base, t.touched) AS base,
      CASE WHEN t.touched > coalesce(k.base, -1) THEN t.touched ELSE k.ms END AS ms,
      coalesce(k.beats, 0) AS beats, coalesce(k.closed, true) AS closed
    FROM (SELECT boot, max(touched) AS touched FROM payment WHERE due IS NOT NULL GROUP BY boot) AS t
    LEFT JOIN clock AS k ON k.id = t.boot) AS q;
  RETURN jsonb_build_object('clocks', coalesce(told, '[]'), 'beats', c.beats, 'lsn', pg_current_wal_insert_lsn()::text,
    'state', e.state,
    'live', (SELECT count(*) FROM clock WHERE seen > clock_timestamp() - interval '10 seconds' AND NOT closed));
END $f$;

-- Writes what a journal knows of itself, if it is still what the caller read; and may raise its numbers.
CREATE OR REPLACE FUNCTION @s@.remember(p jsonb) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = @s@, pg_temp SET lock_timeout = '2s'
AS $f$
DECLARE o record;
BEGIN
  PERFORM guard_told(p->'known');
  PERFORM 1 FROM water WHERE one = 1 FOR UPDATE;
  FOR o IN SELECT key, value FROM jsonb_each_text(p->'was') LOOP
    IF (SELECT v FROM meta WHERE k = o.key) IS DISTINCT FROM o.value THEN
      PERFORM pg_logical_emit_message(true, 'ovo', '');
      RETURN false;
    END IF;
  END LOOP;
  IF p->'is' ?| ARRAY['incarnation', 'created', 'schema', 'constraints'] THEN
    RAISE EXCEPTION 'what names a journal never changes' USING ERRCODE = 'OV002';
  END IF;
  INSERT INTO meta SELECT key, value FROM jsonb_each_text(p->'is') ON CONFLICT (k) DO UPDATE SET v = excluded.v;
  UPDATE water SET floor = greatest(floor, coalesce((p->>'floor')::bigint, 0)) WHERE one = 1;
  RETURN true;
END $f$;

-- Lets payments go that are over and that an archive has: their invoices and numbers stay.
CREATE OR REPLACE FUNCTION @s@.archive(p jsonb) RETURNS jsonb LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = @s@, pg_temp SET lock_timeout = '2s'
AS $f$
DECLARE
  e epoch; x payment; o jsonb; said text; place text; open_part text; n bigint;
  stay jsonb := '[]'; strange jsonb := '[]';
BEGIN
  e := guard_told(p->'known');
  IF e.state <> 'open' THEN
    RAISE EXCEPTION 'the journal is being judged' USING ERRCODE = 'OV005';
  END IF;
  -- What is told must last, also where the same was written before and only its answer was lost.
  PERFORM pg_logical_emit_message(true, 'ovo', '');
  -- One at a time; payments do not wait for it.
  INSERT INTO meta VALUES ('archives', '0') ON CONFLICT (k) DO NOTHING;
  SELECT v::bigint INTO n FROM meta WHERE k = 'archives' FOR UPDATE;
  IF p ? 'begin' THEN
    SELECT k INTO said FROM meta WHERE k LIKE 'archive %' AND split_part(v, ' ', 2) = p->'begin'->>0;
    IF FOUND THEN
      RETURN jsonb_build_object('number', substr(said, 9)::bigint);
    END IF;
    SELECT k INTO open_part FROM meta WHERE k LIKE 'archive %' AND v LIKE 'open %';
    IF FOUND AND EXISTS (SELECT 1 FROM archived AS a WHERE a.part = substr(open_part, 9)::bigint) THEN
      RETURN jsonb_build_object('in_the_way', substr(open_part, 9)::bigint);
    END IF;
    -- Whoever began it and is still at it takes nothing out from here on.
    UPDATE meta SET v = 'given-up' || substr(v, 5) WHERE k = open_part;
    UPDATE meta SET v = (n + 1)::text WHERE k = 'archives';
    INSERT INTO meta VALUES ('archive ' || (n + 1), p->'begin'->>1);
    RETURN jsonb_build_object('number', n + 1);
  END IF;
  IF p ? 'end' THEN
    UPDATE meta SET v = p->'end'->>1 WHERE k = p->'end'->>0 AND k LIKE 'archive %';
    RETURN '{}';
  END IF;
  n := (p->'take'->>'number')::bigint;
  SELECT v INTO said FROM meta WHERE k = 'archive ' || n;
  IF said IS NULL OR said NOT LIKE 'open %' THEN
    RETURN '{"overtaken": true}';
  END IF;
  place := regexp_replace(said, '^\S+ \S+ ', '');
  FOR o IN SELECT value FROM jsonb_array_elements(p->'take'->'rows') LOOP
    SELECT * INTO x FROM payment WHERE id = (o->>0)::bigint FOR UPDATE;
    IF NOT FOUND THEN
      IF NOT EXISTS (SELECT 1 FROM archived AS a WHERE a.id = (o->>0)::bigint AND a.invoice = o->>3
          AND a.batch = (o->>4)::bigint AND a.reference = (o->>5)::bigint) THEN
        strange := strange || jsonb_build_array(o->0);
      END IF;
    ELSIF x.version = (o->>1)::bigint AND x.token = (o->>2)::bigint
        AND EXISTS (SELECT 1 FROM payment WHERE id = x.id AND @is_over@) THEN
      INSERT INTO archived (id, invoice, batch, reference, archive, part)
        VALUES (x.id, x.invoice, x.batch, x.reference, place, n);
      DELETE FROM payment WHERE id = x.id;
      DELETE FROM phone WHERE id = x.id;
    ELSE
      stay := stay || jsonb_build_array(x.id);
    END IF;
  END LOOP;
  RETURN jsonb_build_object('stay', stay, 'strange', strange);
END $f$;

-- A server that was promoted, restored or rolled back: what differs is looked at here, not believed.
CREATE OR REPLACE FUNCTION @s@.judge(p jsonb) RETURNS text LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = @s@, pg_temp SET lock_timeout = '2s'
AS $f$
DECLARE e epoch; w water; is_other boolean; is_back boolean; is_copy boolean; has_lost boolean; why text; known jsonb := p->'known';
BEGIN
  SELECT * INTO STRICT e FROM epoch WHERE one = 1 FOR UPDATE;
  IF e.nonce <> known->>'nonce' THEN
    RETURN 'judged';
  END IF;
  is_other := e.timeline <> timeline() OR e.system <> (SELECT system_identifier FROM pg_control_system());
  -- An end of the log, or a beat, that this node was told, and that the server does not know.
  is_back := e.system = (SELECT system_identifier FROM pg_control_system()) AND pg_current_wal_insert_lsn() < (known->>'lsn')::pg_lsn;
  is_back := is_back OR coalesce((SELECT c.beats < (known->>'beats')::bigint FROM clock AS c WHERE c.id = (known->>'clock')::bigint), false);
  is_copy := is_remade() OR coalesce((p->>'restored')::boolean, false);
  is_back := is_back OR is_copy OR ((known->>'clock')::bigint > 0 AND NOT EXISTS (SELECT 1 FROM clock WHERE id = (known->>'clock')::bigint));
  IF NOT is_other AND NOT is_back THEN
    RETURN 'same';
  END IF;
  -- What the judgement before this one found is not forgotten.
  has_lost := is_back OR e.loss_possible OR (e.state <> 'open' AND e.lost);
  why := CASE WHEN is_copy THEN 'it was put back from a copy' WHEN is_other THEN 'another server answers'
    ELSE 'the server went back' END;
  UPDATE epoch SET number = e.number + 1, timeline = timeline(), nonce = p->>'next', state = 'judging', lost = has_lost, witnessed = false,
    system = (SELECT system_identifier FROM pg_control_system()), payments = to_regclass('@s@.payment')::oid::bigint,
    database = database() WHERE one = 1;
  INSERT INTO failover VALUES (e.number + 1, p->>'next', e.nonce, clock_timestamp(), why);
  SELECT * INTO STRICT w FROM water WHERE one = 1 FOR UPDATE;
  UPDATE water SET last_id = 0, doubted = greatest(w.doubted, CASE WHEN has_lost THEN e.number + 1 ELSE 0 END),
    floor = least(999999, greatest(w.floor, w.batch + 1, (p->>'batch')::bigint + 1, (p->>'start')::bigint) + (p->>'spread')::bigint
      -- Of what it is a copy may have jumped since, each time that it was opened alone.
      + CASE WHEN is_copy THEN 32 ELSE 0 END) WHERE one = 1;
  RETURN 'judging';
END $f$;

-- What a node was told before: one row that is not there any more, or is another, and something was lost.
CREATE OR REPLACE FUNCTION @s@.reassert(p jsonb) RETURNS jsonb LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = @s@, pg_temp SET lock_timeout = '2s'
AS $f$
DECLARE e epoch; missing jsonb;
BEGIN
  PERFORM guard(p->'known'->>'nonce');
  SELECT * INTO STRICT e FROM epoch WHERE one = 1 FOR UPDATE;
  SELECT jsonb_agg(q.id) INTO missing FROM (
    SELECT (o->>0)::bigint AS id FROM jsonb_array_elements(p->'rows') AS o
    LEFT JOIN payment AS x ON x.id = (o->>0)::bigint
    WHERE (x.id IS NULL OR x.version < (o->>1)::bigint OR (x.version = (o->>1)::bigint AND x.token <> (o->>2)::bigint))
      -- What was archived since was there.
      AND NOT EXISTS (SELECT 1 FROM archived AS a WHERE a.id = (o->>0)::bigint)
    ORDER BY 1) AS q;
  IF missing IS NOT NULL AND NOT e.lost THEN
    UPDATE epoch SET lost = true, state = CASE WHEN e.state = 'judging' THEN 'judging' ELSE 'doubting' END WHERE one = 1;
    UPDATE water SET doubted = greatest(doubted, e.number) WHERE one = 1;
  END IF;
  -- Only who was here before can say that nothing is missing.
  UPDATE epoch SET witnessed = witnessed OR (p->'known'->>'clock')::bigint > 0 WHERE one = 1;
  RETURN coalesce(missing, '[]');
END $f$;

-- The time to say so is over; and then, if something was lost, every row without a verdict is doubted, and no
-- open void sent again. Of those that are still to be doubted some are told; one that nobody can read
-- (`damaged`) keeps nobody.
CREATE OR REPLACE FUNCTION @s@.conclude(p jsonb) RETURNS jsonb LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = @s@, pg_temp SET lock_timeout = '2s'
AS $f$
DECLARE e epoch; becomes text; waiting jsonb := '[]';
BEGIN
  PERFORM guard(p->>'nonce');
  SELECT * INTO STRICT e FROM epoch WHERE one = 1 FOR UPDATE;
  becomes := e.state;
  IF e.state = 'judging' THEN
    e.lost := e.lost OR NOT e.witnessed;
    becomes := CASE WHEN e.lost THEN 'doubting' ELSE 'open' END;
    IF e.lost THEN
      UPDATE water SET doubted = greatest(doubted, e.number) WHERE one = 1;
    END IF;
  END IF;
  IF becomes = 'doubting' THEN
    SELECT coalesce(jsonb_agg(q.id), '[]') INTO waiting FROM (
      SELECT id FROM payment WHERE (verdict IS NULL OR (void IN (@VOID_SENT@, @VOID_UNKNOWN@) AND doubted = 0))
        AND NOT coalesce(p->'damaged', '[]') @> to_jsonb(id) ORDER BY id LIMIT 500) AS q;
    IF waiting = '[]' THEN
      becomes := 'open';
    END IF;
  END IF;
  UPDATE epoch SET state = becomes, lost = e.lost WHERE one = 1;
  RETURN jsonb_build_object('state', becomes, 'waiting', waiting);
END $f$;
