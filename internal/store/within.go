package store

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Organisations are kept apart twice: every statement says which one it means,
// and on PostgreSQL a connection shows only the rows of the organisation that
// it is set to, whatever the statement says. Each method of Store puts its
// organisation into the context; the pool sets a connection to it when it is
// taken, which costs a round trip only if the last one to use it had another.
//
// A file of SQLite has the first wall only. Whoever can open it has it all.

// scopeKey is the key of a context's scope.
type scopeKey struct{}

// within is a context whose connections see one organisation.
func within(ctx context.Context, org string) context.Context {
	return context.WithValue(ctx, scopeKey{}, org)
}

// Two scopes are no organisation's: no organisation has such a name.
const (
	// everywhere sees the names of the organisations and nothing of theirs.
	everywhere = "*"
	// tokenScope, followed by the hexadecimal hash of a token, sees that token.
	tokenScope = "#"
)

// ErrBadOrg means that an organisation can't have such a name.
var ErrBadOrg = errors.New("the name of an organisation has 1 to 128 characters, is printable, and does not begin with * or #")

// checkOrg refuses names of organisations that mean something else here.
func checkOrg(org string) error {
	if org == "" || len(org) > 128 || strings.HasPrefix(org, everywhere) || strings.HasPrefix(org, tokenScope) || !storable(org) ||
		strings.ContainsFunc(org, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return ErrBadOrg
	}
	return nil
}

// withinToken is a context whose connections see the token with the hash.
func withinToken(ctx context.Context, hash []byte) context.Context {
	return within(ctx, tokenScope+hex.EncodeToString(hash))
}

// errNoScope is a mistake of this package: a method has not said which
// organisation it means.
var errNoScope = errors.New("a query was made outside of any organisation: within is missing")

// orgSetting is the setting that the policies of the tables read.
const orgSetting = "whodid.org"

// enter sets a connection that is about to be used to the scope of the context.
// What it is set to is remembered with it.
func enter(ctx context.Context, c *pgx.Conn) (bool, error) {
	scope, ok := ctx.Value(scopeKey{}).(string)
	if !ok {
		return true, errNoScope
	}
	remembered := c.PgConn().CustomData()
	if remembered[orgSetting] == scope {
		return true, nil
	}
	// Until it is known to be set, it is known to be nothing.
	delete(remembered, orgSetting)
	if _, err := c.Exec(ctx, `SELECT set_config('`+orgSetting+`', $1, false)`, scope); err != nil {
		return false, fmt.Errorf("couldn't set the organisation of a connection: %w", err)
	}
	remembered[orgSetting] = scope
	return true, nil
}
