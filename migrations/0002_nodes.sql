-- What several nodes, and several versions, need to share a database.

-- The oldest schema whose programs can still work with this database. A
-- migration that they could not live with raises it to its own number; then
-- they refuse to start, instead of misreading what they find.
CREATE TABLE compatibility (
    oldest BIGINT NOT NULL
);
INSERT INTO compatibility (oldest) VALUES (1);

-- How a sign-in is written. One in a form that a program does not know is none to it.
ALTER TABLE sessions ADD COLUMN format BIGINT NOT NULL DEFAULT 1;

-- When a revocation was written, by the clock of the machine that did it: how
-- long it takes to reach the other nodes is measured from here.
ALTER TABLE revocations ADD COLUMN written_at BIGINT;

-- Which token replaced which, for requests that are under way with the old
-- one: by the old token's digest, the new one sealed.
CREATE TABLE renewals (
    digest     TEXT   NOT NULL PRIMARY KEY,
    successor  TEXT   NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX renewals_by_expiry ON renewals (expires_at);
