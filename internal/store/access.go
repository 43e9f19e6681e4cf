package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/whodid/whodid"
)

// Token is an API token as it is kept: its hash, never its secret. Times that
// did not come are zero.
type Token struct {
	Org, ID, Name string
	// Hash is the SHA-256 of the secret.
	Hash   []byte
	Role   string
	Squads []string
	Agent  string
	// Person is the person, as an actor, whom a provider vouched for when they
	// signed in; empty for the token of a machine.
	Person string

	CreatedAt time.Time
	CreatedBy string
	ExpiresAt time.Time
	// LastUsedAt is coarse: see UseToken.
	LastUsedAt time.Time
	RevokedAt  time.Time
	RevokedBy  string
}

// ErrTaken means that something else has the name.
var ErrTaken = errors.New("the name is taken")

const tokenColumns = `org, id, name, hash, role, squads, agent, person, created_at, created_by, expires_at, last_used_at, revoked_at, revoked_by`

// CreateToken keeps a new token. ErrTaken means that another one that is not
// revoked has its name.
func (s *Store) CreateToken(ctx context.Context, t *Token) error {
	ctx = within(ctx, t.Org)
	squads, err := json.Marshal(t.Squads)
	if err != nil || t.Squads == nil {
		squads = []byte("[]")
	}
	err = s.inWriteTx(ctx, func(tx *sql.Tx) error {
		const q = `INSERT INTO token (` + tokenColumns + `) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, NULL, NULL, '') ON CONFLICT DO NOTHING`
		res, err := tx.ExecContext(ctx, q, t.Org, t.ID, t.Name, t.Hash, t.Role, string(squads), t.Agent, t.Person,
			whodid.Micros(t.CreatedAt), t.CreatedBy, nullTime(t.ExpiresAt))
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 1 {
			return err
		}
		return ErrTaken
	})
	if err != nil {
		return fmt.Errorf("couldn't keep the token: %w", err)
	}
	return nil
}

// Tokens returns all tokens of an organisation, the newest first.
func (s *Store) Tokens(ctx context.Context, org string) ([]Token, error) {
	ctx = within(ctx, org)
	return queryTokens(ctx, s.read, `WHERE org = $1 ORDER BY created_at DESC, id`, org)
}

// TokenByHash returns the token whose secret has the hash, of whatever
// organisation it is, or ErrNotFound. It is also returned when it is expired or
// revoked.
func (s *Store) TokenByHash(ctx context.Context, hash []byte) (*Token, error) {
	found, err := queryTokens(withinToken(ctx, hash), s.read, `WHERE hash = $1`, hash)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("a token: %w", ErrNotFound)
	}
	return &found[0], nil
}

// RevokeToken notes that a token is worth nothing from now on, and returns
// whether it was not so noted before. Nothing takes that back.
func (s *Store) RevokeToken(ctx context.Context, org, id string, at time.Time, by string) (bool, error) {
	ctx = within(ctx, org)
	var n int64
	err := s.inWriteTx(ctx, func(tx *sql.Tx) error {
		const q = `UPDATE token SET revoked_at = $3, revoked_by = $4 WHERE org = $1 AND id = $2 AND revoked_at IS NULL`
		res, err := tx.ExecContext(ctx, q, org, id, whodid.Micros(at), by)
		if err != nil {
			return err
		}
		n, err = res.RowsAffected()
		return err
	})
	if err != nil {
		return false, fmt.Errorf("couldn't revoke the token: %w", err)
	}
	return n == 1, nil
}

// UseToken notes that a token was used, unless a use is noted that is less than
// coarse ago: a note at every request would be a write at every request.
func (s *Store) UseToken(ctx context.Context, org, id string, at time.Time, coarse time.Duration) error {
	ctx = within(ctx, org)
	err := s.inWriteTx(ctx, func(tx *sql.Tx) error {
		const q = `UPDATE token SET last_used_at = $3 WHERE org = $1 AND id = $2 AND revoked_at IS NULL AND (last_used_at IS NULL OR last_used_at <= $4)`
		_, err := tx.ExecContext(ctx, q, org, id, whodid.Micros(at), whodid.Micros(at.Add(-coarse)))
		return err
	})
	if err != nil {
		return fmt.Errorf("couldn't note the use of a token: %w", err)
	}
	return nil
}

func queryTokens(ctx context.Context, q querier, where string, args ...any) ([]Token, error) {
	out, err := queryRows(ctx, q, `SELECT `+tokenColumns+` FROM token `+where, args, func(rows *sql.Rows, t *Token) error {
		var created int64
		var expires, used, revoked sql.NullInt64
		var squads string
		if err := rows.Scan(&t.Org, &t.ID, &t.Name, &t.Hash, &t.Role, &squads, &t.Agent, &t.Person, &created, &t.CreatedBy, &expires, &used, &revoked, &t.RevokedBy); err != nil {
			return err
		}
		if err := json.Unmarshal([]byte(squads), &t.Squads); err != nil {
			return fmt.Errorf("%w: the squads of token %s: %w", ErrDamaged, t.ID, err)
		}
		if len(t.Squads) == 0 {
			t.Squads = nil
		}
		t.CreatedAt, t.ExpiresAt, t.LastUsedAt, t.RevokedAt = whodid.FromMicros(created), fromNull(expires), fromNull(used), fromNull(revoked)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("couldn't read tokens: %w", err)
	}
	return out, nil
}
