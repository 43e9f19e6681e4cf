package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/proof"
)

// Log is the identity of an organisation's log. It never changes.
type Log struct {
	Org       string
	Origin    string
	PublicKey string
	CreatedAt time.Time
}

// Head is where a log stands: its tree and the signed checkpoint over it.
type Head struct {
	Frontier   proof.Frontier
	Checkpoint string
	// Edge is the leaf hashes after the last complete tile: the part of the
	// tree that no tile holds yet.
	Edge []proof.Hash
}

// Tile is a complete tile of the tree, C2SP tlog-tiles: 256 hashes.
type Tile struct {
	Level  int
	N      uint64
	Hashes []proof.Hash
}

// ErrNoLog means that the organisation has no log yet.
var ErrNoLog = errors.New("the trail has no log yet: nothing has been recorded")

// ErrDamaged means that what is stored can't be what was stored: verify tells
// of it as of any other change.
var ErrDamaged = errors.New("the trail is damaged")

// CreateLog gives an organisation its log. If it has one already, that one
// stays; the log that stands is returned in either case.
func (s *Store) CreateLog(ctx context.Context, l Log, empty Head) (Log, error) {
	if err := checkOrg(l.Org); err != nil {
		return Log{}, fmt.Errorf("couldn't create the log: %w", err)
	}
	ctx = within(ctx, l.Org)
	err := s.inWriteTx(ctx, func(tx *sql.Tx) error {
		const log = `INSERT INTO log (org, origin, public_key, created_at) VALUES ($1, $2, $3, $4) ON CONFLICT (org) DO NOTHING`
		res, err := tx.ExecContext(ctx, log, l.Org, l.Origin, l.PublicKey, whodid.Micros(l.CreatedAt))
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return err
		}
		const head = `INSERT INTO head (org, size, frontier, edge, checkpoint) VALUES ($1, 0, $2, $3, $4)`
		_, err = tx.ExecContext(ctx, head, l.Org, []byte{}, []byte{}, empty.Checkpoint)
		return err
	})
	if err != nil {
		return Log{}, fmt.Errorf("couldn't create the log: %w", err)
	}
	return s.Log(ctx, l.Org)
}

// Log returns the identity of an organisation's log, or ErrNoLog.
func (s *Store) Log(ctx context.Context, org string) (Log, error) {
	ctx = within(ctx, org)
	l := Log{Org: org}
	var created int64
	err := s.read.QueryRowContext(ctx, `SELECT origin, public_key, created_at FROM log WHERE org = $1`, org).
		Scan(&l.Origin, &l.PublicKey, &created)
	if errors.Is(err, sql.ErrNoRows) {
		return Log{}, ErrNoLog
	}
	if err != nil {
		return Log{}, fmt.Errorf("couldn't read the log's identity: %w", err)
	}
	l.CreatedAt = whodid.FromMicros(created)
	return l, nil
}

// Head returns where the log stands, or ErrNoLog.
func (s *Store) Head(ctx context.Context, org string) (Head, error) {
	ctx = within(ctx, org)
	return readHead(ctx, s.read, org)
}

// Extend puts leaves at the end of a log, in order, and signs the new head. It
// is called with the head locked, so it should do no more than that.
type Extend func(h Head, leaves []proof.Hash) (Head, error)

// Append adds those rows that the trail does not hold yet to the end of the
// log, in order, together with the executions that they change and the new
// head, in one transaction: when it returns, they are on disk. It sets Seq of
// the rows that it added and returns them.
//
// An attempt whose result is known, here or in the trail, is left out, and so
// is a supposed start of an execution that is known.
func (s *Store) Append(ctx context.Context, org string, rows []*Row, extend Extend) ([]*Row, error) {
	ctx = within(ctx, org)
	for _, r := range rows {
		if err := r.check(org); err != nil {
			return nil, fmt.Errorf("couldn't append to the trail: %w", err)
		}
	}
	if len(rows) == 0 {
		return nil, nil
	}
	readySearch(org, rows)
	added, err := s.appendOnce(ctx, org, rows, extend, s.dialect.asksFirst() || s.asks())
	if errors.Is(err, errTaken) {
		s.doubts.Store(doubtsAfter)
		added, err = s.appendOnce(ctx, org, rows, extend, true)
	}
	if err != nil {
		err = fmt.Errorf("couldn't append to the trail: %w", err)
		if ctx.Err() == nil {
			s.unappended.Store(&AppendFailure{Err: err})
		}
		return nil, err
	}
	if s.unappended.Load() != nil {
		s.unappended.Store(nil)
	}
	return added, nil
}

// AppendFailure is an append that failed, for no reason of its caller's.
type AppendFailure struct{ Err error }

// LastFailure is the last append of this process if it failed; nil if it went
// well. Each failure is another.
func (s *Store) LastFailure() *AppendFailure { return s.unappended.Load() }

// errTaken means that an id is taken that nobody asked about before.
var errTaken = errors.New("an event is in the trail already")

// doubtsAfter is for how many appends the ids are asked about after one brought
// what the trail had. Most bring nothing but news: then the index says so when
// it takes them, and to have asked it before would cost as much again. An append
// that finds out so that it was wrong has to be made again.
const doubtsAfter = 256

// asks tells whether the next append asks which ids are taken.
func (s *Store) asks() bool { return s.doubts.Load() > 0 && s.doubts.Add(-1) >= 0 }

// appendOnce is one try to append. If it asked which of the rows' own ids are
// taken, they can't be.
func (s *Store) appendOnce(ctx context.Context, org string, rows []*Row, extend Extend, ask bool) ([]*Row, error) {
	var added []*Row
	var months string
	err := s.dialect.inAppendTx(ctx, s, func(tx appendTx) error {
		b, err := tx.before(ctx, org, idsOf(rows, ask), executionsOf(rows))
		if err != nil {
			return err
		}
		if len(b.ids) > 0 {
			s.doubts.Store(doubtsAfter)
		}
		if added = b.unknown(rows); len(added) == 0 {
			return nil
		}
		if months, err = s.prepareMonths(ctx, tx, added); err != nil {
			return err
		}
		a, err := s.addition(ctx, tx, org, b, added, extend)
		if err != nil {
			return err
		}
		return tx.write(ctx, org, a)
	})
	if err != nil {
		return nil, err
	}
	if len(added) > 0 {
		s.months.Store(months) // only now: what a transaction that failed made is gone
	}
	return added, nil
}

// appendTx is the transaction of one append. The two engines go about it each
// in its own way: a statement costs SQLite nothing but itself, and PostgreSQL a
// round trip while the head is locked.
type appendTx interface {
	querier
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	// before locks the head and reads what an append rests on: which of the ids
	// are taken, and the executions with these ids.
	before(ctx context.Context, org string, ids, executions []string) (*before, error)
	// write writes all of an addition.
	write(ctx context.Context, org string, a *addition) error
}

// before is the trail as an append finds it.
type before struct {
	head       Head
	ids        map[string]bool
	executions map[string]*whodid.Execution
}

// addition is everything that an append writes.
type addition struct {
	rows       []*Row
	tiles      []Tile
	head       Head
	executions [][]any // the columns of each
	redacted   []Redaction
	actions    []actionHour
	blocks     []searchBlock
}

// idsOf lists the ids that decide which of the rows are new: their own, unless
// those need not be asked about, and those that attempts would settle under.
func idsOf(rows []*Row, own bool) []string {
	ids := make([]string, 0, len(rows))
	for _, r := range rows {
		if own {
			ids = append(ids, r.ID)
		}
		if settled, attempt := whodid.SettledID(r.ID); attempt {
			ids = append(ids, settled)
		}
	}
	return ids
}

// executionsOf lists the executions that the rows change, or suppose the start
// of.
func executionsOf(rows []*Row) []string {
	touched := map[string]bool{}
	for _, r := range rows {
		for _, id := range r.Folds() {
			touched[id] = true
		}
	}
	return slices.Sorted(maps.Keys(touched))
}

// unknown leaves out the rows that the trail, or an earlier row, holds.
func (b *before) unknown(rows []*Row) []*Row {
	settled, started := map[string]bool{}, map[string]bool{}
	for _, r := range rows {
		if _, attempt := whodid.SettledID(r.ID); !attempt {
			settled[r.ID] = true
		}
		if r.What == "execution.start" && !r.Supposed {
			started[r.Execution] = true
		}
	}
	out := make([]*Row, 0, len(rows))
	for _, r := range rows {
		id, attempt := whodid.SettledID(r.ID)
		if b.ids[r.ID] || attempt && (b.ids[id] || settled[id]) {
			continue
		}
		if r.Supposed && (started[r.Execution] || b.executions[r.Execution] != nil) {
			continue
		}
		b.ids[r.ID] = true
		out = append(out, r)
	}
	return out
}

// addition works out what appending the rows writes.
func (s *Store) addition(ctx context.Context, q querier, org string, b *before, rows []*Row, extend Extend) (*addition, error) {
	size := b.head.Frontier.Size()
	leaves := make([]proof.Hash, len(rows))
	for i, r := range rows {
		r.Seq = size + uint64(i)
		leaves[i] = r.LeafHash
	}
	edge := append(b.head.Edge, leaves...)
	next, err := extend(b.head, leaves)
	if err != nil {
		return nil, err
	}
	a := &addition{rows: rows, head: next, redacted: redactionsOf(rows), actions: actionsOf(rows), blocks: blocksOf(rows)}
	if a.tiles, a.head.Edge, err = s.completeTiles(ctx, q, org, size, edge); err != nil {
		return nil, err
	}
	a.executions, err = b.fold(org, rows)
	return a, err
}

// prepareMonths makes room for the rows, and returns the span of months that is
// there once the transaction is kept.
func (s *Store) prepareMonths(ctx context.Context, tx appendTx, rows []*Row) (string, error) {
	first, last := rows[0].RecordedAt, rows[0].RecordedAt
	for _, r := range rows {
		if r.RecordedAt.Before(first) {
			first = r.RecordedAt
		}
		if r.RecordedAt.After(last) {
			last = r.RecordedAt
		}
	}
	const month = "200601"
	span := first.UTC().Format(month) + last.UTC().Format(month)
	if s.months.Load() == span {
		return span, nil
	}
	return span, s.dialect.prepareMonths(ctx, tx, first, last)
}

// completeTiles returns the tiles that become complete when leaves are added
// at size, and what is left over. hashes are those after the last complete
// tile, old and new. Of higher levels only complete tiles are stored too; what
// is missing there are the roots of complete tiles below.
func (s *Store) completeTiles(ctx context.Context, q querier, org string, size uint64, hashes []proof.Hash) (tiles []Tile, edge []proof.Hash, err error) {
	for level := 0; ; level++ {
		n := size >> proof.TileHeight // complete tiles of this level before
		var roots []proof.Hash
		for ; len(hashes) >= proof.TileWidth; n++ {
			tile := hashes[:proof.TileWidth]
			hashes = hashes[proof.TileWidth:]
			root, err := proof.TileRoot(tile)
			if err != nil {
				return nil, nil, err
			}
			roots = append(roots, root)
			tiles = append(tiles, Tile{Level: level, N: n, Hashes: tile})
		}
		if level == 0 {
			edge = hashes
		}
		if len(roots) == 0 {
			return tiles, edge, nil
		}
		size >>= proof.TileHeight
		left := int(size & (proof.TileWidth - 1))
		if left+len(roots) < proof.TileWidth {
			return tiles, edge, nil // nothing is complete above; what is there need not be read
		}
		before, err := s.edge(ctx, q, org, level+1, size>>proof.TileHeight, left)
		if err != nil {
			return nil, nil, err
		}
		hashes = append(before, roots...)
	}
}

const selectHead = `SELECT size, frontier, edge, checkpoint FROM head WHERE org = $1`

func readHead(ctx context.Context, q querier, org string) (Head, error) {
	return scanHead(q.QueryRowContext(ctx, selectHead, org))
}

func scanHead(row interface{ Scan(into ...any) error }) (Head, error) {
	var h Head
	var size int64
	var frontier, edge []byte
	err := row.Scan(&size, &frontier, &edge, &h.Checkpoint)
	if errors.Is(err, sql.ErrNoRows) {
		return Head{}, ErrNoLog
	}
	if err != nil {
		return Head{}, fmt.Errorf("couldn't read the head: %w", err)
	}
	roots, err := unpackHashes(frontier)
	if err != nil {
		return Head{}, fmt.Errorf("%w: its frontier: %w", ErrDamaged, err)
	}
	if h.Frontier, err = proof.NewFrontier(uint64(size), roots); err != nil {
		return Head{}, fmt.Errorf("%w: its frontier: %w", ErrDamaged, err)
	}
	if h.Edge, err = unpackHashes(edge); err != nil {
		return Head{}, fmt.Errorf("%w: its edge: %w", ErrDamaged, err)
	}
	return h, nil
}

const updateHead = `UPDATE head SET size = $2, frontier = $3, edge = $4, checkpoint = $5 WHERE org = $1`

// args are the parameters of updateHead.
func (h *Head) args(org string) []any {
	return []any{org, int64(h.Frontier.Size()), packHashes(h.Frontier.Roots()), packHashes(h.Edge), h.Checkpoint}
}

func (s *Store) inWriteTx(ctx context.Context, do func(*sql.Tx) error) error {
	defer s.turn.take(ctx)()
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return explain(err)
	}
	defer tx.Rollback()
	if err := do(tx); err != nil {
		return explain(err)
	}
	return explain(tx.Commit())
}

func packHashes(hashes []proof.Hash) []byte {
	b := make([]byte, 0, len(hashes)*len(proof.Hash{}))
	for i := range hashes {
		b = append(b, hashes[i][:]...)
	}
	return b
}

func unpackHashes(b []byte) ([]proof.Hash, error) {
	const size = len(proof.Hash{})
	if len(b)%size != 0 {
		return nil, fmt.Errorf("%d bytes are not a list of hashes", len(b))
	}
	out := make([]proof.Hash, len(b)/size)
	for i := range out {
		copy(out[i][:], b[i*size:])
	}
	return out, nil
}
