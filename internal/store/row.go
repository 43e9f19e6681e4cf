package store

import (
	"database/sql"
	"fmt"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/proof"
)

// Row is an event as the store keeps it: with its place in the log and with
// what its proof needs.
type Row struct {
	whodid.Event
	// Seq is the index of the event's leaf in the log, from 0.
	Seq uint64
	// DataText is the event's metadata as the canonical JSON that is proved.
	DataText []byte
	// Salt opens the commitments; nil once the event is erased.
	Salt *proof.Salt
	// LeafHash is the event's hash in the tree.
	LeafHash proof.Hash
	// Commitments are kept only in place of erased values.
	Commitments []byte
	// ErasedBy names the request or policy that erased the values.
	ErasedBy string
}

// check refuses what would harm the log: a row without what proves it, and one
// of another organisation, for which another head counts.
func (r *Row) check(org string) error {
	switch {
	case r.Org != org:
		return fmt.Errorf("event %s is of the organisation %q, the log of %q", r.ID, r.Org, org)
	case r.ID == "" || r.LeafHash == proof.Hash{} || r.Salt == nil || len(r.DataText) == 0:
		return fmt.Errorf("event %s has no leaf in the tree yet", r.Key)
	default:
		return nil
	}
}

// eventColumns in the order of Row.args and of scanEvent.
const eventColumns = `org, seq, id, key, what, class, action, actor, actor_auth, on_behalf_of, on_behalf_auth, ` +
	`target, at, recorded_at, why, result, execution, session, approval, source, data, salt, leaf`

const insertEvent = `INSERT INTO event (` + eventColumns + `) VALUES ` +
	`($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18,$19,$20,$21,$22,$23)`

const insertEventArrays = `INSERT INTO event (` + eventColumns + `) SELECT o, s, i, k, w, c, a, ac, aa, ob, oa, t, at, ra, y, r, x, se, ap, so, d::json, sa, l ` +
	`FROM unnest($1::text[],$2::bigint[],$3::text[],$4::text[],$5::text[],$6::text[],$7::smallint[],$8::text[],$9::text[],$10::text[],$11::text[],` +
	`$12::text[],$13::bigint[],$14::bigint[],$15::text[],$16::text[],$17::text[],$18::text[],$19::text[],$20::text[],$21::text[],$22::bytea[],$23::bytea[]) ` +
	`AS u(o, s, i, k, w, c, a, ac, aa, ob, oa, t, at, ra, y, r, x, se, ap, so, d, sa, l)`

// classOf returns an event's retention class and whether it is an action.
func classOf(what string) (whodid.Class, int64) {
	kind, ok := whodid.KindOf(what)
	if !ok {
		return whodid.ClassPermanent, 0
	}
	if kind.Action {
		return kind.Class, 1
	}
	return kind.Class, 0
}

func (r *Row) args() []any {
	class, action := classOf(r.What)
	return []any{
		r.Org, int64(r.Seq), r.ID, r.Key, r.What, string(class), action, r.Actor, r.ActorAuth,
		r.OnBehalfOf, r.OnBehalfAuth, r.Target, whodid.Micros(r.At), whodid.Micros(r.RecordedAt), r.Why,
		string(r.Result), r.Execution, r.Session, r.Approval, r.Source, string(r.DataText), r.Salt[:], r.LeafHash[:],
	}
}

// eventArrays holds many rows by column.
type eventArrays struct {
	org, id, key, what, class, actor, actorAuth, behalf, behalfAuth []string
	target, why, result, execution, session, approval, source, data []string
	seq, at, recordedAt                                             []int64
	action                                                          []int16
	salt, leaf                                                      [][]byte
}

func (c *eventArrays) add(r *Row) {
	class, action := classOf(r.What)
	c.org = append(c.org, r.Org)
	c.seq = append(c.seq, int64(r.Seq))
	c.id = append(c.id, r.ID)
	c.key = append(c.key, r.Key)
	c.what = append(c.what, r.What)
	c.class = append(c.class, string(class))
	c.action = append(c.action, int16(action))
	c.actor = append(c.actor, r.Actor)
	c.actorAuth = append(c.actorAuth, r.ActorAuth)
	c.behalf = append(c.behalf, r.OnBehalfOf)
	c.behalfAuth = append(c.behalfAuth, r.OnBehalfAuth)
	c.target = append(c.target, r.Target)
	c.at = append(c.at, whodid.Micros(r.At))
	c.recordedAt = append(c.recordedAt, whodid.Micros(r.RecordedAt))
	c.why = append(c.why, r.Why)
	c.result = append(c.result, string(r.Result))
	c.execution = append(c.execution, r.Execution)
	c.session = append(c.session, r.Session)
	c.approval = append(c.approval, r.Approval)
	c.source = append(c.source, r.Source)
	c.data = append(c.data, string(r.DataText))
	c.salt = append(c.salt, r.Salt[:])
	c.leaf = append(c.leaf, r.LeafHash[:])
}

func (c *eventArrays) args() []any {
	return []any{
		c.org, c.seq, c.id, c.key, c.what, c.class, c.action, c.actor, c.actorAuth, c.behalf, c.behalfAuth,
		c.target, c.at, c.recordedAt, c.why, c.result, c.execution, c.session, c.approval, c.source, c.data, c.salt, c.leaf,
	}
}

// selectEvent lists the columns that scanEvent reads.
const selectEvent = `SELECT org, seq, id, key, what, class, action, actor, actor_auth, on_behalf_of, on_behalf_auth, target, at, recorded_at, ` +
	`why, result, execution, session, approval, source, data, salt, leaf, commitments, erased_by FROM event `

// scanner reads rows of selectEvent; its buffers are used again from row to
// row.
type scanner struct {
	class             string
	action            int64
	salt, leaf        sql.RawBytes
	data              sql.RawBytes
	commitments       []byte
	erasedBy          sql.NullString
	seq, at, recorded int64
}

// scan reads one row. Metadata stays text: parse it with [Row.ParseData].
func (s *scanner) scan(rows *sql.Rows, r *Row) error {
	var result string
	err := rows.Scan(&r.Org, &s.seq, &r.ID, &r.Key, &r.What, &s.class, &s.action, &r.Actor, &r.ActorAuth,
		&r.OnBehalfOf, &r.OnBehalfAuth, &r.Target, &s.at, &s.recorded, &r.Why, &result, &r.Execution, &r.Session,
		&r.Approval, &r.Source, &s.data, &s.salt, &s.leaf, &s.commitments, &s.erasedBy)
	if err != nil {
		return err
	}
	r.Seq = uint64(s.seq)
	r.At, r.RecordedAt = whodid.FromMicros(s.at), whodid.FromMicros(s.recorded)
	r.Result = whodid.Result(result)
	r.Data = nil
	r.DataText = append(r.DataText[:0], s.data...)
	r.Salt = nil
	if len(s.salt) == proof.SaltSize {
		r.Salt = (*proof.Salt)(append([]byte(nil), s.salt...))
	}
	r.LeafHash = proof.Hash{}
	copy(r.LeafHash[:], s.leaf)
	r.Commitments = s.commitments
	r.ErasedBy = s.erasedBy.String
	return nil
}

// misfiled says how the columns that are not in the leaf contradict it; empty
// if they do not.
func (s *scanner) misfiled(r *Row) string {
	class, action := classOf(r.What)
	if s.class != string(class) || s.action != action {
		return fmt.Sprintf("it is filed as class %q, action %d, which a %s is not", s.class, s.action, r.What)
	}
	return ""
}

// Record is the row as proofs are made of it.
func (r *Row) Record() proof.Record {
	return proof.Record{
		Event: &r.Event, Data: r.DataText, Salt: r.Salt,
		Commitments: r.Commitments, ErasedBy: r.ErasedBy, Index: r.Seq,
	}
}

// ParseData reads the metadata text into Data.
func (r *Row) ParseData() error {
	if r.Data != nil || len(r.DataText) == 0 {
		return nil
	}
	if err := r.Data.UnmarshalJSON(r.DataText); err != nil {
		return fmt.Errorf("metadata of event %s: %w", r.ID, err)
	}
	return nil
}
