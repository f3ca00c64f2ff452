-- TEXT and BIGINT only: one text for SQLite and Postgres. Moments are
-- milliseconds since 1970, flags 0 or 1, JSON and digests text.
-- A released migration is never edited; what changes later is a new file.

-- The installation itself: the proof of the encryption key (`seal`), sealed
-- secrets that all nodes share, and the mark that signing keys were made.
CREATE TABLE installation (
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE users (
    id           TEXT   NOT NULL PRIMARY KEY,
    email        TEXT   NOT NULL UNIQUE,
    identity     TEXT,
    created_at   BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL
);

CREATE TABLE sessions (
    nonce      TEXT   NOT NULL PRIMARY KEY,
    user_id    TEXT   NOT NULL,
    email      TEXT   NOT NULL,
    identity   TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    ended_at   BIGINT
);
CREATE INDEX sessions_by_user ON sessions (user_id);
CREATE INDEX sessions_by_email ON sessions (email, created_at);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

-- Sign-ins that came back from their provider: each comes back once.
CREATE TABLE attempts (
    digest     TEXT   NOT NULL PRIMARY KEY,
    expires_at BIGINT NOT NULL
);
CREATE INDEX attempts_by_expiry ON attempts (expires_at);

-- Finished sign-ins that wait on the team domain to be collected.
CREATE TABLE handoffs (
    digest     TEXT   NOT NULL PRIMARY KEY,
    handoff    TEXT   NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX handoffs_by_expiry ON handoffs (expires_at);

CREATE TABLE signing_keys (
    kid             TEXT   NOT NULL PRIMARY KEY,
    state           TEXT   NOT NULL,
    pkcs8_sealed    TEXT   NOT NULL,
    certificate_pem TEXT   NOT NULL,
    created_at      BIGINT NOT NULL,
    activated_at    BIGINT,
    retires_at      BIGINT
);
-- However many nodes rotate at once, one key signs and one comes next.
CREATE UNIQUE INDEX signing_keys_one_current ON signing_keys (state) WHERE state = 'current';
CREATE UNIQUE INDEX signing_keys_one_next ON signing_keys (state) WHERE state = 'next';

-- Numbers that grow by one per change. Taking one locks its row until the
-- change is committed, so that numbers become visible in their order.
CREATE TABLE sequences (
    name  TEXT   NOT NULL PRIMARY KEY,
    value BIGINT NOT NULL
);
INSERT INTO sequences (name, value) VALUES ('revocations', 0);

-- "Not before" marks: tokens of the subject issued in or before that second are revoked.
CREATE TABLE revocations (
    kind       TEXT   NOT NULL,
    subject    TEXT   NOT NULL,
    not_before BIGINT NOT NULL,
    seq        BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (kind, subject)
);
CREATE INDEX revocations_by_seq ON revocations (seq);
CREATE INDEX revocations_by_expiry ON revocations (expires_at);
