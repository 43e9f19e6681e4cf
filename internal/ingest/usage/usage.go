// Package usage reads what those who serve models say that was used and what it
// cost: exports of their consoles, answers of their APIs, and a plain invoice. It
// is pure: bytes in, lines out.
package usage

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"
	"unicode"
)

// Line is what a bill says of one model on one day in UTC.
type Line struct {
	Day string // such as 2026-10-31
	// Model is the name by which models are compared, see [Model]; empty if the
	// bill does not tell.
	Model string
	// Tokens tells whether the bill counts tokens, of which Input excludes those
	// read from or written to a cache.
	Tokens                               bool
	Input, Output, CacheRead, CacheWrite int64
	// Cost tells whether the bill says what it cost, in millionths of a US dollar.
	Cost       bool
	CostMicros int64
}

// Bill is what one file says.
type Bill struct {
	// Format is the name of the format that was found.
	Format string
	// Lines are by day and model, each once.
	Lines []Line
	// More tells that the file is a page of an answer that goes on.
	More bool
}

// The bounds of a bill: what is beyond them is none.
const (
	MaxBytes  = 64 << 20
	maxRows   = 2_000_000
	maxTokens = int64(1e15)
	maxModel  = 128
)

var maxAmount = big.NewRat(1_000_000_000, 1)

// Parse reads a bill in whichever of the formats it is.
func Parse(b []byte) (*Bill, error) {
	b = bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))
	text := bytes.TrimLeftFunc(b, unicode.IsSpace)
	if len(b) > MaxBytes {
		return nil, fmt.Errorf("it has %d bytes, %d are allowed", len(b), MaxBytes)
	}
	p := &parser{at: map[[2]string]int{}}
	var err error
	switch {
	case len(text) == 0:
		return nil, errors.New("it is empty")
	case text[0] == '{' || text[0] == '[':
		err = p.json(text)
	default:
		err = p.csv(b)
	}
	if err != nil {
		return nil, err
	}
	if p.rows == 0 {
		return nil, errors.New("it has no line of usage or cost")
	}
	return p.bill()
}

// parser adds up what the rows of a file say.
type parser struct {
	format string
	more   bool
	rows   int
	sums   []sum
	at     map[[2]string]int
}

// sum is a line while it is added up: amounts are exact until the end.
type sum struct {
	Line
	cost big.Rat
}

// row is one row of a file.
type row struct {
	day, model                           string
	input, output, cacheRead, cacheWrite string // empty if not told
	cachedWithin                         bool   // input holds what was read from a cache
	cost                                 *big.Rat
}

func (p *parser) add(r *row) error {
	if p.rows++; p.rows > maxRows {
		return fmt.Errorf("it has more than %d rows", maxRows)
	}
	day, err := dayOf(r.day)
	if err != nil {
		return err
	}
	key := [2]string{day, Model(r.model)}
	i, ok := p.at[key]
	if !ok {
		i = len(p.sums)
		p.at[key] = i
		p.sums = append(p.sums, sum{Line: Line{Day: key[0], Model: key[1]}})
	}
	s := &p.sums[i]
	if r.cost != nil {
		s.Cost = true
		s.cost.Add(&s.cost, r.cost)
	}
	if r.input == "" && r.output == "" && r.cacheRead == "" && r.cacheWrite == "" {
		return nil
	}
	s.Tokens = true
	var n [4]int64
	for j, text := range []string{r.input, r.output, r.cacheRead, r.cacheWrite} {
		if n[j], err = tokens(text); err != nil {
			return err
		}
	}
	if r.cachedWithin {
		n[0] = max(n[0]-n[2]-n[3], 0)
	}
	for j, to := range []*int64{&s.Input, &s.Output, &s.CacheRead, &s.CacheWrite} {
		if *to += n[j]; *to > maxTokens {
			return fmt.Errorf("%s of %s has more tokens than there are", day, r.model)
		}
	}
	return nil
}

func (p *parser) bill() (*Bill, error) {
	b := &Bill{Format: p.format, More: p.more}
	for i := range p.sums {
		s := &p.sums[i]
		if s.Cost {
			if new(big.Rat).Abs(&s.cost).Cmp(maxAmount) > 0 {
				return nil, fmt.Errorf("%s costs more than is believable", s.Day)
			}
			s.CostMicros = micros(&s.cost)
		}
		b.Lines = append(b.Lines, s.Line)
	}
	slices.SortFunc(b.Lines, func(x, y Line) int { return cmp.Or(cmp.Compare(x.Day, y.Day), cmp.Compare(x.Model, y.Model)) })
	return b, nil
}

// found notes the format of a row: a file has one.
func (p *parser) found(format string) error {
	if p.format != "" && p.format != format {
		return fmt.Errorf("it is %s and %s in one", p.format, format)
	}
	p.format = format
	return nil
}

// micros rounds an amount to whole millionths, halves away from zero.
func micros(amount *big.Rat) int64 {
	scaled := new(big.Rat).Mul(amount, big.NewRat(1_000_000, 1))
	half := big.NewRat(1, 2)
	if scaled.Sign() < 0 {
		half.Neg(half)
	}
	scaled.Add(scaled, half)
	return new(big.Int).Quo(scaled.Num(), scaled.Denom()).Int64()
}

// dollars reads an amount.
func dollars(text string) (*big.Rat, error) {
	r, ok := number(text)
	if !ok || new(big.Rat).Abs(r).Cmp(maxAmount) > 0 {
		return nil, fmt.Errorf("%.40q is no amount of money", text)
	}
	return r, nil
}

// number reads a number, which may be written for people: $1,234.50. Its exponent
// is bounded, so that nobody can make it take up the memory.
func number(text string) (*big.Rat, bool) {
	s := strings.NewReplacer(",", "", "$", "", " ", "").Replace(text)
	const longest = 40
	if s == "" || len(s) > longest || strings.Trim(s, "0123456789.-+eE") != "" {
		return nil, false
	}
	if _, exponent, ok := strings.Cut(strings.ToLower(s), "e"); ok && len(strings.TrimLeft(exponent, "+-0")) > 2 {
		return nil, false
	}
	return new(big.Rat).SetString(s)
}

// tokens reads a count; none is 0.
func tokens(text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	r, ok := number(text)
	if !ok || !r.IsInt() || r.Sign() < 0 || !r.Num().IsInt64() || r.Num().Int64() > maxTokens {
		return 0, fmt.Errorf("%.40q is no number of tokens", text)
	}
	return r.Num().Int64(), nil
}

// dayOf is the day in UTC of a time as exports write it: a date, RFC 3339, or
// seconds since 1970.
func dayOf(text string) (string, error) {
	text = strings.TrimSpace(text)
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return checkDay(t.UTC(), text)
	}
	if r, ok := number(text); ok && r.IsInt() && r.Num().IsInt64() && len(text) > len("20261031") {
		return checkDay(time.Unix(r.Num().Int64(), 0).UTC(), text)
	}
	if len(text) >= len(time.DateOnly) && (len(text) == len(time.DateOnly) || text[len(time.DateOnly)] == ' ' || text[len(time.DateOnly)] == 'T') {
		if t, err := time.Parse(time.DateOnly, text[:len(time.DateOnly)]); err == nil {
			return checkDay(t, text)
		}
	}
	return "", fmt.Errorf("%.40q is no day such as 2026-10-31", text)
}

func checkDay(t time.Time, text string) (string, error) {
	if t.Year() < 2000 || t.Year() > 2200 {
		return "", fmt.Errorf("%.40q is no day of this time", text)
	}
	return t.Format(time.DateOnly), nil
}

// Model is the name by which a model is compared: "Claude Haiku 4.5" on a bill,
// "claude-haiku-4-5-20251001" and "anthropic/claude-haiku-4.5" are one.
func Model(name string) string {
	name = strings.ToLower(strings.TrimSpace(name))
	// A line of OpenAI's costs says which tokens: "gpt-5-mini-2025-08-07, cached input".
	name, _, _ = strings.Cut(name, ",")
	for _, tokens := range []string{" cached input", " input", " output"} {
		name = strings.TrimSuffix(name, tokens)
	}
	if i := strings.LastIndexByte(name, '/'); i >= 0 {
		name = name[i+1:]
	}
	name = strings.Map(func(r rune) rune {
		switch {
		case r == ' ' || r == '.' || r == '_' || r == '@':
			return '-'
		case r < ' ' || r == unicode.ReplacementChar || !unicode.IsPrint(r):
			return -1
		default:
			return r
		}
	}, name)
	name = strings.Trim(strings.TrimSuffix(name, "-latest"), "-")
	name = withoutDate(name)
	if len(name) > maxModel {
		name = strings.ToValidUTF8(name[:maxModel], "")
	}
	return name
}

// withoutDate takes the date of a snapshot away: -20251001 or -2025-10-01.
func withoutDate(name string) string {
	for _, layout := range []string{"-20060102", "-2006-01-02"} {
		if cut := len(name) - len(layout); cut > 0 {
			if _, err := time.Parse(layout, name[cut:]); err == nil {
				return name[:cut]
			}
		}
	}
	return name
}
