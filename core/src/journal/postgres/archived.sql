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
-- For which of the archives that the journal knows; nothing where only its place is known.
ALTER TABLE @s@.archived ADD COLUMN IF NOT EXISTS part bigint;
-- Of journals that were made before it was compared: what is there now is what they are.
DROP FUNCTION IF EXISTS @s@.is_remade(@s@.epoch);
DROP FUNCTION IF EXISTS @s@.conclude(text);
ALTER TABLE @s@.epoch ADD COLUMN IF NOT EXISTS database bigint;
ALTER TABLE @s@.epoch ADD COLUMN IF NOT EXISTS written bigint;
