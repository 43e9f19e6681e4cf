package store

import (
	"context"

	"github.com/whodid/whodid"
)

const (
	passkeyEvents = `WHERE org = $1 AND class = 'permanent' AND what IN ('passkey.register', 'passkey.revoke') ORDER BY seq`
	lastOfKey     = `WHERE org = $1 AND class = 'permanent' AND what IN ('approval.grant', 'approval.reject', 'passkey.register', 'passkey.revoke') ` +
		`AND data ->> 'signing_key' = $2 ORDER BY seq DESC LIMIT 1`
)

// Passkeys are those of an organisation, in the order in which they were registered.
func (s *Store) Passkeys(ctx context.Context, org string) ([]whodid.Passkey, error) {
	rows, err := s.PasskeyRows(ctx, org)
	if err != nil {
		return nil, err
	}
	events := make([]whodid.Event, len(rows))
	for i := range rows {
		events[i] = rows[i].Event
	}
	return whodid.FoldPasskeys(events), nil
}

// PasskeyRows are the rows of the events that tell of passkeys.
func (s *Store) PasskeyRows(ctx context.Context, org string) ([]Row, error) {
	return s.collect(within(ctx, org), passkeyEvents, []any{org})
}

// LastOfKey is the last event of a key that signs: a decision that it signed, its
// registration as a passkey or its revocation; ok is false if there is none.
func (s *Store) LastOfKey(ctx context.Context, org, fingerprint string) (e whodid.Event, ok bool, err error) {
	if !storable(fingerprint) {
		return e, false, nil
	}
	rows, err := s.collect(within(ctx, org), lastOfKey, []any{org, fingerprint})
	if err != nil || len(rows) == 0 {
		return e, false, err
	}
	return rows[0].Event, true, nil
}
