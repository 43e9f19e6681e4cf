package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"github.com/whodid/whodid"
)

// Person is a row of the one table that names people.
type Person struct {
	Pseudonym          string
	Name, Email, Login string
	// Source says who told it: cli, import, oidc.
	Source  string
	AddedAt time.Time
}

// PutPerson names a pseudonym, or names it anew, and tells whether that says
// anything that was not there before.
func (s *Store) PutPerson(ctx context.Context, org string, p *Person) (changed bool, err error) {
	ctx = within(ctx, org)
	const q = `INSERT INTO person (org, pseudonym, name, email, login, source, added_at) VALUES ($1, $2, $3, $4, $5, $6, $7) ` +
		`ON CONFLICT (org, pseudonym) DO UPDATE SET name = excluded.name, email = excluded.email, login = excluded.login, source = excluded.source, added_at = excluded.added_at ` +
		`WHERE person.name <> excluded.name OR person.email <> excluded.email OR person.login <> excluded.login`
	err = s.inWriteTx(ctx, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, q, org, p.Pseudonym, p.Name, p.Email, p.Login, p.Source, whodid.Micros(p.AddedAt))
		if err != nil {
			return err
		}
		n, err := res.RowsAffected()
		changed = n > 0
		return err
	})
	if err != nil {
		return false, fmt.Errorf("couldn't name a person: %w", err)
	}
	return changed, nil
}

// KnownPeople tells of whom the trail knows anything, by their pseudonyms.
func (s *Store) KnownPeople(ctx context.Context, org string) (known func(pseudonym string) bool, err error) {
	const q = `SELECT actor FROM event WHERE org = $1 AND actor LIKE 'human:%' UNION SELECT on_behalf_of FROM event WHERE org = $1 AND on_behalf_of <> '' ` +
		`UNION SELECT author FROM git_commit WHERE org = $1 AND author <> '' UNION SELECT person FROM token WHERE org = $1 AND person <> '' ` +
		`UNION SELECT pseudonym FROM person WHERE org = $1 UNION SELECT owner FROM saved_view WHERE org = $1`
	list, err := queryColumn[string](within(ctx, org), s.read, q, org)
	if err != nil {
		return nil, fmt.Errorf("couldn't look who is known: %w", err)
	}
	there := make(map[string]bool, len(list))
	for _, actor := range list {
		there[pseudonymOf(actor)] = true
	}
	return func(pseudonym string) bool { return there[pseudonym] }, nil
}

// ForgetPerson takes a pseudonym's name away, and tells whether it had one. The
// row goes from the files of the database too, as far as its rights allow.
func (s *Store) ForgetPerson(ctx context.Context, org, pseudonym string) (bool, error) {
	ctx = within(ctx, org)
	var n int64
	err := s.inWriteTx(ctx, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, `DELETE FROM person WHERE org = $1 AND pseudonym = $2`, org, pseudonym)
		if err == nil {
			n, err = res.RowsAffected()
		}
		if err == nil && n > 0 {
			err = noteUnclean(ctx, tx, org, whodid.NewID(whodid.PrefixEvent), "person")
		}
		return err
	})
	if err != nil {
		return false, fmt.Errorf("couldn't forget a person: %w", err)
	}
	if _, err := s.Purge(ctx, org); err != nil {
		return n > 0, fmt.Errorf("what was forgotten may still be in the files of the database: %w", err)
	}
	return n > 0, nil
}

// People returns all who are named, by pseudonym.
func (s *Store) People(ctx context.Context, org string) ([]Person, error) {
	ctx = within(ctx, org)
	const q = `SELECT pseudonym, name, email, login, source, added_at FROM person WHERE org = $1 ORDER BY pseudonym`
	out, err := queryRows(ctx, s.read, q, []any{org}, func(rows *sql.Rows, p *Person) error {
		var added int64
		err := rows.Scan(&p.Pseudonym, &p.Name, &p.Email, &p.Login, &p.Source, &added)
		p.AddedAt = whodid.FromMicros(added)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("couldn't read who is named: %w", err)
	}
	return out, nil
}

func pseudonymOf(actor string) string { return strings.TrimPrefix(actor, whodid.HumanActor("")) }
