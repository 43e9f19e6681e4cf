package store

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"

	"github.com/whodid/whodid"
)

// The index of a search has blocks: a part of the log that was appended together,
// of one lane, with a digest of each word in it. A word that a thousand events of a
// block have is listed once, so that the index costs an append a few hundredths of
// its time; an index over every event's words cost half of it. What a block lists is
// a hint: a search reads the events themselves.

// maxBlock bounds the places that a block spans.
const maxBlock = 512

// searchBlock is a part of the log with the words in it.
type searchBlock struct {
	lane                         whodid.SearchLane
	first, last                  uint64
	since, until                 int64 // of the events' own times
	recordedSince, recordedUntil int64
	words                        []int64
}

// beginnings are the lengths at which a word is listed by its beginning, so that
// beginnings of words are found. A shorter word is found as a whole only.
var beginnings = [...]int{4, 6, 8, 12}

// ofNumbers are those of words that begin with a digit. There are many numbers and few
// of a kind, so that four digits tell little: who looks for 33334 would find all blocks
// with 3333.
var ofNumbers = [...]int{4, 5, 6, 7, 8, 9, 10, 11, 12}

// beginningsOf are the lengths at which a word is listed.
func beginningsOf(word string) []int {
	if word != "" && word[0] >= '0' && word[0] <= '9' {
		return ofNumbers[:]
	}
	return beginnings[:]
}

// beginning cuts a word to so many letters, and tells whether it has as many.
func beginning(word string, letters int) (string, bool) {
	n := 0
	for i := range word {
		if n == letters {
			return word[:i], true
		}
		n++
	}
	return word, n == letters
}

// searchSeed begins the digests of the words of an organisation's lane.
func searchSeed(org string, lane whodid.SearchLane) uint64 {
	return digest(digest(14695981039346656037, org), string(rune('0'+int(lane))))
}

// digest is FNV-1a, which needs no key: who can read the index can read the trail.
func digest(h uint64, s string) uint64 {
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return h
}

// listed are the digests under which a block lists a word.
func listed(seed uint64, word string, yield func(int64)) {
	for i, letters := range beginningsOf(word) {
		b, long := beginning(word, letters)
		if !long && i > 0 {
			return
		}
		yield(int64(digest(seed, b)))
	}
}

// lookedFor is the digest that a block must list to have a word.
func lookedFor(seed uint64, word string) int64 { return atLengths(seed, word, beginningsOf(word)) }

// lookedForBefore is the one that a block must list which was made before numbers were
// listed at more lengths: those that do list [allLengths].
func lookedForBefore(seed uint64, word string) int64 { return atLengths(seed, word, beginnings[:]) }

func allLengths(seed uint64) int64 { return int64(digest(seed, "")) }

func atLengths(seed uint64, word string, lengths []int) int64 {
	for _, letters := range slices.Backward(lengths) {
		if b, long := beginning(word, letters); long {
			return int64(digest(seed, b))
		}
	}
	return int64(digest(seed, word))
}

// ReadySearch works out the words of rows before the head is locked.
func readySearch(org string, rows []*Row) {
	seeds := map[whodid.SearchLane]uint64{}
	type text struct {
		lane whodid.SearchLane
		text string
	}
	known := map[text][]int64{} // a batch says the same over and over
	for _, r := range rows {
		lane := whodid.SearchLaneOf(r.What)
		seed, ok := seeds[lane]
		if !ok {
			seed = searchSeed(org, lane)
			seeds[lane] = seed
		}
		parts := r.SearchParts()
		r.words = make([][]int64, len(parts))
		for i, p := range parts {
			key := text{lane, p.Text}
			words, ok := known[key]
			if !ok {
				whodid.SearchWords(p.Text, func(w string, _, _ int) {
					listed(seed, w, func(d int64) { words = append(words, d) })
				})
				known[key] = words
			}
			r.words[i] = words
		}
	}
}

// blocksOf gathers rows, which have their places, in blocks. One without words is
// a block too: a search may ask for a kind or an agent alone.
func blocksOf(rows []*Row) []searchBlock {
	var out []searchBlock
	open := map[whodid.SearchLane]*searchBlock{}
	seen := map[whodid.SearchLane]map[int64]struct{}{}
	for _, r := range rows {
		lane := whodid.SearchLaneOf(r.What)
		b := open[lane]
		if b != nil && r.Seq-b.first >= maxBlock {
			out = append(out, *b)
			b = nil
		}
		at, recorded := whodid.Micros(r.At), whodid.Micros(r.RecordedAt)
		if b == nil {
			b = &searchBlock{lane: lane, first: r.Seq, since: at, until: at, recordedSince: recorded, recordedUntil: recorded}
			open[lane], seen[lane] = b, map[int64]struct{}{}
		}
		b.last = r.Seq
		b.since, b.until = min(b.since, at), max(b.until, at)
		b.recordedSince, b.recordedUntil = min(b.recordedSince, recorded), max(b.recordedUntil, recorded)
		for _, words := range r.words {
			for _, w := range words {
				if _, known := seen[lane][w]; !known {
					seen[lane][w] = struct{}{}
					b.words = append(b.words, w)
				}
			}
		}
	}
	for _, lane := range whodid.SearchLanes() {
		if b := open[lane]; b != nil {
			out = append(out, *b)
		}
	}
	return out
}

// searchWord is a word of a block.
type searchWord struct {
	word, first int64
}

// wordsOf lists the words of blocks in the order of the index, each once.
func wordsOf(org string, blocks []searchBlock) []searchWord {
	n := len(blocks)
	for i := range blocks {
		n += len(blocks[i].words)
	}
	out := make([]searchWord, 0, n)
	for i := range blocks {
		out = append(out, searchWord{allLengths(searchSeed(org, blocks[i].lane)), int64(blocks[i].first)})
		for _, w := range blocks[i].words {
			out = append(out, searchWord{w, int64(blocks[i].first)})
		}
	}
	slices.SortFunc(out, func(a, b searchWord) int { return cmp.Or(cmp.Compare(a.word, b.word), cmp.Compare(a.first, b.first)) })
	return slices.Compact(out)
}

const (
	insertBlock = `INSERT INTO search_block (org, lane, first, last, since, until, recorded_since, recorded_until) ` +
		`VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING`
	insertWord        = `INSERT INTO search_word (org, word, first) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`
	insertBlockArrays = `INSERT INTO search_block (org, lane, first, last, since, until, recorded_since, recorded_until) ` +
		`SELECT $1::text, unnest($2::bigint[]), unnest($3::bigint[]), unnest($4::bigint[]), unnest($5::bigint[]), unnest($6::bigint[]), unnest($7::bigint[]), unnest($8::bigint[])`
	insertWordArrays = `INSERT INTO search_word (org, word, first) SELECT $1::text, unnest($2::bigint[]), unnest($3::bigint[])`
)

func (b *searchBlock) numbers() []int64 {
	return []int64{int64(b.lane), int64(b.first), int64(b.last), b.since, b.until, b.recordedSince, b.recordedUntil}
}

// writeBlocks writes blocks and their words one by one.
func writeBlocks(ctx context.Context, tx preparer, org string, blocks []searchBlock) error {
	rows := make([][]any, len(blocks))
	for i := range blocks {
		rows[i] = []any{org}
		for _, n := range blocks[i].numbers() {
			rows[i] = append(rows[i], n)
		}
	}
	if err := executeEach(ctx, tx, insertBlock, rows); err != nil {
		return err
	}
	words := wordsOf(org, blocks)
	rows = make([][]any, len(words))
	for i, w := range words {
		rows[i] = []any{org, w.word, w.first}
	}
	return executeEach(ctx, tx, insertWord, rows)
}

// blockStatements write the blocks of an append in its round trip.
func blockStatements(org string, blocks []searchBlock) []statement {
	if len(blocks) == 0 {
		return nil
	}
	columns := make([]*array, 7)
	for i := range columns {
		columns[i] = newArray(oidInt8)
	}
	for i := range blocks {
		for j, n := range blocks[i].numbers() {
			columns[j].int(n)
		}
	}
	params := [][]byte{[]byte(org)}
	for _, c := range columns {
		params = append(params, c.done())
	}
	word, first := newArray(oidInt8), newArray(oidInt8)
	for _, w := range wordsOf(org, blocks) {
		word.int(w.word)
		first.int(w.first)
	}
	return []statement{{insertBlockArrays, params}, {insertWordArrays, [][]byte{[]byte(org), word.done(), first.done()}}}
}

// isSearchIndex reports whether a table is a part of the index of a search.
func isSearchIndex(table string) bool { return table == "search_block" || table == "search_word" }

// indexTogether is how many events are indexed in one transaction.
const indexTogether = 2000

// IndexSearch makes the index for events that were recorded before there was one,
// the newest first, and about max of them at a time. It returns the place from
// which on the log is indexed; 0 is all of it.
func (s *Store) IndexSearch(ctx context.Context, org string, most int) (from uint64, err error) {
	ctx = within(ctx, org)
	from, err = s.indexedFrom(ctx, org)
	for done := 0; err == nil && from > 0 && done < most; done += indexTogether {
		from, err = s.indexBelow(ctx, org, from)
	}
	if err != nil {
		return from, fmt.Errorf("couldn't index the trail for searches: %w", explain(err))
	}
	return from, nil
}

func (s *Store) indexedFrom(ctx context.Context, org string) (uint64, error) {
	head, err := readHead(ctx, s.read, org)
	if err != nil {
		return 0, err
	}
	from := head.Frontier.Size()
	for _, lane := range whodid.SearchLanes() {
		var first sql.NullInt64
		const lowest = `SELECT MIN(first) FROM search_block WHERE org = $1 AND lane = $2`
		if err := s.read.QueryRowContext(ctx, lowest, org, int64(lane)).Scan(&first); err != nil {
			return 0, err
		}
		if first.Valid {
			from = min(from, uint64(first.Int64))
		}
	}
	return from, nil
}

// indexBelow indexes the events before a place, and returns the new one.
func (s *Store) indexBelow(ctx context.Context, org string, from uint64) (uint64, error) {
	rows, err := s.collect(ctx, fmt.Sprintf(`WHERE org = $1 AND seq < $2 ORDER BY seq DESC LIMIT %d`, indexTogether), []any{org, int64(from)})
	if err != nil {
		return from, err
	}
	slices.Reverse(rows)
	pointers := make([]*Row, len(rows))
	for i := range rows {
		pointers[i] = &rows[i]
	}
	readySearch(org, pointers)
	blocks := blocksOf(pointers)
	next := uint64(0)
	if len(rows) == indexTogether {
		next = rows[0].Seq
	}
	// A block without words says how far the index goes.
	blocks = append(blocks, searchBlock{lane: whodid.SearchBulk, first: next, last: next})
	return next, s.inWriteTx(ctx, func(tx *sql.Tx) error { return writeBlocks(ctx, tx, org, blocks) })
}

// reindex makes the blocks anew that have one of the places.
func (s *Store) reindex(ctx context.Context, w *sweep, places []int64) error {
	firsts := map[int64]bool{}
	for _, at := range places {
		for _, lane := range whodid.SearchLanes() {
			const holding = `SELECT first FROM (SELECT first, last FROM search_block WHERE org = $1 AND lane = $2 AND first <= $3 ORDER BY first DESC LIMIT 1) AS b WHERE last >= $3`
			found, err := queryColumn[int64](ctx, w, holding, w.org, int64(lane), at)
			if err != nil {
				return err
			}
			for _, first := range found {
				firsts[first] = true
			}
		}
	}
	for list := range slices.Chunk(sortedKeys(firsts), 500) {
		if err := s.reindexBlocks(ctx, w, list); err != nil {
			return err
		}
	}
	return nil
}

func sortedKeys(m map[int64]bool) []int64 {
	out := make([]int64, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

func (s *Store) reindexBlocks(ctx context.Context, w *sweep, firsts []int64) error {
	in, arg := s.dialect.amongNumbers("first", 2, firsts)
	blocks, err := s.blocks(ctx, w, `WHERE org = $1 AND `+in, []any{w.org, arg})
	if err != nil {
		return err
	}
	var anew []searchBlock
	for _, b := range blocks {
		var rows []*Row
		err := eachEvent(ctx, w, `WHERE org = $1 AND seq >= $2 AND seq <= $3 ORDER BY seq`, []any{w.org, int64(b.first), int64(b.last)}, func(r *Row, _ *scanner) error {
			if whodid.SearchLaneOf(r.What) != b.lane {
				return nil
			}
			row := *r
			if err := row.ParseData(); err != nil {
				return err
			}
			rows = append(rows, &row)
			return nil
		})
		if err != nil {
			return err
		}
		readySearch(w.org, rows)
		words := map[int64]struct{}{}
		for _, r := range rows {
			for _, list := range r.words {
				for _, d := range list {
					words[d] = struct{}{}
				}
			}
		}
		b.words = b.words[:0]
		for d := range words {
			b.words = append(b.words, d)
		}
		anew = append(anew, b)
	}
	for _, table := range []string{"search_word", "search_block"} {
		if _, err := w.ExecContext(ctx, `DELETE FROM `+table+` WHERE org = $1 AND `+in, w.org, arg); err != nil {
			return err
		}
	}
	return writeBlocks(ctx, w, w.org, anew)
}

// forgetSwept takes the blocks out of the index of which no event is left.
func (s *Store) forgetSwept(ctx context.Context, org string, last uint64) error {
	return s.inWriteTx(ctx, func(tx *sql.Tx) error {
		for _, q := range []string{
			`DELETE FROM search_block WHERE org = $1 AND last <= $2 AND first > 0 AND NOT EXISTS ` +
				`(SELECT 1 FROM event WHERE event.org = search_block.org AND event.seq >= search_block.first AND event.seq <= search_block.last)`,
			`DELETE FROM search_word WHERE org = $1 AND first > 0 AND first <= $2 AND first NOT IN (SELECT first FROM search_block WHERE org = $1)`,
		} {
			if _, err := tx.ExecContext(ctx, q, org, int64(last)); err != nil {
				return err
			}
		}
		return nil
	})
}
