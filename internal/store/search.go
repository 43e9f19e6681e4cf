package store

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/whodid/whodid"
)

// SearchQuery is what a search looks for in one lane.
type SearchQuery struct {
	// Selection has the terms of events, the squads and the time.
	Selection Selection
	// Runs are terms of the runs that events belong to.
	Runs []whodid.Term
	// Words must all be in an event, as [whodid.SearchWords] gives them; a word of
	// four letters or more also as the beginning of another.
	Words []string
	Lane  whodid.SearchLane
	// Before is the place before which to look.
	Before uint64
	// Max is how many events to find, and Examine about how many places of the
	// log to look at for that.
	Max, Examine int
	// Accept has the last word on an event, whose text may only hold the words
	// as parts of others.
	Accept func(*Row) bool
}

// SearchFound are the events that a search found.
type SearchFound struct {
	Rows []Row // the last recorded first
	// Next is the place before which to go on, and More tells whether there may be
	// more.
	Next uint64
	More bool
}

// blocksTogether is how many blocks are looked up at a time, and gap how far two
// may be apart to be read as one.
const (
	blocksTogether = 64
	gapBetween     = 4 * maxBlock
	spanTogether   = 64 * maxBlock
)

// Search finds the newest events before a place that have the words and fit.
func (s *Store) Search(ctx context.Context, org string, q *SearchQuery) (*SearchFound, error) {
	ctx = within(ctx, org)
	found := &SearchFound{Next: q.Before}
	for examined := uint64(0); ; {
		blocks, err := s.searchBlocks(ctx, org, q, found.Next)
		if err != nil {
			return nil, fmt.Errorf("couldn't search the trail: %w", err)
		}
		for i := 0; i < len(blocks); {
			span := blocks[i]
			for i++; i < len(blocks) && span.first-blocks[i].last <= gapBetween && span.last-blocks[i].first <= spanTogether; i++ {
				span.first = blocks[i].first
				span.recordedSince, span.recordedUntil = min(span.recordedSince, blocks[i].recordedSince), max(span.recordedUntil, blocks[i].recordedUntil)
			}
			for whole := false; !whole; {
				if whole, err = s.searchSpan(ctx, org, q, &span, found); err != nil {
					return nil, fmt.Errorf("couldn't search the trail: %w", err)
				}
				if len(found.Rows) >= q.Max {
					found.More = true
					return found, nil
				}
			}
			found.Next = span.first
			examined += min(span.last, q.Before) - span.first + 1
			if examined >= uint64(q.Examine) {
				found.More = found.Next > 0
				return found, nil
			}
		}
		if len(blocks) < blocksTogether {
			return found, nil
		}
	}
}

// searchBlocks returns the last blocks that begin before a place and list all the
// words.
func (s *Store) searchBlocks(ctx context.Context, org string, q *SearchQuery, before uint64) ([]searchBlock, error) {
	c := clause{dialect: s.dialect}
	c.add("org = ?", org)
	c.add("lane = ?", int64(q.Lane))
	c.add("first < ?", int64(min(before, 1<<62)))
	if !q.Selection.Since.IsZero() {
		c.add("until >= ?", whodid.Micros(q.Selection.Since))
	}
	if !q.Selection.Until.IsZero() {
		c.add("since < ?", whodid.Micros(q.Selection.Until))
	}
	seed := searchSeed(org, q.Lane)
	var digests []int64
	for _, w := range q.Words {
		digests = append(digests, lookedFor(seed, w))
	}
	slices.Sort(digests)
	for _, d := range slices.Compact(digests) {
		c.add("first IN (SELECT first FROM search_word WHERE org = $1 AND word = ? AND first < $3)", d)
	}
	return s.blocks(ctx, s.read, c.where()+fmt.Sprintf(" ORDER BY first DESC LIMIT %d", blocksTogether), c.args)
}

func (s *Store) blocks(ctx context.Context, q querier, where string, args []any) ([]searchBlock, error) {
	rows, err := q.QueryContext(ctx, `SELECT lane, first, last, since, until, recorded_since, recorded_until FROM search_block `+where, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []searchBlock
	for rows.Next() {
		var b searchBlock
		var lane, first, last int64
		if err := rows.Scan(&lane, &first, &last, &b.since, &b.until, &b.recordedSince, &b.recordedUntil); err != nil {
			return nil, err
		}
		b.lane, b.first, b.last = whodid.SearchLane(lane), uint64(first), uint64(last)
		out = append(out, b)
	}
	return out, rows.Err()
}

// searchedText is all of an event that may hold a word.
const searchedText = `(what || ' ' || actor || ' ' || target || ' ' || why || ' ' || CAST(data AS TEXT))`

// notSettled leaves out attempts whose result is known.
const notSettled = `NOT (id LIKE 'try-%' AND EXISTS (SELECT 1 FROM event_id AS settled WHERE settled.org = event.org AND settled.id = 'evt-' || substr(event.id, 5)))`

// searchSpan reads events of a part of the log that fit, and tells whether it has
// read them all.
func (s *Store) searchSpan(ctx context.Context, org string, q *SearchQuery, span *searchBlock, found *SearchFound) (whole bool, err error) {
	c := clause{dialect: s.dialect}
	c.events(org, &q.Selection)
	c.inRuns(q.Runs)
	c.add("seq >= ?", int64(span.first))
	c.add("seq <= ?", int64(span.last))
	c.add("seq < ?", int64(min(found.Next, 1<<62)))
	c.add("recorded_at >= ?", span.recordedSince)
	c.add("recorded_at <= ?", span.recordedUntil)
	bulk := "what IN ('" + strings.Join(whodid.BulkKinds(), "', '") + "')"
	switch q.Lane {
	case whodid.SearchBulk:
		c.conditions = append(c.conditions, bulk)
	case whodid.SearchWork:
		c.conditions = append(c.conditions, "class IN ('run', 'session')", "NOT "+bulk)
	case whodid.SearchWord:
		c.conditions = append(c.conditions, "class = 'permanent'", "NOT "+bulk)
	}
	for _, w := range q.Words {
		if isASCII(w) && storable(w) { // letters and digits only
			c.conditions = append(c.conditions, s.dialect.lowerASCII(searchedText)+" LIKE "+c.arg("%"+w+"%"))
		}
	}
	c.conditions = append(c.conditions, notSettled)
	limit := q.Max - len(found.Rows) + searchSlack
	rows, err := s.read.QueryContext(ctx, selectEvent+c.where()+fmt.Sprintf(" ORDER BY seq DESC LIMIT %d", limit), c.args...)
	if err != nil {
		return false, err
	}
	defer rows.Close()
	var r Row
	var sc scanner
	read := 0
	for len(found.Rows) < q.Max && rows.Next() {
		if err := sc.scan(rows, &r); err != nil {
			return false, err
		}
		if err := r.ParseData(); err != nil {
			return false, err
		}
		read++
		found.Next = r.Seq
		if !q.Accept(&r) {
			continue
		}
		row := r
		row.DataText = bytes.Clone(r.DataText)
		found.Rows = append(found.Rows, row)
	}
	return read < limit, rows.Err()
}

// searchSlack is how many more events are read than are wanted, because some only
// hold the words as parts of others.
const searchSlack = 50

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
