-- Payments that were archived, out of this journal or out of the file that was moved here: their invoices and
-- numbers are never given again.
CREATE TABLE IF NOT EXISTS @s@.archived (
  id bigint PRIMARY KEY,
  invoice text NOT NULL,
  batch bigint NOT NULL,
  reference bigint NOT NULL,
  -- Where the archive was made.
  archive text NOT NULL,
  CONSTRAINT archived_once UNIQUE (invoice)
);
-- Of journals that were made before it was compared: what is there now is what they are. Only where it is not
-- there yet: whoever asks for a change that is none waits for all who read, and all who sell wait behind it.
DROP FUNCTION IF EXISTS @s@.is_remade(@s@.epoch);
DROP FUNCTION IF EXISTS @s@.conclude(text);
DO $do$ BEGIN
  IF NOT EXISTS (SELECT 1 FROM pg_attribute WHERE attrelid = '@s@.epoch'::regclass AND attname = 'database' AND NOT attisdropped) THEN
    ALTER TABLE @s@.epoch ADD COLUMN database bigint;
  END IF;
END $do$;
DO $do$ BEGIN
  IF NOT EXISTS (SELECT 1 FROM pg_attribute WHERE attrelid = '@s@.epoch'::regclass AND attname = 'written' AND NOT attisdropped) THEN
    ALTER TABLE @s@.epoch ADD COLUMN written bigint;
  END IF;
END $do$;
