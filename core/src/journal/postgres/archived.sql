-- Payments that were archived out of the file that was moved here: their invoices and numbers are never given again.
CREATE TABLE IF NOT EXISTS @s@.archived (
  id bigint PRIMARY KEY,
  invoice text NOT NULL,
  batch bigint NOT NULL,
  reference bigint NOT NULL,
  -- Where the archive was made.
  archive text NOT NULL,
  CONSTRAINT archived_once UNIQUE (invoice)
);
