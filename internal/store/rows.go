package store

import (
	"context"
	"database/sql"

	"github.com/jackc/pgx/v5"
)

// querier is a pool, a connection or a transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// eachRow hands on the rows that a query has, one after the other, until there are
// no more or visit fails.
func eachRow(ctx context.Context, q querier, query string, args []any, visit func(*sql.Rows) error) error {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := visit(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// eachRaw is eachRow on PostgreSQL for rows that are many: their columns as the server
// sends them in binary, which are used again for the next one. Reading a row through
// database/sql takes four times as long.
func (s *Store) eachRaw(ctx context.Context, query string, args []any, visit func(columns [][]byte) error) error {
	rows, err := s.pool.Query(ctx, query, append([]any{pgx.QueryResultFormats{pgx.BinaryFormatCode}}, args...)...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := visit(rows.RawValues()); err != nil {
			return err
		}
	}
	return rows.Err()
}

// queryRows reads the rows that a query has, each with scan; nil if there are none.
func queryRows[T any](ctx context.Context, q querier, query string, args []any, scan func(*sql.Rows, *T) error) ([]T, error) {
	var out []T
	err := eachRow(ctx, q, query, args, func(rows *sql.Rows) error {
		var v T
		if err := scan(rows, &v); err != nil {
			return err
		}
		out = append(out, v)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// queryColumn reads the one column that a query has.
func queryColumn[T any](ctx context.Context, q querier, query string, args ...any) ([]T, error) {
	return queryRows(ctx, q, query, args, func(rows *sql.Rows, v *T) error { return rows.Scan(v) })
}
