package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/whodid/whodid"
)

// SavedViews returns the views of somebody and, if they are to see them, those that
// others share, by name.
func (s *Store) SavedViews(ctx context.Context, org, owner string, shared bool) ([]whodid.SavedView, error) {
	const q = `SELECT owner, name, query, shared, saved_at FROM saved_view WHERE org = $1 AND (owner = $2 OR shared <> 0 AND $3 <> 0) ORDER BY name, owner`
	out, err := queryRows(within(ctx, org), s.read, q, []any{org, owner, flag(shared)}, func(rows *sql.Rows, v *whodid.SavedView) error {
		var common, at int64
		err := rows.Scan(&v.Owner, &v.Name, &v.Query, &common, &at)
		v.Shared, v.SavedAt = common != 0, whodid.FromMicros(at)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("couldn't read the saved views: %w", err)
	}
	return out, nil
}

// SaveView keeps a view, in the place of the one of the same owner and name.
func (s *Store) SaveView(ctx context.Context, org string, v *whodid.SavedView) error {
	const q = `INSERT INTO saved_view (org, owner, name, query, shared, saved_at) VALUES ($1, $2, $3, $4, $5, $6) ` +
		`ON CONFLICT (org, owner, name) DO UPDATE SET query = excluded.query, shared = excluded.shared, saved_at = excluded.saved_at`
	if _, err := s.changeView(ctx, org, q, org, v.Owner, v.Name, v.Query, flag(v.Shared), whodid.Micros(v.SavedAt)); err != nil {
		return fmt.Errorf("couldn't keep the view: %w", err)
	}
	return nil
}

// RenameView gives a view of somebody another name, unless they have one of that
// name, and tells whether it did.
func (s *Store) RenameView(ctx context.Context, org, owner, from, to string) (bool, error) {
	const q = `UPDATE saved_view SET name = $4 WHERE org = $1 AND owner = $2 AND name = $3 ` +
		`AND NOT EXISTS (SELECT 1 FROM saved_view AS other WHERE other.org = $1 AND other.owner = $2 AND other.name = $4)`
	n, err := s.changeView(ctx, org, q, org, owner, from, to)
	if err != nil {
		return false, fmt.Errorf("couldn't rename the view: %w", err)
	}
	return n == 1, nil
}

// DropView deletes a view, and tells whether there was one.
func (s *Store) DropView(ctx context.Context, org, owner, name string) (bool, error) {
	n, err := s.changeView(ctx, org, `DELETE FROM saved_view WHERE org = $1 AND owner = $2 AND name = $3`, org, owner, name)
	if err != nil {
		return false, fmt.Errorf("couldn't delete the view: %w", err)
	}
	return n == 1, nil
}

func (s *Store) changeView(ctx context.Context, org, q string, args ...any) (n int64, err error) {
	ctx = within(ctx, org)
	err = s.inWriteTx(ctx, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, q, args...)
		if err != nil {
			return err
		}
		n, err = res.RowsAffected()
		return err
	})
	return n, err
}

// flag is a truth as both engines keep it.
func flag(is bool) int64 {
	if is {
		return 1
	}
	return 0
}
