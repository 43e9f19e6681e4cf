package store

import (
	"context"
	"database/sql/driver"
	"fmt"
	"slices"
	"strings"

	driversqlite "modernc.org/sqlite"
)

// applicationConnector opens SQLite connections that may do no more than the
// application's role on PostgreSQL: ask, append, and keep heads and executions
// up to date.
type applicationConnector struct{ driver.Connector }

func (c applicationConnector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	if err := restrict(conn); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return conn, nil
}

// restrict takes a connection's rights to change what is recorded.
func restrict(conn any) error { return authorize(conn, applicationMay) }

// unrestrict gives them back, for a migration.
func unrestrict(conn any) error { return authorize(conn, nil) }

func authorize(conn any, may driversqlite.AuthorizerFn) error {
	r, ok := conn.(driversqlite.AuthorizerRegisterer)
	if !ok {
		return fmt.Errorf("the SQLite driver can't restrict a connection of type %T", conn)
	}
	return r.RegisterAuthorizer(may)
}

// loosen gives a connection the rights of the sweeper beside its own.
func loosen(conn any) error { return authorize(conn, sweeperMay) }

// sweeperMay is what the sweeper may do: note what is gone, and remove it.
func sweeperMay(action driversqlite.AuthorizerActionCode, object, column, database, trigger string) driversqlite.AuthorizerReturnCode {
	switch {
	case action == driversqlite.AuthInsert && (object == "gone_id" || object == "sweep"),
		action == driversqlite.AuthDelete && (object == "event" || object == "execution"):
		return driversqlite.AuthorizerOK
	default:
		return applicationMay(action, object, column, database, trigger)
	}
}

// applicationMay is asked when a statement is prepared, for everything that it
// would do. What it does not know is not allowed.
func applicationMay(action driversqlite.AuthorizerActionCode, object, column, _, trigger string) driversqlite.AuthorizerReturnCode {
	// What runs add up to and reports rest on, triggers alone keep.
	allowed := (object == "run_hour" || object == "run_day") && strings.HasPrefix(trigger, "run_sums_") || object == "merge" && strings.HasPrefix(trigger, "merge_told_") ||
		object == "approval_end" && strings.HasPrefix(trigger, "approval_end_")
	switch action {
	case driversqlite.AuthSelect, driversqlite.AuthRead, driversqlite.AuthFunction, driversqlite.AuthRecursive,
		driversqlite.AuthTransaction, driversqlite.AuthSavepoint:
		allowed = true
	case driversqlite.AuthInsert:
		allowed = allowed || slices.Contains([]string{"log", "head", "event", "tile", "execution", "token", "sink", "redacted", "action_hour", "person", "erasure", "unclean", "witnessed", "witness", "saved_view"}, object) || isIndex(object)
	case driversqlite.AuthUpdate:
		allowed = allowed || object == "head" || object == "execution" || object == "sink" || object == "witness" || object == "redacted" || object == "action_hour" || object == "person" || object == "saved_view" || isIndex(object) ||
			object == "token" && slices.Contains([]string{"last_used_at", "revoked_at", "revoked_by"}, column)
	case driversqlite.AuthDelete:
		allowed = allowed || object == "person" || object == "saved_view" || isIndex(object)
	case driversqlite.AuthPragma:
		allowed = slices.Contains([]string{"integrity_check", "quick_check", "wal_checkpoint", "data_version"}, object)
	default:
	}
	if !allowed {
		return driversqlite.AuthorizerDeny
	}
	return driversqlite.AuthorizerOK
}

// isIndex reports whether a table only helps to find what the events say.
func isIndex(table string) bool {
	return isGitIndex(table) || isDecisionIndex(table) || isSearchIndex(table)
}
