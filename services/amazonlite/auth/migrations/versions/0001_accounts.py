"""Accounts, sessions with their refresh tokens, failed logins and the audit of bulk tokens."""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None

_TABLE = "ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin"

USER = f"""
CREATE TABLE user (
    user_id VARCHAR(64) NOT NULL PRIMARY KEY,
    email VARCHAR(254) NOT NULL,
    password_hash VARCHAR(255) NOT NULL,
    name VARCHAR(200) NOT NULL,
    created_at DATETIME(6) NOT NULL,
    UNIQUE KEY user_by_email (email)
) {_TABLE}
"""

SESSION = f"""
CREATE TABLE session (
    session_id VARCHAR(64) NOT NULL PRIMARY KEY,
    user_id VARCHAR(64) NOT NULL,
    created_at DATETIME(6) NOT NULL,
    expires_at DATETIME(6) NOT NULL,
    revoked_at DATETIME(6) NULL,
    revoked_because VARCHAR(32) NOT NULL DEFAULT '',
    KEY session_by_user (user_id),
    KEY session_by_end (expires_at),
    KEY session_by_revocation (revoked_at)
) {_TABLE}
"""

REFRESH_TOKEN = f"""
CREATE TABLE refresh_token (
    token_hash VARCHAR(64) NOT NULL PRIMARY KEY,
    session_id VARCHAR(64) NOT NULL,
    issued_at DATETIME(6) NOT NULL,
    expires_at DATETIME(6) NOT NULL,
    used_at DATETIME(6) NULL,
    salt BINARY(16) NOT NULL,
    KEY refresh_token_by_session (session_id),
    KEY refresh_token_by_end (expires_at)
) {_TABLE}
"""

LOGIN_FAILURE = f"""
CREATE TABLE login_failure (
    account_hash VARCHAR(64) NOT NULL PRIMARY KEY,
    failures INT UNSIGNED NOT NULL,
    window_ends DATETIME(6) NOT NULL,
    KEY login_failure_by_end (window_ends)
) {_TABLE}
"""

TOKEN_AUDIT = f"""
CREATE TABLE token_audit (
    audit_id VARCHAR(64) NOT NULL PRIMARY KEY,
    requested_by VARCHAR(64) NOT NULL,
    reason VARCHAR(200) NOT NULL,
    subjects JSON NOT NULL,
    token_count INT UNSIGNED NOT NULL,
    ttl_seconds INT UNSIGNED NOT NULL,
    correlation_id VARCHAR(128) NOT NULL,
    created_at DATETIME(6) NOT NULL,
    KEY token_audit_by_requester (requested_by, created_at)
) {_TABLE}
"""


def upgrade() -> None:
    for statement in (USER, SESSION, REFRESH_TOKEN, LOGIN_FAILURE, TOKEN_AUDIT):
        op.execute(statement)
