-- What people gave to enter, beyond who they are.

-- Application tokens that were made after a policy's questions were answered,
-- by their digest: only these pass where a policy asks. Not what was said:
-- that is in the log.
CREATE TABLE entries (
    digest     TEXT   NOT NULL PRIMARY KEY,
    entry      TEXT   NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX entries_by_expiry ON entries (expires_at);

-- Requests to be let in for a while, which others have to approve. They are
-- `waiting`, then `approved` or `denied`; `used` by the one entry that they
-- are for, `ended` by a revocation or by time.
CREATE TABLE approvals (
    id             TEXT   NOT NULL PRIMARY KEY,
    user_id        TEXT   NOT NULL,
    user_email     TEXT   NOT NULL,
    app_id         TEXT   NOT NULL,
    policy_id      TEXT   NOT NULL,
    prompt         TEXT   NOT NULL,
    response       TEXT   NOT NULL,
    state          TEXT   NOT NULL,
    created_at     BIGINT NOT NULL,
    expires_at     BIGINT NOT NULL,
    approved_until BIGINT
);
-- However often somebody asks, there is one request to decide.
CREATE UNIQUE INDEX approvals_one_open ON approvals (user_id, app_id, policy_id)
    WHERE state = 'waiting' OR state = 'approved';
CREATE INDEX approvals_by_user ON approvals (user_id, created_at);
CREATE INDEX approvals_by_expiry ON approvals (expires_at);

-- What approvers said, each once for a request. How long is in seconds, 0 for a no.
CREATE TABLE approval_decisions (
    approval_id    TEXT   NOT NULL,
    approver_email TEXT   NOT NULL,
    approver_id    TEXT   NOT NULL,
    secs           BIGINT NOT NULL,
    decided_at     BIGINT NOT NULL,
    PRIMARY KEY (approval_id, approver_email)
);
CREATE INDEX approval_decisions_by_approver ON approval_decisions (approver_id);
