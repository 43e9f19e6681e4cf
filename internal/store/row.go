package store

import (
	"bytes"
	"database/sql"
	"encoding/binary"
	"errors"
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
	// Supposed marks a start that no source told of, inferred from what came
	// after it: it is appended only if the execution is not known.
	Supposed bool
	// Redacted says how often each rule took something out of the event. It is
	// counted if the row is new, and is not a part of it.
	Redacted map[string]int
	// words are the digests of the words of its texts, while it is appended.
	words [][]int64
}

// check refuses what would harm the log: a row without what proves it, and one
// of another organisation, for which another head counts.
func (r *Row) check(org string) error {
	switch {
	case r.Org != org:
		return fmt.Errorf("%w: event %s is of the organisation %q, the log of %q", errRow, r.ID, r.Org, org)
	case r.ID == "" || r.LeafHash == proof.Hash{} || r.Salt == nil || len(r.DataText) == 0:
		return fmt.Errorf("%w: event %s has no leaf in the tree yet", errRow, r.Key)
	default:
		return nil
	}
}

// eventColumns in the order of Row.args and of scanEvent.
const eventColumns = `org, seq, id, key, what, class, action, actor, actor_auth, on_behalf_of, on_behalf_auth, ` +
	`target, at, recorded_at, why, result, execution, session, approval, source, data, salt, leaf`

const insertEvent = `INSERT INTO event (` + eventColumns + `) VALUES ` +
	`($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18,$19,$20,$21,$22,$23)`

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
	kept              proof.Salt
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

// raw reads one row of selectEvent as PostgreSQL sends it. Most texts are those of the
// row before, and are kept.
func (s *scanner) raw(v [][]byte, r *Row) error {
	const columns, seq, class, action, at, recorded, result, data = 25, 1, 5, 6, 12, 13, 15, 20
	if len(v) != columns || len(v[seq]) != 8 || len(v[action]) != 2 || len(v[at]) != 8 || len(v[recorded]) != 8 {
		return errors.New("an event has other columns than it should")
	}
	for i, text := range [data]*string{
		0: &r.Org, 2: &r.ID, 3: &r.Key, 4: &r.What, class: &s.class, 7: &r.Actor, 8: &r.ActorAuth, 9: &r.OnBehalfOf, 10: &r.OnBehalfAuth, 11: &r.Target,
		14: &r.Why, result: (*string)(&r.Result), 16: &r.Execution, 17: &r.Session, 18: &r.Approval, 19: &r.Source,
	} {
		if text != nil && *text != string(v[i]) {
			*text = string(v[i])
		}
	}
	r.Seq = binary.BigEndian.Uint64(v[seq])
	s.action = int64(int16(binary.BigEndian.Uint16(v[action])))
	r.At = whodid.FromMicros(int64(binary.BigEndian.Uint64(v[at])))
	r.RecordedAt = whodid.FromMicros(int64(binary.BigEndian.Uint64(v[recorded])))
	r.Data = nil
	r.DataText = append(r.DataText[:0], v[data]...)
	r.Salt = nil
	if salt := v[data+1]; len(salt) == proof.SaltSize {
		r.Salt = &s.kept
		copy(s.kept[:], salt)
	}
	r.LeafHash = proof.Hash{}
	copy(r.LeafHash[:], v[data+2])
	r.Commitments, r.ErasedBy = bytes.Clone(v[data+3]), string(v[data+4])
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
