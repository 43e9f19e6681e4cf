package store

import (
	"context"
	"fmt"
	"time"

	"github.com/whodid/whodid"
)

// ApprovalFilter selects approvals by their requests. Zero fields select
// everything.
type ApprovalFilter struct {
	// Digest is that of the exact arguments.
	Digest string
	// Before selects what was requested before that place in the log; 0 is no
	// bound.
	Before uint64
	Limit  int // the newest; 0 is no limit
}

// ApprovalRequests returns the requests that are selected, the last recorded
// first.
func (s *Store) ApprovalRequests(ctx context.Context, org string, f ApprovalFilter) ([]Row, error) {
	ctx = within(ctx, org)
	where := `WHERE org = $1 AND class = 'permanent' AND what = 'approval.request'`
	args := []any{org}
	order := " ORDER BY seq DESC"
	if f.Digest != "" {
		if !storable(f.Digest) {
			return nil, nil
		}
		args = append(args, f.Digest)
		where += fmt.Sprintf(" AND data ->> 'digest' = $%d", len(args))
		order = " ORDER BY seq + 0 DESC" // few have it, so that the index of digests is the one to take
	}
	if f.Before > 0 {
		args = append(args, int64(f.Before))
		where += fmt.Sprintf(" AND seq < $%d", len(args))
	}
	if f.Limit > 0 {
		order += fmt.Sprintf(" LIMIT %d", f.Limit)
	}
	return s.collect(ctx, where+order, args)
}

// ApprovalParts returns the events that approvals are made of, by approval, each
// in the order of the log.
func (s *Store) ApprovalParts(ctx context.Context, org string, ids []string) (map[string][]whodid.Event, error) {
	ctx = within(ctx, org)
	condition, arg := s.dialect.among("approval", 2, ids)
	rows, err := s.collect(ctx, approvalParts+condition+" ORDER BY seq + 0", []any{org, arg})
	if err != nil {
		return nil, err
	}
	out := make(map[string][]whodid.Event, len(ids))
	for i := range rows {
		out[rows[i].Approval] = append(out[rows[i].Approval], rows[i].Event)
	}
	return out, nil
}

// ApprovalRows are the rows of the events that an approval is made of.
func (s *Store) ApprovalRows(ctx context.Context, org, id string) ([]Row, error) {
	ctx = within(ctx, org)
	if !storable(id) {
		return nil, nil
	}
	return s.collect(ctx, approvalParts+"approval = $2 ORDER BY seq + 0", []any{org, id})
}

const approvalParts = `WHERE org = $1 AND class = 'permanent' AND approval <> '' AND what IN ` +
	`('approval.request', 'approval.grant', 'approval.reject', 'approval.cancel', 'approval.expire', 'approval.use') AND `

// ApprovalUses returns the actions that were done under an approval.
func (s *Store) ApprovalUses(ctx context.Context, org, id string) ([]Row, error) {
	ctx = within(ctx, org)
	if !storable(id) {
		return nil, nil
	}
	return s.collect(ctx, `WHERE org = $1 AND approval <> '' AND approval = $2 AND action = 1 ORDER BY seq + 0`, []any{org, id})
}

// ResolveApproval returns the id of the only approval that begins with the
// prefix, which may leave out "appr-". It returns ErrNotFound if there is none,
// and an AmbiguousError if there are several.
func (s *Store) ResolveApproval(ctx context.Context, org, prefix string) (string, error) {
	ctx = within(ctx, org)
	if !storable(prefix) {
		return "", fmt.Errorf("approval %q: %w", prefix, ErrNotFound)
	}
	const q = `SELECT DISTINCT approval FROM event WHERE org = $1 AND class = 'permanent' AND approval <> '' AND what = 'approval.request' AND approval >= $2 AND approval < $3 ORDER BY approval LIMIT 6`
	for _, p := range []string{prefix, whodid.PrefixApproval + "-" + prefix} {
		ids, err := queryColumn[string](ctx, s.read, q, org, p, p+"\x7f")
		switch {
		case err != nil:
			return "", fmt.Errorf("couldn't look up approval %q: %w", prefix, err)
		case len(ids) == 1 || len(ids) > 1 && ids[0] == p:
			return ids[0], nil
		case len(ids) > 1:
			return "", &AmbiguousError{Prefix: prefix, IDs: ids}
		}
	}
	return "", fmt.Errorf("approval %q: %w", prefix, ErrNotFound)
}

// ApprovalsNotGranted returns the approvals that were asked for before the end of a
// time, or of the one before it, and were then neither over before that time began
// nor plainly granted: those that waited, ran out, were refused, or have to be looked
// at. The last asked for come first.
func (s *Store) ApprovalsNotGranted(ctx context.Context, org string, beforeSince, since, until time.Time) ([]string, error) {
	const q = `SELECT approval FROM approval_end WHERE org = $1 AND requested < $4 AND (decided IS NULL OR decided >= $2) ` +
		`AND NOT (granted = 1 AND (decided < $3 OR requested >= $3 AND decided < $4)) ORDER BY requested DESC, approval`
	ids, err := queryColumn[string](within(ctx, org), s.read, q, org, whodid.Micros(beforeSince), whodid.Micros(since), whodid.Micros(until))
	if err != nil {
		return nil, fmt.Errorf("couldn't look for approvals: %w", explain(err))
	}
	return ids, nil
}
