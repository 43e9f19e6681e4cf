package store

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
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

// The bounds of what is read at once. Blocks are looked up together, and those that
// are near each other are read as one. The first statement reads few of them, for
// words that are common are found in those; each that follows reads twice as much.
const (
	blocksTogether = 256
	gapBetween     = maxBlock / 2
	firstRead      = 2 * maxBlock
	mostRead       = 32 * maxBlock
)

// Search finds the newest events before a place that have the words and fit.
func (s *Store) Search(ctx context.Context, org string, q *SearchQuery) (*SearchFound, error) {
	ctx = within(ctx, org)
	found := &SearchFound{Next: q.Before}
	examined, most := uint64(0), uint64(firstRead)
	for {
		blocks, err := s.searchBlocks(ctx, org, q, found.Next)
		if err != nil {
			return nil, fmt.Errorf("couldn't search the trail: %w", err)
		}
		last := len(blocks) < blocksTogether
		for len(blocks) > 0 {
			n, read := searchTogether(blocks, most)
			done, err := s.searchSpans(ctx, org, q, blocks[:n], found)
			if err != nil {
				return nil, fmt.Errorf("couldn't search the trail: %w", err)
			}
			if examined += read; !done || len(found.Rows) >= q.Max || examined >= uint64(q.Examine) {
				found.More = found.Next > 0
				return found, nil
			}
			blocks, most = blocks[n:], min(2*most, mostRead)
		}
		if last {
			return found, nil
		}
	}
}

// searchTogether tells how many of the blocks to read at once, at least one, and
// how many places they have.
func searchTogether(blocks []searchBlock, most uint64) (n int, places uint64) {
	for n < len(blocks) && (n == 0 || places < most) {
		places += blocks[n].last - blocks[n].first + 1
		n++
	}
	return n, places
}

// searchSpans reads the events of blocks that fit, until there are enough. It
// tells whether the blocks have been read to their end.
func (s *Store) searchSpans(ctx context.Context, org string, q *SearchQuery, blocks []searchBlock, found *SearchFound) (done bool, err error) {
	for {
		c := s.searchClause(org, q, blocks, found.Next)
		limit := q.Max - len(found.Rows) + searchSlack
		query, args := s.dialect.spans(c, spansOf(blocks, found.Next))
		rows, err := s.read.QueryContext(ctx, query+fmt.Sprintf(" ORDER BY seq DESC LIMIT %d", limit), args...)
		if err != nil {
			return false, err
		}
		read, err := found.take(rows, q)
		switch {
		case err != nil:
			return false, err
		case len(found.Rows) >= q.Max:
			return false, nil
		case read < limit:
			found.Next = blocks[len(blocks)-1].first
			return true, nil
		}
	}
}

// take takes events that are accepted, until there are enough, and returns how
// many it has read.
func (f *SearchFound) take(rows *sql.Rows, q *SearchQuery) (read int, err error) {
	defer rows.Close()
	var r Row
	var sc scanner
	for len(f.Rows) < q.Max && rows.Next() {
		if err := sc.scan(rows, &r); err != nil {
			return read, err
		}
		if err := r.ParseData(); err != nil {
			return read, err
		}
		read++
		f.Next = r.Seq
		if !q.Accept(&r) {
			continue
		}
		row := r
		row.DataText = bytes.Clone(r.DataText)
		f.Rows = append(f.Rows, row)
	}
	return read, rows.Err()
}

// spansOf are the places of blocks that are before a place: those that are near
// each other as one.
func spansOf(blocks []searchBlock, before uint64) (spans [][2]int64) {
	for i := range blocks {
		b := &blocks[i]
		if b.first >= before {
			continue
		}
		if n := len(spans); n > 0 && spans[n-1][0]-int64(b.last) <= gapBetween {
			spans[n-1][0] = int64(b.first)
			continue
		}
		spans = append(spans, [2]int64{int64(b.first), int64(min(b.last, before-1))})
	}
	return spans
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
	const listing = "SELECT first FROM search_word WHERE org = $1 AND word = ? AND first < $3"
	for _, w := range slices.Compact(slices.Sorted(slices.Values(q.Words))) {
		now, before := lookedFor(seed, w), lookedForBefore(seed, w)
		if now == before {
			c.add("first IN ("+listing+")", now)
			continue
		}
		c.conditions = append(c.conditions, "(first IN ("+strings.Replace(listing, "?", c.arg(now), 1)+") OR first IN ("+strings.Replace(listing, "?", c.arg(before), 1)+
			") AND NOT EXISTS (SELECT 1 FROM search_word AS a WHERE a.org = $1 AND a.word = "+c.arg(allLengths(seed))+" AND a.first = search_block.first))")
	}
	return s.blocks(ctx, s.read, c.where()+fmt.Sprintf(" ORDER BY first DESC LIMIT %d", blocksTogether), c.args)
}

func (s *Store) blocks(ctx context.Context, q querier, where string, args []any) ([]searchBlock, error) {
	query := `SELECT lane, first, last, since, until, recorded_since, recorded_until FROM search_block ` + where
	return queryRows(ctx, q, query, args, func(rows *sql.Rows, b *searchBlock) error {
		var lane, first, last int64
		err := rows.Scan(&lane, &first, &last, &b.since, &b.until, &b.recordedSince, &b.recordedUntil)
		b.lane, b.first, b.last = whodid.SearchLane(lane), uint64(first), uint64(last)
		return err
	})
}

// searchedText is all of an event that may hold a word.
const searchedText = `(what || ' ' || actor || ' ' || target || ' ' || why || ' ' || CAST(data AS TEXT))`

// notSettled leaves out attempts whose result is known.
const notSettled = `NOT (id LIKE 'try-%' AND EXISTS (SELECT 1 FROM event_id AS settled WHERE settled.org = event.org AND settled.id = 'evt-' || substr(event.id, 5)))`

// searchClause is the condition of what is looked for in blocks, before a place.
func (s *Store) searchClause(org string, q *SearchQuery, blocks []searchBlock, before uint64) *clause {
	c := &clause{dialect: s.dialect}
	c.events(org, &q.Selection)
	c.inRuns(q.Runs)
	since, until := blocks[0].recordedSince, blocks[0].recordedUntil
	for i := range blocks {
		since, until = min(since, blocks[i].recordedSince), max(until, blocks[i].recordedUntil)
	}
	c.add("seq < ?", int64(min(before, 1<<62)))
	c.add("recorded_at >= ?", since)
	c.add("recorded_at <= ?", until)
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
	return c
}

// spans is a query for the events of some places that fit. The places are gone
// through one by one, each by the index: PostgreSQL takes milliseconds to plan a
// statement over many months, and would be asked for each.
func (sqlite) spans(c *clause, spans [][2]int64) (query string, args []any) {
	list, _ := json.Marshal(spans) // numbers always marshal
	place := c.arg(string(list))
	return searchColumns + `FROM (SELECT json_extract(value, '$[0]') AS first_place, json_extract(value, '$[1]') AS last_place FROM json_each(` + place + `)) AS span ` +
		`CROSS JOIN event ` + c.where() + ` AND seq >= span.first_place AND seq <= span.last_place`, c.args
}

func (postgres) spans(c *clause, spans [][2]int64) (query string, args []any) {
	first, last := make([]int64, len(spans)), make([]int64, len(spans))
	for i, s := range spans {
		first[i], last[i] = s[0], s[1]
	}
	from := `FROM unnest(` + c.arg(first) + `::bigint[], ` + c.arg(last) + `::bigint[]) AS span(first_place, last_place), LATERAL (SELECT event.* FROM event `
	return searchColumns + from + c.where() + ` AND seq >= span.first_place AND seq <= span.last_place OFFSET 0) AS event`, c.args
}

// searchColumns are those of selectEvent.
var searchColumns = strings.TrimSuffix(selectEvent, "FROM event ")

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
