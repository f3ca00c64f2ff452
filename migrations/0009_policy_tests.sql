-- Policies that were tried on everybody known: how far each test is, and what it found.
CREATE TABLE policy_tests (
    id          TEXT   NOT NULL PRIMARY KEY,
    created_at  BIGINT NOT NULL,
    -- While it runs, the moment of its last sign of life.
    updated_at  BIGINT NOT NULL,
    -- 'processing', 'complete' or 'exceeded time'.
    status      TEXT   NOT NULL,
    total_users BIGINT NOT NULL
);

CREATE TABLE policy_test_users (
    test_id TEXT NOT NULL,
    email   TEXT NOT NULL,
    user_id TEXT NOT NULL,
    name    TEXT NOT NULL,
    -- 'approved', 'blocked' or 'error'.
    status  TEXT NOT NULL,
    PRIMARY KEY (test_id, email)
);
