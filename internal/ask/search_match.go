package ask

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/store"
)

// phrase is a word, or several that stand after one another.
type phrase struct{ words []string }

func newPhrase(text string) phrase { return phrase{store.Words(text)} }

// token is a word of a text.
type token struct {
	word    string
	at, end int
	part    bool // of a word such as rotateToken
}

func tokens(text string) []token {
	var out []token
	covered := -1
	whodid.SearchWords(text, func(word string, at, end int) {
		out = append(out, token{word, at, end, at < covered})
		covered = max(covered, end)
	})
	return out
}

// shortestBeginning is how many letters a word must have to be found as the
// beginning of others: the index has no shorter ones.
const shortestBeginning = 4

// fits tells how well a word is the one looked for: as a whole, as a beginning,
// or not at all.
func fits(word, wanted string) int {
	switch {
	case word == wanted:
		return wholeWord
	case strings.HasPrefix(word, wanted) && utf8.RuneCountInString(wanted) >= shortestBeginning:
		return 1
	default:
		return 0
	}
}

// find tells how well a text has the phrase, and where.
func (p phrase) find(in []token) (quality int, spans [][2]int) {
	if len(p.words) == 1 {
		for _, t := range in {
			if n := fits(t.word, p.words[0]); n > 0 {
				quality = max(quality, n)
				spans = append(spans, [2]int{t.at, t.end})
			}
		}
		return quality, spans
	}
	whole := make([]token, 0, len(in))
	for _, t := range in {
		if !t.part {
			whole = append(whole, t)
		}
	}
	last := len(p.words) - 1
	for i := 0; i+last < len(whole); i++ {
		n := 0
		for j, w := range p.words {
			if n = fits(whole[i+j].word, w); n == 0 || j < last && n < wholeWord {
				n = 0
				break
			}
		}
		if n > 0 {
			// Words that stand together tell more than each of them.
			quality = max(quality, n*len(p.words))
			spans = append(spans, [2]int{whole[i].at, whole[i+last].end})
		}
	}
	return quality, spans
}

// scored is how well an event fits, and the text of it that fits best.
type scored struct {
	score int
	part  string
	spans [][2]int
}

// accept judges an event, and remembers how well it fits.
func (q *search) accept(r *store.Row) bool {
	parts := r.SearchParts()
	cut := make([][]token, len(parts))
	for i, p := range parts {
		cut[i] = tokens(p.Text)
	}
	for _, p := range q.none {
		for _, in := range cut {
			if n, _ := p.find(in); n > 0 {
				return false
			}
		}
	}
	var found scored
	byPart := make([]int, len(parts))
	spans := make([][][2]int, len(parts))
	for _, p := range q.all {
		best := 0
		for i, in := range cut {
			n, where := p.find(in)
			if n == 0 {
				continue
			}
			n *= parts[i].Weight
			best = max(best, n)
			byPart[i] += n
			spans[i] = append(spans[i], where...)
		}
		if best == 0 {
			return false
		}
		found.score += best
	}
	best := 0
	for i, n := range byPart {
		if n > best {
			best, found.part, found.spans = n, parts[i].Text, spans[i]
		}
	}
	q.scores[r.Seq] = found
	return true
}

// searchPlace is where a page of hits ended.
type searchPlace struct {
	asOf   time.Time
	before [3]uint64 // by lane: the place before which to look; 0 is nothing left
	offset int       // in what is ranked together
	first  bool      // it is in what is ranked together first
	end    bool      // it is the beginning: before the end of the log
}

func (p *searchPlace) more() bool { return p.before != [3]uint64{} }

func (p *searchPlace) next() *searchPlace { return &searchPlace{asOf: p.asOf} }

// writtenSearch is a cursor as it is written. It is ours alone, and may change.
type writtenSearch struct {
	List   string    `json:"l"`
	AsOf   int64     `json:"t"`
	Before [3]uint64 `json:"b"`
	Offset int       `json:"o,omitempty"`
	First  bool      `json:"f,omitempty"`
}

func (p *searchPlace) write() *string {
	b, _ := json.Marshal(writtenSearch{"search", whodid.Micros(p.asOf), p.before, p.offset, p.first}) // numbers and text
	s := base64.RawURLEncoding.EncodeToString(b)
	return &s
}

// ErrCursor means that a cursor is none that a search gave.
var ErrCursor = errors.New("the cursor is none of this list")

func readSearchCursor(s string, now time.Time) (*searchPlace, error) {
	if s == "" {
		return &searchPlace{asOf: now.UTC().Truncate(time.Microsecond), first: true, end: true}, nil
	}
	var w writtenSearch
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err == nil {
		err = json.Unmarshal(b, &w)
	}
	if err != nil || w.List != "search" || w.Offset < 0 || max(w.Before[0], w.Before[1], w.Before[2]) > 1<<62 {
		return nil, ErrCursor
	}
	return &searchPlace{asOf: whodid.FromMicros(w.AsOf), before: w.Before, offset: w.Offset, first: w.First}, nil
}

// The lengths of what is shown of a text, in characters.
const (
	excerptLength = 120
	snippetLength = 160
	snippetBefore = 48
)

// excerpt is the beginning of a text.
func excerpt(text string) string {
	runes := []rune(text)
	if len(runes) <= excerptLength {
		return text
	}
	return string(runes[:excerptLength-1]) + "…"
}

// snippet is the part of a text around the first place that fits, and the places
// in it.
func snippet(text string, spans [][2]int) (string, []Mark) {
	marks := []Mark{}
	if len(spans) == 0 {
		return excerpt(text), marks
	}
	first := spans[0][0]
	for _, s := range spans {
		first = min(first, s[0])
	}
	start := first
	for n := 0; n < snippetBefore && start > 0; n++ {
		_, size := utf8.DecodeLastRuneInString(text[:start])
		start -= size
	}
	end := start
	for n := 0; n < snippetLength && end < len(text); n++ {
		_, size := utf8.DecodeRuneInString(text[end:])
		end += size
	}
	out, shift := text[start:end], 0
	if start > 0 {
		out, shift = "…"+out, 1
	}
	if end < len(text) {
		out += "…"
	}
	seen := map[[2]int]bool{}
	for _, s := range spans {
		if s[0] < start || s[1] > end || seen[s] {
			continue
		}
		seen[s] = true
		marks = append(marks, Mark{shift + utf8.RuneCountInString(text[start:s[0]]), utf8.RuneCountInString(text[s[0]:s[1]])})
	}
	return out, marks
}
